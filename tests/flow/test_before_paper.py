"""What keeps a letter or a run from the paper: proofreading before the lawyer, preflight, a lawyer who takes a letter out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bank import PASSWORD, PRIVATE, letters, opened, proposed, rows_of, signed, taken_in

from songda.cli.drill import join, open_stand_in
from songda.flow.approve import approve
from songda.flow.assemble import assemble
from songda.flow.decide import rules_on
from songda.flow.handoff import NotAsLocked, hand_off, in_clear
from songda.flow.listing import proposal_files
from songda.flow.post import Carrier, order
from songda.flow.preflight import NoSuchPiece, draw_pieces, preflight_run
from songda.flow.press import lock_run, read_manifest
from songda.flow.produce import produce
from songda.flow.proofs import proof_letter
from songda.flow.proposal import ListChanged
from songda.flow.pull import NotToPull, TooLateToPull, pull_letters
from songda.flow.reviewing import release
from songda.flow.run import House, Watch, make_runs, post_and_follow
from songda.flow.tenants import with_templates
from songda.letters import house_template, parse, pool, run, take
from songda.letters.skimming import problems_of_record
from songda.sim.case_rows import AT, DAY, case_row, write_rows
from songda.store import tables

n, t, p, r = tables.attempt.c, tables.letter.c, tables.piece.c, tables.run.c


@contextmanager
def locked(folder: Path, count: int) -> Iterator[tuple[House, str, Carrier]]:
    """A drill whose letters are signed, with a carrier that gives waybills."""
    with opened(folder) as house, open_stand_in(house, seed=1) as post, join(post) as carrier:
        rows = [case_row(each, each, 剩余本金=str(20000 + each)) for each in range(count)]
        batch = taken_in(house, write_rows(folder / "cases.csv", *rows))
        signed(house, batch)
        yield house, batch, carrier


def printed(house: House, batch: str, carrier: Carrier) -> None:
    make_runs(house, batch, carrier=carrier, on=DAY, at=AT, watch=Watch())


# Proofread before the lawyer


def test_a_case_whose_own_words_threaten_is_an_exception_with_its_place(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        rows = [
            case_row(0, 0),
            case_row(1, 1, 产品名称="不还就坐牢贷"),
            case_row(2, 2, 产品名称="付至6222021234567890123"),
        ]
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", *rows))
        proposal = proposed(house, batch)
        assert len(proposal.letters) == 1
        found = {each.reasons: [(spot.list, spot.severity) for spot in each.spots] for each in proposal.exceptions}
        assert found == {("C02",): [("threat", "block")], ("printed.account",): []}
        (bad,) = [each for each in proposal.exceptions if each.spots]
        proofed = proof_letter(house.engine, house.tenant, bad.letter_no, lawyer_name=None, on=DAY)
        (spot,) = bad.spots
        assert "坐牢" in proofed.passages[spot.passage - 1].text[spot.start : spot.end]
        files = dict(proposal_files(proposal, rules_on(house.tenant, DAY)))
        assert proposal.letters[0].places[0][1] in files["approval-list.csv"]
        assert "威胁（禁止）" in files["exceptions.csv"]
        assert "坐牢" not in files["exceptions.csv"]
        assert "不在白名单的账号" in files["exceptions.csv"]
        signed(house, batch)
        assert sorted((each.state, *each.reasons) for each in letters(house, batch))[1:] == [
            ("held", "C02"),
            ("held", "printed.account"),
        ]


def test_one_changed_character_is_another_list_than_was_seen(tmp_path: Path) -> None:
    with opened(tmp_path) as plain:
        batch = taken_in(plain, write_rows(tmp_path / "cases.csv", case_row(0, 0)))
        seen = proposed(plain, batch).listing().list_hash
        proposed(plain, batch).must_be(seen)
        text = house_template("lawyer_letter").text
        take(tmp_path, plain.tenant.id, parse(text.replace("特此函告。", "特此函告！")))
        house = replace(plain, tenant=with_templates(plain.tenant, tmp_path))
        with pytest.raises(ListChanged):
            proposed(house, batch).must_be(seen)


# Preflight on the way


def test_a_record_that_fails_preflight_is_held_and_the_others_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = problems_of_record
    with locked(tmp_path, 2) as (house, batch, carrier):
        bad = letters(house, batch)[0]

        def look(template: Any, content: Any, record: Any, imprints: Any) -> tuple[str, ...]:
            return ("page1.edge",) if content.letter_no == bad.letter_no else real(template, content, record, imprints)

        monkeypatch.setattr(pool, "problems_of_record", look)
        printed(house, batch, carrier)
        found = {each.id: (each.state, each.reasons) for each in letters(house, batch)}
        assert found.pop(bad.id) == ("held", ["print:preflight:page1.edge"])
        assert [state for state, _ in found.values()] == ["active"]
        assert len(rows_of(house, p.id, state="queued")) == 1


def test_a_piece_that_fails_at_the_lock_leaves_the_run_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = run._read_again
    with locked(tmp_path, 3) as (house, batch, carrier):
        produce(house.engine, house.tenant, batch, home=house.home, workers=1, at=AT)
        run_id = assemble(house.engine, house.tenant, batch, on=DAY, at=AT)
        assert run_id is not None
        order(house.engine, house.tenant, batch, carrier=carrier, at=AT)
        bad, changed = rows_of(house, p.id, p.attempt_id, run_id=run_id)[:2]
        with house.engine.begin() as connection:
            connection.execute(tables.attempt.update().where(n.id == changed.attempt_id).values(record_sha256="0" * 64))

        def read(data: bytes, file: Any, rows: Any, records: Any) -> Iterator[tuple[str, str]]:
            yield from real(data, file, rows, records)
            if any(row.piece_id == bad.id for row in rows):
                yield bad.id, "preflight:page1.code_missing"

        monkeypatch.setattr(run, "_read_again", read)
        manifest = lock_run(house.engine, house.tenant, run_id, home=house.home, at=AT)
        assert manifest is not None
        assert {row.piece_id for row in manifest.pieces}.isdisjoint({bad.id, changed.id})
        assert len(manifest.pieces) == 1
        assert sorted(each.reasons for each in letters(house, batch) if each.state == "held") == [
            ["print:preflight:page1.code_missing"],
            ["print:record_changed"],
        ]
        assert sorted(rows_of(house, p.state)) == [("pulled",), ("pulled",), ("queued",)]
        unused = tables.task.c
        assert len(rows_of(house, unused.id, kind="waybill_unused")) == 2


def test_what_is_not_as_it_was_locked_is_not_handed_to_the_factory_and_pieces_are_drawn(tmp_path: Path) -> None:
    with locked(tmp_path, 1) as (house, batch, carrier):
        printed(house, batch, carrier)
        (locked_run,) = rows_of(house, r.id, state="locked")
        assert list(preflight_run(house.engine, house.tenant, locked_run.id, home=house.home)) == []
        (piece,) = rows_of(house, p.id)
        ((_, png),) = draw_pieces(house.engine, house.tenant, locked_run.id, [piece.id], home=house.home)
        assert png.startswith(b"\x89PNG")
        with pytest.raises(NoSuchPiece):
            list(draw_pieces(house.engine, house.tenant, locked_run.id, ["pce_x"], home=house.home))
        with house.engine.begin() as connection:
            connection.execute(tables.run.update().values(manifest_sha256="0" * 64))
        with pytest.raises(NotAsLocked):
            hand_off(
                house.engine, house.tenant, locked_run.id, home=house.home, to=tmp_path / "out", lock=in_clear(), at=AT
            )
        assert not (tmp_path / "out" / locked_run.id).exists()


# A lawyer takes letters out


def pulled(house: House, number: str) -> Any:
    (done,) = pull_letters(house.engine, house.tenant, [number], reason="amount_doubtful", lawyer_name=None, at=AT)
    return done


def test_a_letter_is_pulled_before_the_signature_and_released_to_it_again(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(0, 0), case_row(1, 1)))
        number = letters(house, batch)[0].letter_no
        assert pulled(house, number).was == "ready"
        assert len(proposed(house, batch).letters) == 1
        assert sorted((each.state, *each.reasons) for each in letters(house, batch))[0] == ("held", "pulled_by_lawyer")
        with pytest.raises(NotToPull):
            pulled(house, number)
        release(house.engine, house.tenant, [number], reason="lawyer_consulted", by="ops-7", at=AT)
        assert len(proposed(house, batch).letters) == 2


def test_a_letter_is_pulled_after_the_signature_before_and_after_the_lock_and_never_once_it_is_posted(
    tmp_path: Path,
) -> None:
    with locked(tmp_path, 3) as (house, batch, carrier):
        first, second, third = (each.letter_no for each in letters(house, batch))
        assert pulled(house, first).was == "approved"
        printed(house, batch, carrier)
        done = pulled(house, second)
        assert done.was == "active"
        assert len(done.pieces) == 1
        post_and_follow(house, [batch], carrier=carrier, on=DAY, at=AT, watch=Watch())
        states = {each.letter_no: each.state for each in letters(house, batch)}
        assert states == {first: "held", second: "held", third: "active"}
        assert sorted(rows_of(house, p.state)) == [("handed_over",), ("pulled",)]
        with pytest.raises(TooLateToPull):
            pulled(house, third)
        assert {each.letter_no for each in read_manifest(house.home, rows_of(house, r.id)[0].id).pieces} == {
            second,
            third,
        }


def test_a_signature_leaves_out_what_the_lawyer_pulls_while_signing(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(0, 0), case_row(1, 1)))
        proposal = proposed(house, batch)
        number = proposal.letters[0].letter_no
        approve(
            house.engine,
            house.tenant,
            proposal,
            private_key=PRIVATE,
            password=PASSWORD,
            at=AT,
            pulled={number: "amount_doubtful"},
        )
        assert {each.letter_no: each.state for each in letters(house, batch)}[number] == "held"
        assert len(rows_of(house, tables.approved.c.letter_id)) == 1
