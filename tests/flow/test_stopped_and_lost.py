"""Letters that are stopped on their way through the house, and letters that the carrier loses. One job for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import losing_courier
import pytest
from bank import letters, opened, rows_of, signed, taken_in

from songda.base import days
from songda.cli.drill import join, open_stand_in
from songda.dispatch import Answer
from songda.flow import factory
from songda.flow.assemble import assemble
from songda.flow.figures import summarise
from songda.flow.judged import decisions_of_letter
from songda.flow.links import read_links
from songda.flow.post import order
from songda.flow.press import lock_run, read_manifest
from songda.flow.produce import produce
from songda.flow.run import House, Watch, make_runs, post_and_follow
from songda.flow.stop import places_in_runs, stop_letter
from songda.sim.case_rows import AT, DAY, case_row, write_rows
from songda.store import history, out_of_balance, read_accounts, tables

#: Debtors of the job by what happens to their letters; the number is the debtor's, and his door is 100 more.
SIGNED, BEFORE_LOCK, IN_FACTORY, PAID, LATE, LOST_ONCE, LOST_ALWAYS, SPOILED = range(8)


@dataclass(frozen=True)
class Job:
    house: House
    batch: str
    #: Debtor → id of his letter.
    ids: dict[int, str]
    answers: dict[int, Answer]
    stats: dict[str, Any]

    def way(self, object_id: str) -> list[tuple[str, str]]:
        with self.house.engine.connect() as connection:
            return [(step.target, step.reason) for step in history(connection, object_id)]

    def attempt(self, debtor: int) -> Any:
        n = tables.attempt.c
        (found,) = rows_of(self.house, n.id, n.state, n.grade, n.posted_on, letter_id=self.ids[debtor])
        return found

    def pieces(self, debtor: int) -> list[Any]:
        p = tables.piece.c
        rows = rows_of(self.house, p.copy, p.state, p.order_no, p.id, attempt_id=self.attempt(debtor).id)
        return sorted(rows)

    def letter(self, debtor: int) -> Any:
        t = tables.letter.c
        (found,) = rows_of(self.house, t.state, t.grade, t.flags, t.reasons, t.letter_no, id=self.ids[debtor])
        return found


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    folder = tmp_path_factory.mktemp("house")
    rows = [case_row(n, n, 剩余本金=str(20000 + n), 放款金额="60000") for n in range(8)]
    with pytest.MonkeyPatch.context() as patch, opened(folder) as house:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        with (
            open_stand_in(house, seed=1, courier=losing_courier.courier, starts_at=days.at(DAY, 8)) as post,
            join(post) as carrier,
        ):
            batch = taken_in(house, write_rows(folder / "cases.csv", *rows))
            signed(house, batch)
            by_amount = {each.amount_fen // 100 - 20000: each for each in letters(house, batch)}
            answers = {}

            def stop(debtor: int, at: Any) -> None:
                number = by_amount[debtor].letter_no
                stopped = stop_letter(house.engine, house.tenant, number, reason="disputed", by="ops-7", at=at)
                answers[debtor] = stopped.answers[by_amount[debtor].id]

            # Step by step through the first day, with a stop in each crack.
            produce(house.engine, house.tenant, batch, home=house.home, workers=1, at=AT)
            paid = case_row(PAID, PAID, 剩余本金="20003", 放款金额="60000", 案件状态="已结清")
            taken_in(house, write_rows(folder / "paid.csv", paid))
            run_id = assemble(house.engine, house.tenant, batch, on=DAY, at=AT)
            assert run_id is not None
            order(house.engine, house.tenant, batch, carrier=carrier, at=AT)
            stop(BEFORE_LOCK, AT)
            manifest = lock_run(house.engine, house.tenant, run_id, home=house.home, at=AT)
            assert manifest is not None
            stop(IN_FACTORY, AT)
            factory.acknowledge(house.engine, run_id, manifest_sha256=manifest.run_sha256, at=AT)
            ids = {debtor: each.id for debtor, each in by_amount.items()}
            spoil(house, run_id, ids[SPOILED])
            post_and_follow(house, [batch], carrier=carrier, on=DAY, at=AT, watch=Watch())
            stop(LATE, days.at(DAY, 18))
            for number in (1, *range(4, 60, 4)):
                on = DAY + timedelta(days=number)
                at = days.at(on, 17)
                post.advance(to=at)
                make_runs(house, batch, carrier=carrier, on=on, at=at, watch=Watch())
                post_and_follow(house, [batch], carrier=carrier, on=on, at=at, watch=Watch())
            yield Job(house, batch, ids, answers, post.stats())


def spoil(house: House, run_id: str, letter_id: str) -> None:
    """The factory reports the run; the letter's piece has jammed."""
    n, p = tables.attempt.c, tables.piece.c
    (attempt,) = rows_of(house, n.id, letter_id=letter_id)
    (piece,) = rows_of(house, p.id, attempt_id=attempt.id)
    factory.report(house.engine, house.tenant, run_id, at=AT, spoiled={piece.id: "jam"})


def test_a_stop_before_the_lock_withdraws_and_the_run_is_locked_without_the_letter(job: Job) -> None:
    assert job.answers[BEFORE_LOCK].outcome == "withdrawn"
    assert (job.letter(BEFORE_LOCK).state, job.letter(BEFORE_LOCK).reasons) == ("withdrawn", ["stop:disputed"])
    assert job.attempt(BEFORE_LOCK).state == "dropped"
    assert [piece.state for piece in job.pieces(BEFORE_LOCK)] == ["pulled"]


def test_45_a_stop_in_the_factory_recalls_the_piece_and_says_where_it_lies(job: Job) -> None:
    """45. Stop order between printing and enveloping: taken out, recorded. (That the inserter diverts it: the press, later.)"""
    answer = job.answers[IN_FACTORY]
    assert answer.outcome == "recalled"
    (piece,) = answer.pieces
    with job.house.engine.connect() as connection:
        assert places_in_runs(connection, [piece])[piece].startswith("000001/")
    assert (job.attempt(IN_FACTORY).state, job.letter(IN_FACTORY).state) == ("recalled", "withdrawn")
    assert [piece.state for piece in job.pieces(IN_FACTORY)] == ["pulled"]


def test_69_a_debtor_who_pays_between_approval_and_lock_gets_no_letter(job: Job) -> None:
    """69. Debtor pays between approve and lock: the gate lock withdraws."""
    assert job.letter(PAID).state == "withdrawn"
    assert "S05" in job.letter(PAID).reasons
    assert job.way(job.ids[PAID])[-1] == ("withdrawn", "gate_lock")
    assert job.attempt(PAID).state == "dropped"
    assert job.pieces(PAID) == []


def test_28_a_stop_after_the_hand_over_asks_for_interception_and_keeps_the_real_result(job: Job) -> None:
    """28. Cancel after hand-over: interception requested, the letter closes with its real result."""
    answer = job.answers[LATE]
    assert (answer.outcome, answer.posted_at) == ("too_late", AT)
    assert (job.letter(LATE).state, job.letter(LATE).grade) == ("closed", "A1")
    assert "stop_requested" in job.letter(LATE).flags
    k = tables.task.c
    (task,) = rows_of(job.house, k.state, k.reason, kind="intercept")
    assert (task.state, task.reason) == ("done", f"stop:disputed posted {DAY}")


def test_a_lost_letter_is_sent_again_as_the_same_attempt(job: Job) -> None:
    """Loss is no second attempt: a new piece with a new waybill, counted once."""
    assert [(piece.copy, piece.state) for piece in job.pieces(LOST_ONCE)] == [(1, "handed_over"), (2, "handed_over")]
    assert (job.attempt(LOST_ONCE).state, job.attempt(LOST_ONCE).grade) == ("settled", "A1")
    assert ("locked", "lost") in job.way(job.attempt(LOST_ONCE).id)
    assert (job.letter(LOST_ONCE).state, job.letter(LOST_ONCE).grade) == ("closed", "A1")
    summary = summarise(job.house.engine, job.house.tenant, job.batch, on=DAY)
    assert summary.second_attempts == 0
    # Each letter once, each envelope paid for.
    assert (summary.posted, sum(summary.grades.values())) == (5, 5)
    assert sum(int(cost.note.split("，")[1].removesuffix(" 件")) for cost in summary.costs) == 5 + 1 + 2


def test_a_letter_that_is_lost_again_and_again_ends_as_lost(job: Job) -> None:
    assert [piece.state for piece in job.pieces(LOST_ALWAYS)] == ["handed_over"] * 3
    assert (job.attempt(LOST_ALWAYS).state, job.attempt(LOST_ALWAYS).grade) == ("settled", "F")
    assert job.way(job.ids[LOST_ALWAYS])[-1] == ("closed", "no_other_place")


def test_each_envelope_that_the_carrier_got_is_paid_for_and_the_books_balance(job: Job) -> None:
    r = tables.reservation.c
    with job.house.engine.connect() as connection:
        assert out_of_balance(connection, job.house.tenant.id) == {}
        account = next(each for each in read_accounts(connection, job.house.tenant.id) if each.period == job.batch)
    replaced = [piece.id for debtor in (LOST_ONCE, LOST_ALWAYS) for piece in job.pieces(debtor) if piece.copy > 1]
    paid = {row.object_id: row.state for row in rows_of(job.house, r.object_id, r.state)}
    assert [paid[piece] for piece in replaced] == ["spent"] * 3
    # A reprint of what the factory spoiled is posted in place of the first, not beside it.
    assert not {piece.id for piece in job.pieces(SPOILED)} & paid.keys()
    assert account.reserved_fen == 0
    summary = summarise(job.house.engine, job.house.tenant, job.batch, on=DAY)
    # The letter that was recalled from the factory had been committed with the lock.
    assert account.spent_fen == summary.cost_fen * 9 // 8


def test_a_lost_letter_does_not_start_the_interval_and_a_signed_one_does(job: Job) -> None:
    c = tables.case.c
    with job.house.engine.connect() as connection:
        links = read_links(connection, job.house.tenant, c.id.is_not(None), on=DAY + timedelta(days=60), batch_id="")
    last = dict(links.select("owed_fen", "last_days").unique().iter_rows())
    assert last[2_000_000 + 100 * LOST_ALWAYS] is None
    assert last[2_000_000 + 100 * SIGNED] == 60


def test_43_a_reprint_is_a_new_piece_of_the_same_letter(job: Job) -> None:
    """43. Reprint has a new piece id and the same letter number. (The old piece at the stacker: the press, later.)"""
    assert [(piece.copy, piece.state) for piece in job.pieces(SPOILED)] == [(1, "spoiled"), (2, "handed_over")]
    assert len({piece.order_no for piece in job.pieces(SPOILED)}) == 2
    assert (job.letter(SPOILED).state, job.letter(SPOILED).grade) == ("closed", "A1")


def test_every_run_is_reconciled_and_its_manifest_lists_what_was_printed(job: Job) -> None:
    r = tables.run.c
    runs = rows_of(job.house, r.id, r.state, r.pieces, batch_id=job.batch)
    assert {run.state for run in runs} == {"reconciled"}
    for run in runs:
        assert run.pieces == len(read_manifest(job.house.home, run.id).pieces)
    assert job.stats["duplicates"] == 0


def test_nothing_is_left_waiting_when_all_is_over(job: Job) -> None:
    b, k = tables.batch.c, tables.task.c
    assert rows_of(job.house, b.state, id=job.batch) == [("done",)]
    assert rows_of(job.house, k.reason, kind="overdue", state="open") == []


def test_every_gate_leaves_its_verdict_of_a_letter_that_passes_them_all(job: Job) -> None:
    (piece,) = job.pieces(SIGNED)
    d = tables.decision.c
    for stage, object_id, outcome in (
        ("accept", job.ids[SIGNED], "ready"),
        ("approve", job.ids[SIGNED], "approved"),
        ("lock", job.attempt(SIGNED).id, "printed"),
        ("hand_over", piece.id, "passed"),
    ):
        (kept,) = rows_of(job.house, d.outcome, d.inputs_sha256, d.versions, object_id=object_id, stage=stage)
        assert kept.outcome == outcome
        assert len(kept.inputs_sha256) == 64
        assert kept.versions["rules"]
    with job.house.engine.connect() as connection:
        told = decisions_of_letter(connection, job.house.tenant, job.letter(SIGNED).letter_no)
    gates = {each["stage"]: each for each in told}
    assert list(gates)[:4] == ["accept", "approve", "lock", "hand_over"]
    assert gates["hand_over"]["applied"] == ["S01", "S02", "S03", "S04", "S05", "S07"]
    assert "C04" in gates["lock"]["applied"]
