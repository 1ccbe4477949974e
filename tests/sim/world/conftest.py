"""One world for all tests of the room, and letters in it. Every share that a test asserts is one of the configuration."""

from datetime import date, timedelta

import pytest

from songda.base import days
from songda.sim.carrier import ShippedLetter
from songda.sim.world import generate

AS_OF = date(2026, 11, 24)


@pytest.fixture(scope="session")
def world():
    return generate(cases=4000, seed=7, as_of=AS_OF)


@pytest.fixture(scope="session")
def truth(world):
    return world.truth()


@pytest.fixture(scope="session")
def courier(truth):
    return truth.courier()


@pytest.fixture(scope="session")
def letter_to(world, truth):
    """A letter to the place and in the words of a record, by its number."""
    places = dict(zip(truth.places["place_id"], truth.places.iter_rows(named=True), strict=True))

    def make(record, *, day=AS_OF, waybill_no="1100000000001", **changes):
        place = places[f"wp{world.records.place[record]:08d}"]
        debtor = int(world.records.debtor[record])
        receiver = {
            "name": world.debtors.names[debtor],
            "mobile": world.debtors.phones[debtor][0],
            "prov": place["province"],
            "city": place["city"],
            "county": place["district"],
            "address": world.records.text[record],
        }
        return ShippedLetter(
            waybill_no=waybill_no, order_no="a-1", handed_over_at=days.at(day, 17), **receiver | changes
        )

    return make


@pytest.fixture(scope="session")
def true_ties(truth):
    """How a debtor stands to a place on a day, by their numbers."""
    since = {}
    for debtor, place, tie, first, end in truth.ties.iter_rows():
        since.setdefault((int(debtor[2:]), int(place[2:])), []).append((tie, first, end))

    def ties(debtor, place, day):
        return {tie for tie, first, end in since.get((debtor, place), ()) if first <= day < end}

    return ties


@pytest.fixture(scope="session")
def journeys(world, truth, courier, letter_to, true_ties):
    """(true ties at the first possible visit, events) of a letter to the latest record of every debtor."""
    latest = truth.records.with_row_index("row").sort("recorded_on", "row").unique("debtor_id", keep="last")
    made = []
    for row in sorted(latest["row"]):
        debtor, place = int(world.records.debtor[row]), int(world.records.place[row])
        made.append((true_ties(debtor, place, AS_OF + timedelta(days=3)), courier(letter_to(row))))
    return made
