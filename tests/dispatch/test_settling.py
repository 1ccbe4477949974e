"""What facts and deadlines make of posted letters."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files
from typing import Any

import pytest
from posted import BOTH, POSTED, TENANT, after, waybill
from sqlalchemy import insert

from songda.carriers import load_mapping
from songda.carriers.tracking_mapping import read_mapping
from songda.dispatch import Settled, accept_outcomes, doubts_of, load_deadlines, settle
from songda.store import tables

NOTHING = Settled(
    folded=0,
    carried=0,
    reported=0,
    corrected=0,
    settled=0,
    silent=0,
    locked=0,
    revised=0,
    letters_revised=0,
    review=0,
    parked=0,
)
TRANSIT = [(0, 18, "203"), (0, 21, "305"), (1, 9, "954"), (2, 6, "306")]

#: Chain after the delivery office, day on which it is settled, way of the attempt, (provisional grade, grade).
CASES: dict[str, tuple[list[Any], float, list[str], tuple[str | None, str | None]]] = {
    "nothing heard": ([], 6, [], (None, None)),
    "nothing heard for seven days": ([], 7, ["silent"], (None, None)),
    "on its way": ([*TRANSIT], 3, ["carried"], (None, None)),
    "tried": ([*TRANSIT, (2, 9, "702"), (2, 16, "705:4")], 3, ["carried"], (None, None)),
    "signed today": ([*TRANSIT, (2, 11, "704:10")], 2, ["carried", "reported"], ("A1", None)),
    "signed two days ago": ([*TRANSIT, (2, 11, "704:10")], 4, ["carried", "reported"], ("A1", None)),
    "signed three days ago": ([*TRANSIT, (2, 11, "704:10")], 5, ["carried", "reported", "settled"], ("A1", "A1")),
    "signed by a relative": (
        [*TRANSIT, (2, 11, "704:20", {"signer": "家人"})],
        5,
        ["carried", "reported", "settled"],
        ("A2", "A2"),
    ),
    "left in a locker": ([*TRANSIT, (2, 11, "704:50")], 12, ["carried", "reported", "settled"], ("C", "C")),
    "left in a locker, not yet settled": ([*TRANSIT, (2, 11, "704:50")], 11, ["carried", "reported"], ("C", None)),
    "50 locker, then collected": (
        [*TRANSIT, (2, 11, "704:50"), (3, 18, "704:10")],
        6,
        ["carried", "reported", "settled"],
        ("A1", "A1"),
    ),
    "51 locker, then returned": (
        [*TRANSIT, (2, 11, "704:50"), (9, 9, "708"), (13, 10, "711")],
        13,
        ["carried", "reported", "settled"],
        ("E", "E"),
    ),
    "held for collection": ([*TRANSIT, (2, 11, "705:8"), (2, 12, "723")], 6, ["carried"], (None, None)),
    "refused": ([*TRANSIT, (2, 11, "705:7")], 5, ["carried", "reported", "settled"], ("D", "D")),
    "on its way back": ([*TRANSIT, (2, 11, "705:3"), (3, 9, "708")], 8, ["carried"], (None, None)),
    "returned": (
        [*TRANSIT, (2, 11, "705:3"), (3, 9, "708"), (8, 10, "711")],
        8,
        ["carried", "reported", "settled"],
        ("E", "E"),
    ),
    "refused and returned": (
        [*TRANSIT, (2, 11, "705:7"), (3, 9, "708"), (8, 10, "711")],
        8,
        ["carried", "reported", "settled"],
        ("D", "D"),
    ),
    "lost": ([*TRANSIT, (4, 17, "705:13")], 4.3, ["carried", "locked"], (None, None)),
    "49 signed by mistake": ([*TRANSIT, (2, 11, "704:10"), (2, 13, "743")], 3, ["carried"], (None, None)),
    "47 out of order and twice": (
        [(2, 11, "704:10"), *reversed(TRANSIT), *TRANSIT, (2, 11, "704:10")],
        5,
        ["carried", "reported", "settled"],
        ("A1", "A1"),
    ),
    "48 before the hand-over": ([(-2, 18, "203"), (-1, 11, "704:10")], 3, [], (None, None)),
    "48 in the future": ([*TRANSIT, (30, 11, "704:10")], 3, ["carried"], (None, None)),
    "52 unknown code": ([(1, 9, "X99")], 3, [], (None, None)),
    "silent for seven days": ([*TRANSIT], 9, ["carried", "silent"], (None, None)),
    "no outcome for twenty days": (
        [*TRANSIT, *((day, 9, "954") for day in range(5, 20, 5))],
        20,
        ["carried", "silent"],
        (None, None),
    ),
    "locker without a signature after its window": (
        [*TRANSIT, (2, 11, "747")],
        12,
        ["carried", "reported", "settled"],
        ("C", "C"),
    ),
    "acceptance taken back": ([(0, 18, "203"), (0, 19, "207")], 3, ["carried"], (None, None)),
}


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_chains_come_to_their_states_and_grades_and_stay_there(house: Any) -> None:
    house.settle(0, 8)
    house.posted(len(CASES))
    for number, (chain, _, _, _) in enumerate(CASES.values(), start=1):
        house.tell(number, *chain)
    every = set(house.rows("attempt", "id"))
    for day in sorted({day for _, day, _, _ in CASES.values()}):
        due = [f"att_{no:03d}" for no, case in enumerate(CASES.values(), start=1) if case[1] == day]
        # Only the letters of this day: the others must not be judged later than their row says.
        house.change("attempt", every, look_at=None)
        house.change("attempt", due, look_at=after(day, 0))
        house.settle(day)
        assert house.settle(day) == NOTHING, day
    for number, (name, (_, _, way, grades)) in enumerate(CASES.items(), start=1):
        assert (name, house.way(f"att_{number:03d}")[1:]) == (name, way)
        assert (name, house.attempt(number)[1:]) == (name, grades)


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_the_whole_life_day_by_day_and_every_day_twice(house: Any) -> None:
    house.posted(1)
    story = {0: TRANSIT[:2], 1: TRANSIT[2:3], 2: [*TRANSIT[3:], (2, 9, "702"), (2, 11, "704:10")]}
    counted: dict[int, tuple[int, ...]] = {}
    for day in range(8):
        house.tell(1, *story.get(day, ()))
        first, second = house.settle(day, 22), house.settle(day, 22)
        counted[day] = (first.carried, first.reported, first.settled)
        assert (second.carried, second.reported, second.settled) == (0, 0, 0)
    assert counted == {
        0: (1, 0, 0),
        1: (0, 0, 0),
        2: (0, 1, 0),
        3: (0, 0, 0),
        4: (0, 0, 0),
        5: (0, 0, 1),
        6: (0, 0, 0),
        7: (0, 0, 0),
    }
    assert house.way("att_001") == ["posted", "carried", "reported", "settled"]
    assert house.settle(8) == NOTHING


def test_every_change_of_the_sub_state_is_in_the_history(house: Any) -> None:
    house.posted(1)
    for day, hour, code in TRANSIT:
        house.tell(1, (day, hour, code))
        house.settle(day, hour + 1)
    assert house.rows("transition", "target", "reason")[-3:] == [
        ("carried", "first_event"),
        ("carried", "in_transit"),
        ("carried", "at_office"),
    ]


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_49_a_corrected_signature_goes_back_to_the_road(house: Any) -> None:
    house.posted(1)
    house.tell(1, *TRANSIT, (2, 11, "704:10"))
    house.settle(2, 20)
    assert house.attempt() == ("reported", "A1", None)
    house.tell(1, (2, 13, "743"))
    assert house.settle(3).corrected == 1
    assert house.attempt() == ("carried", None, None)
    house.tell(1, (3, 12, "704:20", {"signer": "家人"}))
    house.settle(3, 20)
    house.settle(6)
    assert house.attempt() == ("settled", "A2", "A2")
    assert house.way("att_001")[1:] == ["carried", "reported", "carried", "reported", "settled"]


def test_a_reported_outcome_that_becomes_another_is_corrected_at_once(house: Any) -> None:
    house.posted(1)
    house.tell(1, *TRANSIT, (2, 11, "747"))
    house.settle(2)
    house.tell(1, (3, 18, "704:10"))
    settled = house.settle(3, 20)
    assert (settled.corrected, settled.reported) == (1, 1)
    assert house.attempt() == ("reported", "A1", None)


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_49_signed_then_returned_after_the_letter_was_closed_is_a_revision(house: Any) -> None:
    house.posted(2)
    for number in (1, 2):
        house.tell(number, *TRANSIT, (2, 11, "704:10"))
    house.settle(2)
    house.settle(5)
    house.change("letter", state="closed", grade="A1")
    house.tell(1, (8, 9, "741"), (12, 10, "711"))
    settled = house.settle(12)
    assert (settled.revised, settled.letters_revised) == (1, 1)
    assert house.rows("letter", "state", "grade", "revision", "flags") == [
        ("closed", "E", 1, ["returned_after_signed"]),
        ("closed", "A1", 0, []),
    ]
    assert house.attempt() == ("settled", "A1", "E")
    assert house.way("ltr_001") == ["closed"]
    assert house.settle(12) == NOTHING


def test_a_proof_that_is_taken_back_late_is_none(house: Any) -> None:
    house.posted(1)
    house.tell(1, *TRANSIT, (2, 11, "704:10"))
    house.settle(2)
    house.settle(5)
    house.tell(1, (6, 9, "743"))
    assert house.settle(6).revised == 1
    assert house.attempt() == ("settled", "A1", "F")
    house.tell(1, (7, 11, "704:10"))
    house.settle(7)
    assert house.attempt() == ("settled", "A1", "A1")


def test_the_revision_window_ends(house: Any) -> None:
    house.posted(2)
    for number in (1, 2):
        house.tell(number, *TRANSIT, (2, 11, "704:10"))
    house.settle(2)
    house.settle(5)
    house.tell(1, (6, 9, "741"), (10, 9, "711"))
    assert house.settle(64).revised == 1
    house.tell(2, (6, 9, "741"), (10, 9, "711"))
    assert house.settle(66) == NOTHING
    assert house.attempt(2)[2] == "A1"


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_60_silence_is_asked_about_and_settles_and_a_late_result_revises_it(house: Any) -> None:
    house.posted(1)
    house.tell(1, *TRANSIT[:3])
    house.settle(1)
    assert house.settle(7).silent == 0
    assert house.settle(8).silent == 1
    assert house.tasks("carrier_silent") == [("open", "since 2026-12-02")]
    assert house.settle(17) == NOTHING
    assert house.settle(18).settled == 1
    assert house.attempt() == ("settled", None, "F")
    assert house.tasks("carrier_silent") == [("dropped", "since 2026-12-02")]
    house.change("letter", state="closed", grade="F")
    house.tell(1, (19, 11, "704:10"))
    assert house.settle(19, 20).letters_revised == 1
    assert house.rows("letter", "grade", "revision") == [("A1", 1)]


def test_an_event_ends_the_silence_and_a_new_silence_is_a_new_question(house: Any) -> None:
    house.posted(1)
    house.tell(1, *TRANSIT[:3])
    house.settle(1)
    house.settle(8)
    house.done("carrier_silent")
    house.tell(1, (9, 6, "306"))
    assert house.settle(9).carried == 1
    assert house.settle(15) == NOTHING
    assert house.settle(16).silent == 1
    assert house.tasks("carrier_silent") == [("done", "since 2026-12-02"), ("open", "since 2026-12-10")]
    assert house.way("att_001")[1:] == ["carried", "silent", "carried", "silent"]


def test_an_old_event_that_comes_late_does_not_begin_the_wait_again(house: Any) -> None:
    house.posted(1)
    house.tell(1, *TRANSIT[:3])
    house.settle(1)
    house.settle(8)
    house.tell(1, (0, 22, "389"))
    house.settle(9)
    assert house.attempt()[0] == "silent"
    assert house.settle(18).settled == 1


def test_what_is_on_its_way_back_settles_with_what_is_known(house: Any) -> None:
    house.posted(1)
    house.tell(1, *TRANSIT, (2, 11, "705:3"), (3, 9, "708"))
    house.settle(3)
    house.settle(10)
    house.settle(20)
    assert house.attempt() == ("settled", None, "E")


def test_what_is_doubtful_and_falls_silent_proves_nothing_before_a_person_has_looked(house: Any) -> None:
    house.posted(2)
    doubtful = [*TRANSIT, (2, 11, "705:4"), (3, 9, "708"), (4, 10, "704:10")]
    for number in (1, 2):
        house.tell(number, *doubtful)
    house.settle(4)
    assert house.tasks("outcome_review") == [("open", "returning:E signed_after_returning")] * 2
    with house.database.begin() as connection:
        first = [doubt for doubt in doubts_of(connection, tenant_id=TENANT) if doubt.attempt_id == "att_001"]
        accept_outcomes(connection, first, at=after(13))
    for day in (11, 13, 23):
        house.settle(day)
    assert [house.attempt(number) for number in (1, 2)] == [("settled", None, "E"), ("settled", None, "F")]
    house.accept()
    house.settle(24)
    assert house.attempt(2) == ("settled", None, "E")


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_57_a_doubtful_outcome_waits_for_a_person(house: Any) -> None:
    house.posted(1)
    house.tell(1, *TRANSIT, (2, 11, "748"))
    assert house.settle(2).review == 1
    for day in (5, 9, 40):
        assert house.settle(day) == NOTHING
    assert house.attempt() == ("reported", "C", None)
    assert house.tasks("outcome_review") == [("open", "signed:C signer_unchecked")]
    house.accept()
    assert house.settle(41).settled == 1
    assert house.settle(42) == NOTHING


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_what_a_person_accepts_settles_as_the_trace_says(house: Any) -> None:
    house.posted(2)
    house.tell(1, *TRANSIT, (2, 11, "748"))
    house.tell(2, *TRANSIT, (2, 11, "748"))
    house.settle(2)
    with house.database.begin() as connection:
        first, second = doubts_of(connection, tenant_id=TENANT)
        assert (first.outcome, first.flags, first.since) == ("signed:C", ("signer_unchecked",), after(2).date())
        accept_outcomes(connection, [first], at=after(3))
        assert doubts_of(connection, tenant_id=TENANT) == [second]
        assert doubts_of(connection, tenant_id="ten_2") == []
    assert (house.settle(4).settled, house.settle(4).settled) == (0, 0)
    assert house.settle(5).settled == 1
    assert house.attempt() == ("settled", "C", "C")


def test_a_person_judges_one_outcome_and_not_the_next(house: Any) -> None:
    house.posted(1)
    house.tell(1, *TRANSIT, (2, 11, "748"))
    house.settle(2)
    house.done("outcome_review")
    house.tell(1, (3, 9, "708"), (3, 15, "704:10"), (3, 18, "711"))
    assert house.settle(4).review == 1
    assert house.tasks("outcome_review") == [
        ("done", "signed:C signer_unchecked"),
        ("open", "returned_to_sender:E signed_after_returning"),
    ]
    assert house.attempt()[0] == "reported"


def test_a_doubt_that_goes_away_takes_its_task_with_it(house: Any) -> None:
    house.posted(1)
    house.tell(1, *TRANSIT, (2, 11, "748"))
    house.settle(2)
    house.tell(1, (2, 11, "748", {"name_match": True}))
    assert house.settle(3).review == 0
    assert house.tasks("outcome_review") == [("dropped", "signed:C signer_unchecked")]
    assert house.attempt() == ("reported", "A1", None)


def test_a_revision_in_doubt_waits_for_a_person_too(house: Any) -> None:
    house.posted(1)
    house.tell(1, *TRANSIT, (2, 11, "704:10"))
    house.settle(2)
    house.settle(5)
    house.tell(1, (7, 9, "708"), (7, 11, "704:10"))
    assert house.settle(8).review == 1
    assert house.settle(9) == NOTHING
    assert house.attempt()[2] == "A1"
    house.accept()
    assert house.settle(10).revised == 1
    assert house.settle(11) == NOTHING


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_52_an_unknown_code_is_parked_until_the_mapping_knows_it(house: Any) -> None:
    house.posted(1)
    house.tell(1, *TRANSIT, (2, 11, "V_704"))
    assert house.settle(3).parked == 1
    house.done("events_parked")
    assert house.settle(4).parked == 1
    assert house.tasks("events_parked") == [("done", "unknown_code:V_704")]
    home = files("songda.carriers")
    codes = home.joinpath("tracking_codes.csv").read_text("utf-8") + "V_704,,signed_self,,fine,本人签收,test,one,\n"
    facts = home.joinpath("tracking_facts.toml").read_text("utf-8").replace('version = "', 'version = "next-')
    newer = read_mapping(codes=codes, facts=facts)
    settled = house.settle(6, mapping=newer)
    assert (settled.reported, settled.settled, settled.parked) == (1, 1, 0)
    assert house.attempt() == ("settled", "A1", "A1")


def test_53_a_new_mapping_folds_everything_again_without_asking(house: Any) -> None:
    house.posted(2)
    for number in (1, 2):
        house.tell(number, *TRANSIT, (2, 11, "704:70"))
    house.settle(2)
    house.settle(5)
    newer = replace(load_mapping(), version="2099.1")
    settled = house.settle(6, mapping=newer)
    assert (settled.folded, settled.revised) == (2, 0)
    assert house.settle(6, mapping=newer) == NOTHING


def test_48_an_event_of_tomorrow_counts_tomorrow(house: Any) -> None:
    house.posted(1)
    house.tell(1, *TRANSIT, (4, 11, "704:10"))
    assert house.settle(3).parked == 1
    assert house.tasks("events_parked") == [("open", "in_the_future:704")]
    assert house.attempt()[0] == "carried"
    assert house.settle(4).parked == 0
    assert house.attempt() == ("reported", "A1", None)
    assert house.tasks("events_parked") == [("dropped", "in_the_future:704")]


def test_55_of_two_letters_of_one_attempt_the_signed_one_counts_and_both_are_flagged(house: Any) -> None:
    house.printed(1)
    with house.database.begin() as connection:
        connection.execute(
            insert(tables.piece),
            {"id": "pie_901", "attempt_id": "att_001", "run_id": "run_1", "copy": 2, "state": "enveloped"}
            | {"version": 0, "order_no": "att_001-2", "waybill_no": waybill(901), "seq": 9},
        )
    house.hand_over()
    second = {"waybill_no": waybill(901)}
    house.tell(1, *TRANSIT, (2, 11, "987"))
    house.settle(3)
    assert house.attempt()[0] == "posted", "nothing was heard of the second letter"
    house.tell(1, (3, 11, "704:10", second))
    house.settle(3)
    assert house.attempt() == ("reported", "A1", None)
    house.tell(1, (4, 11, "704:10"))
    house.settle(7)
    assert house.attempt()[2] == "A1"
    assert "duplicate_delivery" in house.rows("decision", "reasons")[-1]


@pytest.mark.parametrize(
    ("origin", "product", "grade"),
    [
        ("contract", "consumer_loan", "B2"),
        ("id_card", None, "B2"),
        ("debtor_update", "consumer_loan", "C"),
        ("reserved", "credit_card", "B1"),
        (None, None, "C"),
    ],
)
def test_the_basis_of_the_address_and_the_product_decide_on_b(
    house: Any, origin: str | None, product: str | None, grade: str
) -> None:
    house.printed(1)
    house.change("address_record", origin=origin)
    house.change("case", product=product)
    house.hand_over()
    house.tell(1, *TRANSIT, (2, 11, "704:100"))
    house.settle(2)
    assert house.attempt() == ("reported", grade, None)


def test_cases_of_different_products_give_no_product(house: Any) -> None:
    house.printed(2)
    house.change("address_record", origin="reserved")
    house.change("case", "cas_001", product="credit_card")
    with house.database.begin() as connection:
        connection.execute(insert(tables.letter_case), {"letter_id": "ltr_001", "case_id": "cas_002"})
    house.hand_over()
    house.tell(1, *TRANSIT, (2, 11, "704:70"))
    house.settle(2)
    assert house.attempt() == ("reported", "C", None)


def test_another_tenant_is_not_settled(house: Any) -> None:
    house.posted(1)
    house.tell(1, *TRANSIT)
    assert settle(house.database, tenant_id="ten_2", at=after(2)) == NOTHING
    assert house.settle(2).carried == 1


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_only_what_has_news_or_a_deadline_is_looked_at(house: Any) -> None:
    house.posted(3)
    house.tell(1, *TRANSIT[:1])
    house.tell(2, *TRANSIT, (2, 11, "704:10"))
    assert house.settle(2).folded == 3
    assert house.settle(3, 9) == NOTHING
    house.tell(1, (3, 10, "306"))
    assert house.settle(3, 11).folded == 1
    assert house.settle(4, 23) == NOTHING
    settled = house.settle(5, 1)
    assert (settled.folded, settled.settled) == (1, 1)


def test_other_deadlines_or_a_repetition_that_was_asked_for_look_at_everything(house: Any) -> None:
    house.posted(2)
    house.tell(1, *TRANSIT, (2, 11, "704:10"))
    house.settle(2)
    assert house.settle(2) == NOTHING
    assert house.settle(2, again=True).folded == 2
    shorter = replace(load_deadlines(), objection_days=1)
    assert house.settle(3, deadlines=shorter).settled == 1
    assert house.settle(3, deadlines=shorter) == NOTHING


def test_the_deadlines_are_a_table(house: Any) -> None:
    house.posted(1)
    house.tell(1, *TRANSIT, (2, 11, "704:10"))
    assert house.settle(2, deadlines=replace(load_deadlines(), objection_days=0)).settled == 1


@pytest.mark.parametrize("database", BOTH, indirect=True)
@pytest.mark.parametrize("broken_at", range(1, 9))
def test_a_settling_that_breaks_off_goes_on_where_it_stood(
    house: Any, broken_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever step is the last one: chunks before it stand, its own chunk is untouched, a repetition ends the same."""
    house.posted(6)
    for number in range(1, 7):
        house.tell(number, *TRANSIT, (2, 11, "704:10" if number % 2 else "748"))
    import songda.dispatch.settling as module

    calls = iter(range(1, 100))
    for name in ("move", "write_said"):
        real = getattr(module, name)

        def step(*args: Any, real: Any = real, **more: Any) -> Any:
            result = real(*args, **more)
            if next(calls) == broken_at:
                raise KeyboardInterrupt
            return result

        monkeypatch.setattr(module, name, step)
    with pytest.raises(KeyboardInterrupt):
        house.settle(5, chunk=2)
    done = (broken_at - 1) // 4
    assert house.rows("attempt", "state").count("posted") == 6 - 2 * done
    monkeypatch.undo()
    house.settle(5, chunk=2)
    assert house.rows("attempt", "state") == ["settled", "reported"] * 3
    assert [house.way(f"att_{n:03d}")[1:] for n in (1, 2)] == [
        ["carried", "reported", "settled"],
        ["carried", "reported"],
    ]
    assert house.rows("decision", "stage").count("outcome") == 6
    assert [state for state, _ in house.tasks("outcome_review")] == ["open"] * 3


def test_a_settled_posting_of_long_ago_is_not_read_again(house: Any) -> None:
    house.posted(1, at=POSTED - timedelta(days=200))
    house.tell(1, (-190, 9, "203"), (-188, 9, "704:10"))
    house.settle(-188)
    house.settle(-185)
    assert house.attempt()[0] == "settled"
    house.tell(1, (-180, 9, "708"))
    assert house.settle(0) == NOTHING


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_facts_that_arrive_while_letters_are_settled_are_not_overlooked(house: Any) -> None:
    house.posted(6)
    events = [*TRANSIT, (2, 9, "702"), (2, 16, "705:4"), (3, 9, "702"), (3, 11, "704:10")]
    failures: list[BaseException] = []

    def hear(number: int) -> None:
        try:
            for each in events:
                house.tell(number, each)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=hear, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        house.settle(4)
    for thread in threads:
        thread.join()
    assert failures == []
    house.settle(4)
    assert house.rows("attempt", "state", "provisional_grade") == [("reported", "A1")] * 6
    assert house.settle(4) == NOTHING
