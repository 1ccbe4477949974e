"""Encrypted case files are opened in memory alone, and what goes back is encrypted too."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pyrage
import pytest
import python_calamine
from bank import letters, opened, rows_of

from songda.base import days
from songda.base.errors import SongdaError
from songda.flow.exchange import NotEncrypted, NotForUs, exchange_key
from songda.flow.exchange import opened as decrypted
from songda.flow.figures import summarise
from songda.flow.outputs import write_outputs
from songda.flow.run import Watch, take_in
from songda.sim.case_rows import DAY, case_row, write_rows
from songda.store import tables

INSTITUTION = pyrage.x25519.Identity.generate()
EXCHANGE = ("[policy]", f'[exchange]\nrecipient = "{INSTITUTION.to_public()}"\nencrypted_only = true\n\n[policy]')


def encrypted(path: Path, key: str) -> Path:
    to = path.with_name(path.name + ".age")
    to.write_bytes(pyrage.encrypt(path.read_bytes(), [pyrage.x25519.Recipient.from_str(key)]))
    return to


def test_an_encrypted_file_makes_the_batch_that_the_plain_one_makes(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        plain = write_rows(tmp_path / "cases.csv", case_row(1, 1), case_row(2, 2))
        closed = encrypted(plain, exchange_key(house.home, house.tenant))
        at, made = days.at(DAY, 17), []
        for path in (closed, plain, encrypted(plain, exchange_key(house.home, house.tenant))):
            with decrypted(house.home, house.tenant, path) as file:
                made.append(take_in(house, file, as_of=DAY, drill=True, at=at, watch=Watch())[0])
        assert len(set(made)) == 1
        assert [each.state for each in letters(house, made[0])] == ["ready", "ready"]
        # Nothing of it lies on the disk: what was opened had no name.
        name = case_row(1, 1)["姓名"].encode()
        assert [path for path in tmp_path.rglob("*") if path.is_file() and name in path.read_bytes()] == [plain]


def test_what_is_opened_is_gone_when_it_is_closed(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        closed = encrypted(write_rows(tmp_path / "c.csv", case_row(1, 1)), exchange_key(house.home, house.tenant))
        before = len([*Path("/proc/self/fd").iterdir()])
        with decrypted(house.home, house.tenant, closed) as file:
            assert file.read_bytes()
        assert len([*Path("/proc/self/fd").iterdir()]) == before
        assert (house.home / "exchange").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("spoil", ["stranger", "cut", "changed"])
def test_what_is_not_for_us_or_not_whole_is_refused_by_its_name(tmp_path: Path, spoil: str) -> None:
    with opened(tmp_path) as house:
        plain = write_rows(tmp_path / "cases.csv", case_row(1, 1))
        key = str(INSTITUTION.to_public()) if spoil == "stranger" else exchange_key(house.home, house.tenant)
        closed = encrypted(plain, key)
        data = bytearray(closed.read_bytes())
        if spoil == "cut":
            del data[-20:]
        if spoil == "changed":
            data[-20] ^= 1
        closed.write_bytes(data)
        with pytest.raises(NotForUs) as caught, decrypted(house.home, house.tenant, closed):
            pass
        assert "cases.csv.age" in caught.value.message_zh


def test_errors_name_the_file_as_the_person_does(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        empty = tmp_path / "empty.csv"
        empty.write_bytes(b"")
        closed = encrypted(empty, exchange_key(house.home, house.tenant))
        with pytest.raises(SongdaError) as caught, decrypted(house.home, house.tenant, closed) as file:
            take_in(house, file, as_of=DAY, drill=True, at=days.at(DAY, 17), watch=Watch())
        assert "empty.csv.age" in caught.value.message_zh
        with pytest.raises(SongdaError) as caught, decrypted(house.home, house.tenant, tmp_path / "none.age"):
            pass
        assert "none.age" in caught.value.message_zh


def test_a_profile_may_refuse_files_in_the_clear_and_gets_its_rows_back_encrypted(tmp_path: Path) -> None:
    with opened(tmp_path, EXCHANGE) as house:
        refused = case_row(2, 2) | {"身份证号": "110105194912310021"}
        plain = write_rows(tmp_path / "cases.csv", case_row(1, 1), refused)
        with pytest.raises(NotEncrypted) as caught, decrypted(house.home, house.tenant, plain):
            pass
        assert caught.value.exit_code == 77
        closed, at = encrypted(plain, exchange_key(house.home, house.tenant)), days.at(DAY, 17)
        with decrypted(house.home, house.tenant, closed) as file:
            batch, sheet = take_in(house, file, as_of=DAY, drill=True, at=at, watch=Watch())
        out = tmp_path / "out"
        out.mkdir()
        told = summarise(house.engine, house.tenant, batch, on=DAY)
        write_outputs(house.engine, house.tenant, batch, told, out=out, home=house.home, sheet=sheet, at=at)
        assert not (out / "rejected.xlsx").exists()
        back = out / "rejected.xlsx.age"
        assert back.stat().st_mode & 0o777 == 0o600
        book = python_calamine.load_workbook(io.BytesIO(pyrage.decrypt(back.read_bytes(), [INSTITUTION])))
        cells = [cell for row in book.get_sheet_by_name("案件").to_python() for cell in row]
        assert refused["姓名"] in cells
        assert rows_of(house, tables.audit.c.details, action="rejected.handed_back") == [({"rows": 1},)]


def test_each_institution_has_a_key_of_its_own(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        key = exchange_key(house.home, house.tenant)
        assert exchange_key(house.home, house.tenant) == key
        other = replace(house.tenant, id="ten_other")
        assert exchange_key(house.home, other) != key
        sealed = (house.home / "exchange" / f"{house.tenant.id}.key").read_bytes()
        assert b"AGE-SECRET" not in sealed
