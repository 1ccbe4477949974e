"""Doors that a letter passes once: one open letter a debtor, a lawyer's day, a manifest that both sides hold."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bank import letters, opened, proposed, rows_of, signed, taken_in

from songda.base import days
from songda.cli.drill import join, open_stand_in
from songda.flow import assemble as gate
from songda.flow import factory
from songda.flow.factory import ManifestRejected
from songda.flow.press import read_manifest
from songda.flow.produce import produce
from songda.flow.proposal import DailyMaximumReached
from songda.flow.reviewing import release
from songda.flow.run import Watch, make_runs, post_and_follow
from songda.flow.stop import stop_letter
from songda.sim.case_rows import AT, DAY, case_row, id_number, write_rows
from songda.store import tables


def test_5_a_debtor_with_an_open_letter_gets_no_other(tmp_path: Path) -> None:
    """5. Another request about a person whose letter is open is refused: one open letter at a time."""
    with opened(tmp_path) as house:
        first = taken_in(house, write_rows(tmp_path / "1.csv", case_row(0, 0)))
        second = taken_in(house, write_rows(tmp_path / "2.csv", case_row(0, 5), case_row(1, 1)))
        assert [each.state for each in letters(house, first)] == ["ready"]
        assert sorted((each.state, *each.reasons) for each in letters(house, second)) == [
            ("not_sent", "open_letter"),
            ("ready", "chosen"),
        ]


def test_71_a_lawyer_signs_no_more_than_the_daily_maximum_and_the_rest_waits(tmp_path: Path) -> None:
    """71. Lawyer over the daily maximum: the rest waits."""
    with opened(tmp_path, ("daily_max = 100000", "daily_max = 1")) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(0, 0), case_row(1, 1)))
        assert (len(proposed(house, batch).letters), proposed(house, batch).waiting) == (1, 1)
        signed(house, batch)
        with pytest.raises(DailyMaximumReached):
            proposed(house, batch)
        assert sorted(each.state for each in letters(house, batch)) == ["approved", "ready"]
        signed(house, batch, DAY + timedelta(days=1))
        assert {each.state for each in letters(house, batch)} == {"approved"}


def test_40_a_run_whose_manifest_the_factory_holds_otherwise_is_rejected_and_dealt_again(tmp_path: Path) -> None:
    """40. Manifest acknowledged with another hash: run rejected, nothing printed; its pieces go to the next run."""
    r, p = tables.run.c, tables.piece.c
    with opened(tmp_path) as house, open_stand_in(house, seed=1) as post, join(post) as carrier:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(0, 0)))
        signed(house, batch)
        make_runs(house, batch, carrier=carrier, on=DAY, at=AT, watch=Watch())
        (run,) = rows_of(house, r.id, batch_id=batch)
        with pytest.raises(ManifestRejected):
            factory.acknowledge(house.engine, run.id, manifest_sha256="0" * 64, at=AT)
        assert rows_of(house, r.state, batch_id=batch) == [("rejected",)]
        before = rows_of(house, p.id, p.state, p.waybill_no)
        make_runs(house, batch, carrier=carrier, on=DAY, at=AT, watch=Watch())
        assert rows_of(house, p.id, p.state, p.waybill_no) == before
        (again,) = rows_of(house, r.id, batch_id=batch, state="locked")
        assert len(read_manifest(house.home, again.id).pieces) == 1
        assert post.stats()["orders"] == 1


def test_a_letter_held_at_the_lock_goes_again_under_the_next_number_once_it_is_released(tmp_path: Path) -> None:
    n, t, p = tables.attempt.c, tables.letter.c, tables.piece.c
    tomorrow = DAY + timedelta(days=1)
    with opened(tmp_path) as house, open_stand_in(house, seed=1) as post, join(post) as carrier:
        batch = taken_in(house, write_rows(tmp_path / "1.csv", case_row(0, 0)))
        signed(house, batch)
        # Another name comes under the same ID number.
        taken_in(house, write_rows(tmp_path / "2.csv", case_row(2, 2, 身份证号=id_number(0))))
        make_runs(house, batch, carrier=carrier, on=DAY, at=AT, watch=Watch())
        (letter,) = rows_of(house, t.id, t.state, t.letter_no, batch_id=batch)
        assert letter.state == "held"
        assert rows_of(house, n.n, n.state, letter_id=letter.id) == [(1, "dropped")]
        release(house.engine, house.tenant, [letter.letter_no], reason="client_confirmed", by="a", second="b", at=AT)
        signed(house, batch, tomorrow)
        at = days.at(tomorrow, 17)
        make_runs(house, batch, carrier=carrier, on=tomorrow, at=at, watch=Watch())
        post_and_follow(house, [batch], carrier=carrier, on=tomorrow, at=at, watch=Watch())
        assert sorted(rows_of(house, n.n, n.state, n.posted_on, letter_id=letter.id)) == [
            (1, "dropped", None),
            (2, "posted", tomorrow),
        ]
        assert rows_of(house, p.copy, p.state) == [(1, "handed_over")]
        assert post.stats()["orders"] == 1


def test_a_stop_that_comes_while_the_gate_judges_leaves_no_piece_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n, t, p = tables.attempt.c, tables.letter.c, tables.piece.c
    real = gate._at_the_lock
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(0, 0), case_row(1, 1)))
        signed(house, batch)
        produce(house.engine, house.tenant, batch, home=house.home, workers=1, at=AT)
        mine = letters(house, batch)[0]

        def judge_slowly(*arguments: Any, **options: Any) -> Any:
            verdicts = real(*arguments, **options)
            arguments[0].rollback()
            stop_letter(house.engine, house.tenant, mine.letter_no, reason="paid", by="ops-7", at=AT)
            return verdicts

        monkeypatch.setattr(gate, "_at_the_lock", judge_slowly)
        gate.assemble(house.engine, house.tenant, batch, on=DAY, at=AT)
        assert rows_of(house, t.state, id=mine.id) == [("withdrawn",)]
        (attempt,) = rows_of(house, n.id, n.state, letter_id=mine.id)
        assert attempt.state == "dropped"
        assert rows_of(house, p.id, attempt_id=attempt.id) == []
        assert len(rows_of(house, p.id)) == 1
