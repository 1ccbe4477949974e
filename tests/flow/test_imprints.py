"""A scanned seal and a handwritten signature, from the scan to the paper: kept sealed, and laid on approved letters alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from bank import letters, opened, proposed, rows_of, signed

from scans import pictures, scan
from songda.base import days
from songda.flow.imprints import ImprintInUse, keep_imprint, read_imprints, remove_imprint, with_imprints
from songda.flow.produce import produce
from songda.flow.run import House, Watch, take_in
from songda.flow.samples import letter_pdf, sample_pdfs
from songda.letters import NotAnImprint, UnknownImprint, from_scan, imprint_id
from songda.sim.case_rows import AT, DAY, case_row, write_rows
from songda.store import tables

SEAL, HAND = scan(), scan((900, 320), ink=(20, 20, 60))
NAMES = imprint_id(from_scan(SEAL, "seal")), imprint_id(from_scan(HAND, "signature"))
NAMED = (
    ('letter_series = "', f'seal_imprint = "{NAMES[0]}"\nletter_series = "'),
    ("daily_max = ", f'signature_imprint = "{NAMES[1]}"\ndaily_max = '),
)


def kept(house: House) -> House:
    for data, use in ((SEAL, "seal"), (HAND, "signature")):
        keep_imprint(house.engine, house.tenant, data, use=use, home=house.home, at=AT)  # type: ignore[arg-type]
    return replace(house, tenant=with_imprints(house.tenant, house.home))


def taken_in(house: House, folder: Path) -> str:
    path = write_rows(folder / "cases.csv", case_row(1, 1))
    return take_in(house, path, as_of=DAY, drill=False, at=days.at(DAY, 17), watch=Watch())[0]


def record(house: House, batch: str) -> bytes:
    (letter,) = letters(house, batch)
    found = letter_pdf(house.engine, house.tenant, letter.letter_no, home=house.home, lawyer_name=None)
    assert found is not None
    return found[1]


def test_a_sample_bears_neither_and_the_approved_letter_both(tmp_path: Path) -> None:
    with opened(tmp_path, *NAMED) as plain:
        house = kept(plain)
        batch = taken_in(house, tmp_path)
        ((_, sample),) = sample_pdfs(house.engine, house.tenant, proposed(house, batch), count=1)
        assert pictures(sample) == 1
        signed(house, batch)
        assert pictures(record(house, batch)) == 1
        done = produce(house.engine, house.tenant, batch, home=tmp_path, workers=1, at=days.at(DAY, 17))
        assert (done.rendered, done.failed, done.void) == (1, 0, 0)
        assert pictures(record(house, batch)) == 3


def test_what_was_approved_keeps_its_seal_when_the_profile_names_another(tmp_path: Path) -> None:
    with opened(tmp_path, *NAMED) as plain:
        house = kept(plain)
        batch = taken_in(house, tmp_path)
        signed(house, batch)
        profile = house.tenant.profile
        firm = profile.firm.model_copy(update={"seal_imprint": None})
        later = replace(house.tenant, profile=profile.model_copy(update={"firm": firm}))
        assert produce(house.engine, later, batch, home=tmp_path, workers=1, at=days.at(DAY, 17)).rendered == 1
        assert pictures(record(house, batch)) == 3


def test_nothing_is_approved_with_an_imprint_that_is_not_kept(tmp_path: Path) -> None:
    with opened(tmp_path, *NAMED) as house:
        batch = taken_in(house, tmp_path)
        with pytest.raises(UnknownImprint) as caught:
            signed(house, batch)
        assert "songda imprint add" in caught.value.message_zh
        assert [each.state for each in letters(house, batch)] == ["ready"]


def test_a_letter_whose_imprint_was_removed_is_held(tmp_path: Path) -> None:
    with opened(tmp_path, *NAMED) as plain:
        house = kept(plain)
        batch = taken_in(house, tmp_path)
        signed(house, batch)
        with pytest.raises(ImprintInUse):
            remove_imprint(house.engine, house.tenant, NAMES[0], home=tmp_path, at=AT)
        profile = house.tenant.profile
        firm = profile.firm.model_copy(update={"seal_imprint": None})
        later = replace(house.tenant, profile=profile.model_copy(update={"firm": firm}))
        remove_imprint(house.engine, later, NAMES[0], home=tmp_path, at=AT)
        later = with_imprints(later, tmp_path)
        assert produce(house.engine, later, batch, home=tmp_path, workers=1, at=days.at(DAY, 17)).failed == 1
        (letter,) = letters(house, batch)
        assert (letter.state, letter.reasons) == ("held", ["print:UnknownImprint"])
        with pytest.raises(UnknownImprint):
            remove_imprint(house.engine, later, NAMES[0], home=tmp_path, at=AT)


def test_it_lies_sealed_and_another_institution_has_none_of_it(tmp_path: Path) -> None:
    with opened(tmp_path) as plain:
        house = kept(plain)
        kept(plain)
        assert len(rows_of(house, tables.audit.c.seq, action="imprint.add")) == 2
        assert set(read_imprints(house.tenant, tmp_path)) == set(NAMES)
        for file in (tmp_path / "imprints").rglob("*.bin"):
            assert b"PNG" not in file.read_bytes()
        assert read_imprints(replace(house.tenant, id="ten_other"), tmp_path) == {}
        with pytest.raises(NotAnImprint):
            keep_imprint(house.engine, house.tenant, b"no picture", use="seal", home=tmp_path, at=AT)
