from collections import Counter
from datetime import date, timedelta

import pytest

from songda.base import days
from songda.carriers import Event, fold, load_mapping, to_fact
from songda.carriers.tracking_text import read_signer, redact_desc
from songda.sim.carrier import ShippedLetter
from songda.sim.carrier.chains import courier, outcome_of

POSTED_AT = days.at(date(2026, 11, 24), 17)


def letter(number):
    return ShippedLetter(
        waybill_no=f"{9_800_000_000_006 + number}",
        order_no=f"a-{number}",
        name="柳如烟",
        mobile="13900000000",
        prov="浙江省",
        city="杭州市",
        county="西湖区",
        address="文一路1号",
        handed_over_at=POSTED_AT,
    )


def folded(shipped):
    events = [
        Event(
            waybill_no=shipped.waybill_no,
            op_time=event.op_time,
            op_code=event.op_code,
            office=event.office_code,
            deliver_code=event.deliver_code,
            attempt_code=event.attempt_code,
            signer=read_signer(event.desc, addressee=None).relation,
        )
        for event in courier(shipped)
    ]
    assert all(to_fact(event, load_mapping()) for event in events)
    return fold(events, mapping=load_mapping(), handed_over_at=POSTED_AT, as_of=POSTED_AT + timedelta(days=60))


EXPECTED = {
    "signed by the addressee": ("signed", "A1"),
    "signed by a relative": ("signed", "A2"),
    "left with the property guard": ("signed", "C"),
    "reception desk": ("signed", "C"),
    "left at the door": ("stored", "C"),
    "locker, collected by the addressee": ("signed", "A1"),
    "locker, collected by code": ("signed", "C"),
    "locker, never collected": ("returned_to_sender", "E"),
    "absent, signed on the next day": ("signed", "A1"),
    "absent twice, returned": ("returned_to_sender", "E"),
    "wrong address, returned": ("returned_to_sender", "E"),
    "no such person, returned": ("returned_to_sender", "E"),
    "moved, returned": ("returned_to_sender", "E"),
    "refused, returned": ("returned_to_sender", "D"),
    "signed by mistake, corrected, signed": ("signed", "A2"),
    "signed, then returned": ("returned_to_sender", "E"),
    "lost at the office": ("lost", "F"),
    "silent after the sorting centre": ("in_transit", None),
}


def test_every_outcome_of_the_mix_folds_to_its_state_and_grade():
    seen = set()
    for number in range(3000):
        shipped = letter(number)
        name = outcome_of(shipped.waybill_no)
        outcome = folded(shipped)
        assert (outcome.state, outcome.grade, outcome.parked) == (*EXPECTED[name], ()), name
        seen.add(name)
    assert seen == set(EXPECTED)


def test_equal_letters_get_equal_ways():
    assert courier(letter(7)) == courier(letter(7))


def test_shares_are_those_of_the_mix():
    names = Counter(outcome_of(f"{9_800_000_000_006 + n}") for n in range(20_000))
    assert names["signed by the addressee"] / 20_000 == pytest.approx(0.465, abs=0.02)
    assert names["refused, returned"] / 20_000 == pytest.approx(0.015, abs=0.005)


def test_one_event_in_a_hundred_is_late_and_one_is_told_twice():
    ways = [courier(letter(n)) for n in range(1500)]
    events = [event for way in ways for event in way]
    late = sum(event.appears_at > event.op_time for event in events) / len(events)
    twice = sum(len(way) - len({(e.op_time, e.op_code, e.office_code) for e in way}) for way in ways) / len(events)
    assert late == pytest.approx(0.02, abs=0.006)
    assert twice == pytest.approx(0.01, abs=0.004)


def test_no_courier_is_named_after_masking():
    for number in range(300):
        for event in courier(letter(number)):
            assert event.operator_name == "" or event.operator_name not in redact_desc(event.desc)
