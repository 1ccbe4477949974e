"""The way of a letter as tracking tells it: order, endings, and the noise of the carrier's own making."""

from datetime import date, timedelta
from functools import partial

import pytest

from songda.base import days
from songda.carriers import load_mapping
from songda.sim.carrier import ShippedLetter
from songda.sim.world import journey
from songda.sim.world.config import read
from songda.sim.world.delivery import Attempt
from songda.sim.world.streams import fixed

CONFIG = read("cn-default").delivery
POSTED_ON = date(2026, 11, 24)
LETTER = ShippedLetter(
    waybill_no="1100000000001",
    order_no="a-1",
    name="柳如烟",
    mobile="16000000000",
    prov="浙江省",
    city="杭州市",
    county="西湖区",
    address="文一路1号2幢401室",
    handed_over_at=days.at(POSTED_ON, 17),
)


def told(number, *keys):
    chance = partial(fixed, 5, number)
    first = POSTED_ON + timedelta(days=journey.travel_days(prov=LETTER.prov, chance=chance, config=CONFIG))
    made = [Attempt(first + timedelta(days=n), 10.5, key) for n, key in enumerate(keys)]
    return journey.events(LETTER, made, chance=chance, config=CONFIG)


def codes(events):
    return [event.op_code for event in events]


@pytest.fixture(scope="module")
def signed():
    return [told(number, "704:10") for number in range(6000)]


def test_the_way_is_told_in_the_order_in_which_it_happens():
    events = told(1, "705:4", "704:10")
    assert codes(events) == ["203", "305", "954", "389", "954", "389", "306", "702", "705", "702", "704"]
    times = [event.op_time for event in events]
    assert times == sorted(times)
    assert times[0] > LETTER.handed_over_at
    assert all(event.op_time.utcoffset() == timedelta(hours=8) for event in events)


@pytest.mark.parametrize(
    ("keys", "end"),
    [
        (["704:10"], ["702", "704"]),
        (["705:3"], ["702", "705", "708", "711"]),
        (["705:7"], ["702", "705", "708", "711"]),
        (["747:fetched"], ["702", "747", "748"]),
        (["747:left"], ["702", "747", "708", "711"]),
    ],
)
def test_each_outcome_ends_in_its_own_way(keys, end):
    assert codes(told(1, *keys))[-len(end) :] == end


def test_the_first_visit_comes_two_to_four_days_after_posting_and_later_far_away():
    chances = [partial(fixed, 5, number) for number in range(2000)]
    near = [journey.travel_days(prov="浙江省", chance=chance, config=CONFIG) for chance in chances]
    far = [journey.travel_days(prov="西藏自治区", chance=chance, config=CONFIG) for chance in chances]
    assert set(near) == {2, 3, 4}
    assert [one + 2 for one in near] == far


def test_silent_lost_late_and_wrongly_coded_letters_have_their_shares(signed):
    count = len(signed)
    assert sum(not way for way in signed) / count == pytest.approx(CONFIG.silent, abs=0.003)
    lost = [way for way in signed if way and way[-1].attempt_code == "13"]
    assert len(lost) / count == pytest.approx(CONFIG.lost, abs=0.002)
    corrected = [way for way in signed if "743" in codes(way)]
    assert len(corrected) / count == pytest.approx(CONFIG.wrong_code, abs=0.004)
    every = [event for way in signed for event in way]
    late = [event for event in every if event.appears_at > event.op_time]
    assert len(late) / len(every) == pytest.approx(CONFIG.late_scan, abs=0.003)
    delay = [event.appears_at - event.op_time for event in late]
    assert timedelta(hours=1) <= min(delay)
    assert max(delay) <= timedelta(hours=21)


def test_a_wrong_code_is_voided_and_told_again(signed):
    way = next(way for way in signed if "743" in codes(way))
    wrong, void, right = way[-3:]
    assert (wrong.deliver_code, void.op_code, right.deliver_code) == ("20", "743", "10")
    assert wrong.op_time < void.op_time < right.op_time


def test_every_event_means_something_to_the_client():
    mapping = load_mapping()
    outcomes = [key for key in journey.texts() if key.startswith(("704", "705"))] + ["747:fetched", "747:left"]
    for outcome in outcomes:
        for number in range(200):
            for event in told(number, outcome):
                qualifier = event.deliver_code or event.attempt_code
                assert (event.op_code, qualifier) in mapping.codes or (event.op_code, "") in mapping.codes


def test_no_event_names_the_receiver(signed):
    text = "".join(f"{event.desc}{event.operator_name}{event.office_name}" for way in signed[:50] for event in way)
    for personal in (LETTER.name, LETTER.mobile, "文一路", "401"):
        assert personal not in text
