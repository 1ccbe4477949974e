"""What the carrier said is kept once, in its order, and names nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest
from posted import BOTH, after, event, waybill
from sqlalchemy import select

from songda.dispatch import Told, store_events
from songda.dispatch.facts import read_facts
from songda.store import tables


def read(house: Any, attempt: str = "att_001") -> list[Any]:
    with house.database.connect() as connection:
        return sorted(read_facts(connection, [attempt]).get(attempt, []), key=lambda fact: fact.event.arrival)


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_events_are_appended_once_and_numbered_as_they_arrive(house: Any) -> None:
    house.posted(2)
    assert house.tell(1, (1, 9, "203"), (0.1, 18, "305"), (1, 9, "203")) == 2
    assert house.tell(1, (1, 9, "203"), (2, 8, "306")) == 1
    assert house.tell(2, (1, 9, "203")) == 1
    assert [(fact.event.op_code, fact.event.arrival) for fact in read(house)] == [("203", 1), ("305", 2), ("306", 3)]
    assert read(house)[0].event == event(1, 1, 9, "203", {"arrival": 1})


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_the_same_event_told_with_more_is_a_fact_of_its_own(house: Any) -> None:
    """A push lacks the delivery code that the query of the same event has: the query must not be lost."""
    house.posted(1)
    house.tell(1, (2, 10, "704"), (2, 10, "704:10"), (2, 10, "704:10", {"signer": "本人"}))
    assert len(read(house)) == 3
    house.settle(3)
    assert house.attempt() == ("reported", "A1", None)


def test_a_fact_names_nobody_and_its_words_are_sealed(house: Any) -> None:
    house.posted(1)
    words = json.dumps({"opDesc": "签收人：柳如烟一 13900000001"}, ensure_ascii=False).encode()
    told = Told("att_001", event(1, 2, 10, "704:10", {"office_name": "西湖投递部 13900000001"}), words)
    with house.database.begin() as connection:
        store_events(connection, key=house.key, told=[told], received_at=after(2))
    with house.database.connect() as connection:
        (fact,) = connection.execute(select(tables.fact)).all()
    assert "139" not in json.dumps(fact.event)
    assert fact.event["waybill_no"] == waybill(1)
    assert "柳".encode() not in fact.raw
    assert house.key.unseal(fact.raw, context=f"fact:{fact.id}") == words
    assert "柳" not in repr(told)
