from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.carriers import Event, fold, load_mapping, to_fact
from songda.carriers.tracking_mapping import read_mapping

MAPPING = load_mapping()
#: Two real chains, as far as the delivery office.
TRANSIT = ["203", "345", "305", "954", "389", "954", "389", "954", "389", "306"]
AIR = ["912", "954", "389", "954", "389", "306"]


@pytest.fixture
def chain(at, posted_at):
    """`chain("203", "702", "704:10")`: an event every three hours, folded; a pair adds fields to an event."""

    def folded(*codes, as_of=None, **about):
        events = []
        for position, code in enumerate(codes, start=1):
            name, fields = code if isinstance(code, tuple) else (code, {})
            events.append(at(3 * position, name, **fields))
        return fold(events, mapping=MAPPING, handed_over_at=posted_at, as_of=as_of, **about)

    return folded


def test_nothing_heard_is_posted_and_proves_nothing(chain):
    outcome = chain()
    assert (outcome.state, outcome.grade, outcome.at, outcome.review) == ("posted", None, None, False)


@pytest.mark.parametrize(
    ("codes", "state", "grade"),
    [
        (["203"], "accepted", None),
        (TRANSIT[:5], "in_transit", None),
        (TRANSIT, "at_office", None),
        ([*TRANSIT, "713"], "at_office", None),
        ([*TRANSIT, "702"], "out_for_delivery", None),
        ([*TRANSIT, "702", "704:10"], "signed", "A1"),
        ([*TRANSIT, "702", "704:161"], "stored", "C"),
        ([*AIR, "702", "705:1"], "tried_failed", None),
        ([*AIR, "702", "705:1", "702", ("704:20", {"signer": "家人"})], "signed", "A2"),
        ([*AIR, "702", "704:20"], "signed", "C"),
        ([*AIR, "702", ("704:20", {"signer": "同事"})], "signed", "C"),
        ([*AIR, "702", "704:70"], "signed", "C"),
        ([*AIR, "702", "704"], "signed", "C"),
        ([*AIR, "702", ("704", {"signer": "本人"})], "signed", "A1"),
        ([*AIR, "702", "747"], "stored", "C"),
        ([*AIR, "702", "747", "748"], "signed", "C"),
        ([*AIR, "702", "747", ("748", {"name_match": True})], "signed", "A1"),
        ([*AIR, "702", "705:8", "723"], "stored", None),
        ([*AIR, "702", "705:7"], "refused", "D"),
        ([*AIR, "702", "705:7", "708"], "returning", "D"),
        ([*AIR, "702", "705:7", "708", "711"], "returned_to_sender", "D"),
        ([*AIR, "702", "705:3", "708"], "returning", "E"),
        ([*AIR, "702", "705:3", "708", "954", "306", "702", "711"], "returned_to_sender", "E"),
        ([*AIR, "702", "705:13"], "lost", "F"),
        (["203", "987"], "lost", "F"),
        ([*AIR, "704:180"], "lost", "F"),
        ([*AIR, "704:120"], "stored", "F"),
        (["203", "013"], "intercepted", "F"),
        (["203", "207"], "posted", None),
    ],
)
def test_chain_comes_to_its_state_and_grade(chain, codes, state, grade):
    outcome = chain(*codes)
    assert (outcome.state, outcome.grade) == (state, grade)


def test_47_order_repetition_and_one_second_do_not_matter(at, posted_at):
    events = [at(h, code) for h, code in [(1, "203"), (20, "306"), (30, "702"), (33, "704:10")]]
    second = replace(events[3], op_time=events[3].op_time + timedelta(seconds=1))
    once = fold([*events, second], mapping=MAPPING, handed_over_at=posted_at)
    twice = fold([second, *reversed(events), *events], mapping=MAPPING, handed_over_at=posted_at)
    assert once == twice
    assert once.state == "signed"
    assert once.at == second.op_time


def test_48_event_before_the_hand_over_or_in_the_future_is_parked(at, posted_at):
    events = [at(-2, "704:10"), at(-0.2, "203"), at(50, "704:20")]
    outcome = fold(events, mapping=MAPPING, handed_over_at=posted_at, as_of=posted_at + timedelta(hours=2))
    assert outcome.state == "accepted"
    assert [parked.reason for parked in outcome.parked] == ["before_hand_over", "in_the_future"]


def test_48_nothing_is_true_of_a_letter_not_handed_over(at):
    outcome = fold([at(1, "704:10")], mapping=MAPPING, handed_over_at=None)
    assert (outcome.state, outcome.grade, len(outcome.parked)) == ("posted", None, 1)


def test_49_voided_delivery_is_under_way_again(chain):
    assert chain(*AIR, "702", "704:10", "743").state == "out_for_delivery"
    again = chain(*AIR, "702", "704:10", "743", "702", ("704:20", {"signer": "家人"}))
    assert (again.state, again.grade, again.review) == ("signed", "A2", False)


def test_49_signed_then_returned_is_returned_and_says_so(chain):
    outcome = chain(*AIR, "702", "704:10", "708", "711")
    assert (outcome.state, outcome.grade) == ("returned_to_sender", "E")
    assert "returned_after_signed" in outcome.flags
    assert chain(*AIR, "702", "704:10", "741").state == "returning"


def test_50_locker_then_signed_in_person_is_signed(chain):
    for locker in ("747", "704:50"):
        outcome = chain(*AIR, "702", locker, "704:10")
        assert (outcome.state, outcome.grade, outcome.review) == ("signed", "A1", False)


def test_51_locker_then_return_is_no_delivery(chain):
    outcome = chain(*AIR, "702", "747", "708", "711", address_basis="reserved", product="credit_card")
    assert (outcome.state, outcome.grade) == ("returned_to_sender", "E")


def test_52_unknown_code_is_parked_and_a_later_table_reads_it(at, posted_at):
    events = [at(1, "203"), at(30, "X77")]
    before = fold(events, mapping=MAPPING, handed_over_at=posted_at)
    assert before.state == "accepted"
    assert [(parked.key[2], parked.reason) for parked in before.parked] == [("X77", "unknown_code")]

    later = replace(MAPPING, version="2", codes=dict(MAPPING.codes) | {("X77", ""): MAPPING.codes["704", "10"]})
    after = fold(events, mapping=later, handed_over_at=posted_at)
    assert (after.state, after.grade, after.parked, after.mapping_version) == ("signed", "A1", (), "2")


def test_53_second_version_of_the_table_refolds_old_events(at, posted_at):
    from importlib.resources import files

    home = files("songda.carriers")
    codes = (
        home.joinpath("tracking_codes.csv")
        .read_text(encoding="utf-8")
        .replace("704,60,proxy_weak", "704,60,left_somewhere")
    )
    facts = home.joinpath("tracking_facts.toml").read_text(encoding="utf-8").replace('version = "', 'version = "next-')
    second = read_mapping(codes=codes, facts=facts)
    events = [at(1, "203"), at(30, "704:60")]
    old, new = (fold(events, mapping=mapping, handed_over_at=posted_at) for mapping in (MAPPING, second))
    assert (old.state, new.state) == ("signed", "stored")
    assert old.mapping_version != new.mapping_version


def test_locker_never_counts_as_signed_whatever_the_basis(chain):
    for code in ("747", "704:30", "704:50", "704:90", "704:150", "704:161", "704:169"):
        outcome = chain(*AIR, "702", code, address_basis="reserved", product="credit_card")
        assert (outcome.state, outcome.grade) == ("stored", "C")
        assert "no_person" in outcome.flags


@pytest.mark.parametrize(
    ("codes", "basis", "product", "grade"),
    [
        (["704"], "contract", "consumer_loan", "B2"),
        (["704"], "id_card", "consumer_loan", "B2"),
        (["704"], "debtor_update", "consumer_loan", "C"),
        (["704"], "reserved", "credit_card", "B1"),
        (["704"], None, None, "C"),
        (["704:70"], "contract", "consumer_loan", "C"),
        (["704:70"], "reserved", "credit_card", "B1"),
        (["704:20"], "reserved", "credit_card", "B1"),
        (["704:10"], "reserved", "credit_card", "A1"),
        (["705:7"], "reserved", "credit_card", "D"),
        (["705:4"], "reserved", "credit_card", None),
        (["705:4", "708", "711"], "reserved", "credit_card", "B1"),
        (["705:4", "post:absent"], "reserved", "credit_card", "B1"),
        (["705:4", "708", "post:unknown"], "reserved", "credit_card", "E"),
        (["705:4", "post:moved"], "reserved", "credit_card", "E"),
        (["705:4", "708", "711"], "contract", "consumer_loan", "E"),
        (["705:4", "705:3", "708", "711"], "reserved", "credit_card", "E"),
        (["705:2", "708", "711"], "reserved", "credit_card", "E"),
        (["705:13"], "reserved", "credit_card", "F"),
    ],
)
def test_basis_of_the_address_raises_only_what_it_may(chain, codes, basis, product, grade):
    assert chain(*AIR, "702", *codes, address_basis=basis, product=product).grade == grade


@pytest.mark.parametrize(
    ("codes", "flag"),
    [
        (["702", "704:10", "708", "704:10"], None),
        (["702", "708", "704:10"], "signed_after_returning"),
        (["702", "711", "704:10"], "signed_after_returning"),
        (["702", "704:10", "702", "705:4"], "event_after_signed"),
        (["702", ("704:10", {"name_match": False})], "signer_name_differs"),
        (["702", ("704:10", {"signer": "家人"})], "code_and_text_differ"),
        (["702", "747", "748"], "signer_unchecked"),
        (["802", "702", "704:10"], "redirected"),
        (["704:180"], "compensation"),
        (["704:181"], "left_elsewhere"),
    ],
)
def test_doubtful_outcome_goes_to_a_person(chain, codes, flag):
    outcome = chain(*AIR, *codes)
    assert outcome.review
    assert flag is None or flag in outcome.flags


def test_signature_after_the_return_began_changes_nothing_by_itself(chain):
    outcome = chain(*AIR, "702", "705:3", "708", "704:10")
    assert (outcome.state, outcome.grade, outcome.review) == ("returning", "E", True)


def test_another_name_under_in_person_is_no_a1(chain):
    assert chain(*AIR, "702", ("704:10", {"name_match": False})).grade == "C"


def test_correction_takes_back_a_repeated_delivery_of_the_same_tour(chain):
    assert chain(*AIR, "702", "704:10", "704:10", "743").state == "out_for_delivery"


def test_second_correction_takes_back_the_delivery_before(chain):
    outcome = chain(*AIR, "702", "704:10", "702", "704:20", "743", "743")
    assert (outcome.state, outcome.flags) == ("out_for_delivery", ())


def test_tours_of_the_way_back_are_no_doubt_about_the_signature(chain):
    assert chain(*AIR, "702", "704:10", "708", "306", "702", "711").flags == ("returned_after_signed",)


def test_clocks_may_differ_by_half_an_hour(at, posted_at):
    ahead = fold([at(2.3, "203")], mapping=MAPPING, handed_over_at=posted_at, as_of=posted_at + timedelta(hours=2))
    assert (ahead.state, ahead.parked) == ("accepted", ())


def test_correction_of_a_failed_try_keeps_that_of_the_day_before(chain):
    outcome = chain(*AIR, "702", "705:3", "702", "705:4", "744")
    assert (outcome.state, outcome.address_signal) == ("tried_failed", "bad")


def test_correction_of_a_tour_takes_back_only_the_last(chain):
    assert chain(*AIR, "702", "742").state == "at_office"
    assert chain(*AIR, "702", "702", "742").state == "out_for_delivery"


def test_correction_without_a_target_is_told(chain):
    outcome = chain(*AIR, "702", "743")
    assert (outcome.state, outcome.flags) == ("out_for_delivery", ("void_unmatched",))


def test_acceptance_taken_back_is_accepted_again_only_by_a_new_event(chain):
    assert chain("203", "207").flags == ("accepted_voided",)
    assert chain("203", "207", "203").state == "accepted"


@pytest.mark.parametrize(
    ("code", "signal"),
    [
        *[(f"705:{reason}", "bad") for reason in (2, 3, 5)],
        ("705:1", "ambiguous"),
        ("705:4", "absent"),
        *[(f"705:{reason}", "fine") for reason in (6, 7, 8, 9)],
        ("705:13", "censored"),
        ("704:10", "fine"),
    ],
)
def test_outcome_says_what_it_learned_about_the_address(chain, code, signal):
    assert chain(*AIR, "702", code).address_signal == signal


def test_telling_with_the_delivery_code_wins_over_the_push_without_it(at, posted_at):
    pushed = at(30, "704", arrival=1)
    queried = replace(pushed, deliver_code="50", arrival=2)
    for events in ([pushed, queried], [queried, pushed]):
        assert fold(events, mapping=MAPPING, handed_over_at=posted_at).state == "stored"


CODES = sorted({*MAPPING.codes, ("X1", ""), ("704", "777")})


@st.composite
def histories(draw):
    from datetime import date

    from songda.base import days

    start = days.at(date(2026, 11, 24), 17)
    events = []
    for op_code, qualifier in draw(st.lists(st.sampled_from(CODES), max_size=12)):
        events.append(
            Event(
                waybill_no="9800000000006",
                op_time=start + timedelta(seconds=draw(st.integers(-7200, 40))),
                op_code=op_code,
                office=draw(st.sampled_from(["", "31001201", "31001202"])),
                deliver_code=qualifier if op_code != "705" else "",
                attempt_code=qualifier if op_code == "705" else "",
                signer=draw(st.sampled_from(["", "本人", "家人", "物业"])),
                name_match=draw(st.sampled_from([None, True, False])),
                arrival=draw(st.integers(0, 2)),
            )
        )
    return start, events


@given(histories(), st.randoms(use_true_random=False), st.integers(0, 5))
def test_fold_does_not_depend_on_order_or_repetition(history, shuffler, repeats):
    start, events = history
    once = fold(events, mapping=MAPPING, handed_over_at=start, address_basis="contract", product="credit_card")
    mixed = events + [shuffler.choice(events) for _ in range(repeats if events else 0)]
    shuffler.shuffle(mixed)
    assert fold(mixed, mapping=MAPPING, handed_over_at=start, address_basis="contract", product="credit_card") == once


@given(histories(), st.randoms(use_true_random=False))
def test_arrival_does_not_matter_where_the_times_differ(history, shuffler):
    start, events = history
    apart = [replace(event, op_time=start + timedelta(minutes=n)) for n, event in enumerate(events)]
    arrivals = list(range(len(apart)))
    shuffler.shuffle(arrivals)
    late = [replace(event, arrival=arrival) for event, arrival in zip(apart, arrivals, strict=True)]
    shuffler.shuffle(late)
    assert fold(late, mapping=MAPPING, handed_over_at=start) == fold(apart, mapping=MAPPING, handed_over_at=start)


@given(histories())
def test_handed_to_the_post_is_never_delivered_and_a_locker_never_signed(history):
    start, events = history
    outcome = fold(events, mapping=MAPPING, handed_over_at=start, address_basis="contract", product="consumer_loan")
    facts = {to_fact(event, MAPPING) for event in events}
    if outcome.state == "signed":
        assert facts & {"reported_signed", "proxy_weak", "signed_unclear", "signed_other", "picked_up", "signed_self"}
    if facts <= {"accepted", "in_transit", "at_office", "out_for_delivery", "announced", None}:
        assert outcome.state != "signed"
        assert outcome.grade is None
    if outcome.fact == "left_somewhere":
        assert (outcome.state, outcome.grade) == ("stored", "C")
        assert "no_person" in outcome.flags


@given(histories())
def test_no_grade_without_an_event_and_none_above_what_its_fact_allows(history):
    start, events = history
    outcome = fold(events, mapping=MAPPING, handed_over_at=start)
    if outcome.fact is None:
        assert outcome.grade is None
    if outcome.grade in {"A1", "A2"}:
        assert outcome.fact in {"signed_self", "signed_other", "picked_up"}
    if outcome.state in {"posted", "accepted", "in_transit", "at_office", "out_for_delivery", "redirected"}:
        assert outcome.grade is None
    assert "B1" != outcome.grade != "B2"


def test_what_others_tell_counts_until_the_carrier_speaks_of_that_time(chain):
    told = chain("203", "702", "kd100:301")
    assert (told.state, told.grade, told.flags) == ("signed", "C", ("second_hand",))
    spoken = chain("203", "702", "kd100:301", "705:3")
    assert (spoken.state, spoken.grade, spoken.flags) == ("tried_failed", None, ())


def test_signature_told_by_another_is_never_the_households(at, posted_at):
    events = [at(1, "203"), at(30, "kd100:301", signer="本人", name_match=True)]
    outcome = fold(events, mapping=MAPPING, handed_over_at=posted_at)
    assert (outcome.state, outcome.grade) == ("signed", "C")


def test_carriers_own_code_replaces_the_same_event_told_by_another(at, posted_at):
    second, first = at(30, "kd100:301", office="", arrival=9), at(30, "704:10")
    outcome = fold([at(1, "203"), second, first], mapping=MAPPING, handed_over_at=posted_at)
    assert (outcome.grade, outcome.fact, outcome.flags) == ("A1", "signed_self", ())


# What the delivery office's team reports


@pytest.mark.parametrize("relation", ["本人", "配偶", "物业", ""])
@pytest.mark.parametrize(("basis", "product"), [("contract", "consumer_loan"), ("reserved", "credit_card")])
def test_a_signature_by_the_teams_word_alone_is_c_whoever_signed_wherever(chain, relation, basis, product):
    report = ("courier:signed", {"signer": relation, "name_match": True})
    outcome = chain("203", "702", report, address_basis=basis, product=product)
    assert (outcome.state, outcome.grade) == ("signed", "C")
    assert outcome.flags == ("courier_report", "second_hand")


def test_a_locker_reported_by_the_team_or_by_the_carriers_program_is_no_signature(chain):
    for code in ("courier:left", "app:left"):
        outcome = chain("203", "702", code)
        assert (outcome.state, outcome.grade, "no_person" in outcome.flags) == ("stored", "C", True)


@pytest.mark.parametrize("minutes", [-3, 0, 3])
def test_the_carriers_own_result_of_the_day_outweighs_the_teams_whose_clock_is_first(at, posted_at, minutes):
    own = at(30, "704:20", signer="配偶")
    report = replace(at(30, "courier:signed", signer="本人"), op_time=own.op_time + timedelta(minutes=minutes))
    outcome = fold([at(1, "203"), own, report], mapping=MAPPING, handed_over_at=posted_at)
    assert (outcome.grade, outcome.flags) == ("A2", ())


def test_a_report_of_the_second_tour_stands_beside_the_carriers_failed_first(at, posted_at):
    events = [at(1, "203"), at(25, "705:4"), at(30, "courier:signed", signer="本人")]
    assert fold(events, mapping=MAPPING, handed_over_at=posted_at).state == "signed"
    later = fold([*events, at(49, "702")], mapping=MAPPING, handed_over_at=posted_at)
    assert later.state == "tried_failed"


@pytest.mark.parametrize(
    ("signer", "name_match", "grade"),
    [
        ("本人", True, "A1"),
        ("本人", None, "C"),
        ("本人", False, "C"),
        ("配偶", None, "A2"),
        ("同事", None, "C"),
        ("物业", None, "C"),
        ("收发室", None, "C"),
    ],
)
def test_the_carriers_program_is_the_carrier_and_a_person_needs_his_name(chain, signer, name_match, grade):
    outcome = chain("203", "702", ("app:signed", {"signer": signer, "name_match": name_match}))
    assert (outcome.state, outcome.grade) == ("signed", grade)
    assert "second_hand" not in outcome.flags
