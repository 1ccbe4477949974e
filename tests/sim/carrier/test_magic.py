"""Magic mobiles: a letter that orders its own outcome, or its own fault, through the door of the stand-in."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from importlib.resources import files

import httpx
import orjson
import pytest

from songda.base import days
from songda.carriers import fold, load_mapping, parse_trace
from songda.sim.carrier import SimContract, StandIn
from songda.sim.carrier.events import PlannedEvent

POSTED = days.at(days.business_day(days.now()), 17)


def unlucky(letter):
    """A courier who loses everything: what a magic mobile orders goes before him."""
    return [PlannedEvent(op_time=letter.handed_over_at + timedelta(hours=1), op_code="987")]


@pytest.fixture(scope="module")
def post():
    with StandIn(SimContract(starts_at=POSTED), courier=unlucky) as stand_in:
        yield stand_in


@pytest.fixture
def customer(post, customer_of):
    return customer_of(post)


def ordered(customer, number, order):
    receiver = order["receiver"] | {"mobile": f"1990000{number}"}
    return customer.order(f"magic-{number}", receiver=receiver)


#: Last digits → state and grade; flags that must be there.
OUTCOMES = {
    "0001": ("signed", "A1", set()),
    "0002": ("signed", "A2", set()),
    "0003": ("signed", "C", set()),
    "0005": ("stored", "C", {"no_person"}),
    "0008": ("returned_to_sender", "E", {"no_person"}),
    "0014": ("returned_to_sender", "D", {"refused"}),
    "0016": ("in_transit", None, set()),
    "0017": ("posted", None, set()),
    "0018": ("lost", "F", {"lost"}),
    "0019": ("intercepted", "F", {"intercepted"}),
    "0020": ("signed", "A1", {"redirected"}),
    "0021": ("signed", "C", {"signer_name_differs"}),
    "0022": ("out_for_delivery", None, set()),
    "0023": ("signed", "A1", set()),
    "0024": ("at_office", None, set()),
    "0708": ("returned_to_sender", "E", set()),
    "0742": ("signed", "A1", set()),
    "0743": ("signed", "A2", set()),
    "0744": ("signed", "A1", set()),
    "0747": ("stored", "C", {"no_person"}),
}


@pytest.mark.parametrize("number", OUTCOMES)
def test_a_magic_mobile_orders_the_outcome_whoever_delivers(post, customer, order, number):
    waybill = orjson.loads(ordered(customer, number, order)["retBody"])["waybillNo"]
    assert post.hand_over([waybill], at=POSTED) == []
    post.advance(POSTED + timedelta(days=45))
    answer = customer.call("040001", {"waybillNo": waybill})
    trace = parse_trace(answer["retBody"], waybill_no=waybill, addressee=order["receiver"]["name"])
    outcome = fold(trace.events, mapping=load_mapping(), handed_over_at=POSTED, as_of=POSTED + timedelta(days=46))
    state, grade, flags = OUTCOMES[number]
    assert (outcome.state, outcome.grade) == (state, grade)
    assert flags <= set(outcome.flags)
    assert [parked.reason for parked in outcome.parked] == {"0022": ["unknown_code"], "0024": ["before_hand_over"]}.get(
        number, []
    )


def test_every_number_of_the_tables_is_told_once():
    chains, faults = (
        tomllib.loads(files("songda.sim.carrier").joinpath(name).read_text("utf-8"))
        for name in ("chains.toml", "faults.toml")
    )
    numbers = [row["number"] for row in chains["outcome"] + faults["fault"]]
    assert len(numbers) == len(set(numbers))
    assert set(OUTCOMES) <= set(numbers)


@pytest.mark.parametrize(
    ("number", "taken"),
    [("9002", False), ("9003", True), ("9004", False), ("9005", True), ("9006", True), ("9007", True)],
)
def test_a_magic_mobile_spoils_its_first_order_and_no_other(post, customer, order, number, taken):
    before = post.stats()["orders"]
    with pytest.raises((httpx.HTTPError, orjson.JSONDecodeError, ValueError)):
        ordered(customer, number, order)
    assert post.stats()["orders"] - before == taken
    assert ordered(customer, number, order)["retCode"] == "00000"
    assert customer.order(f"plain-{number}")["retCode"] == "00000"


def test_a_magic_mobile_is_refused_once(customer, order):
    assert ordered(customer, "9001", order)["retCode"] == "B90001"
    assert ordered(customer, "9001", order)["retCode"] == "00000"


def test_a_magic_mobile_gets_the_answer_about_another_order(customer, order):
    body = orjson.loads(ordered(customer, "9009", order)["retBody"])
    assert body["logisticsOrderNo"] != "magic-9009"
