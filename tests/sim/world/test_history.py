"""What the couriers note, and what an institution hears of it day by day."""

from __future__ import annotations

import json
import pickle
from datetime import date, timedelta
from pathlib import Path

import pytest

from songda.sim.world.history import History
from songda.sim.world.payments import Payers, Served

AS_OF = date(2026, 11, 24)


@pytest.fixture
def noted(truth, letter_to, tmp_path: Path):
    """A journal of letters to the first records, and what it holds."""
    journal = tmp_path / "journal.jsonl"
    # Our own bytes, as the couriers travel to the process of the stand-in.
    courier = pickle.loads(pickle.dumps(truth.courier(journal)))
    plain = truth.courier()
    for row in range(200):
        assert courier(letter_to(row)) == plain(letter_to(row))
    return journal, [json.loads(line) for line in journal.read_text("utf-8").splitlines()]


def test_the_couriers_note_who_truly_took_each_letter_and_no_person(noted, world):
    journal, lines = noted
    assert len(lines) == 200
    assert {line["key"] for line in lines} >= {"704:10", "705:2"}
    text = journal.read_text("utf-8")
    for line in lines[:50]:
        assert world.debtors.names[line["debtor"]] not in text


def test_payments_are_those_of_the_letters_served_until_then(truth, noted):
    journal, lines = noted
    history, payers = History(truth, journal), Payers(truth)
    days = [AS_OF + timedelta(days=n) for n in range(140)]
    heard = [each for day in days for each in history.payments(day)]
    assert all(each.on in days for each in heard)
    served = {}
    for line in sorted(lines, key=lambda each: each["day"]):
        by = {"704:10": "self", "704:20": "family", "704:60": "desk", "704:70": "desk"}.get(line["key"])
        if by:
            served.setdefault(line["debtor"], Served(date.fromisoformat(line["day"]), by))
    expected = [
        each for n in range(truth.debtors.height) for each in payers.paid(n, served.get(n)) if each.on in set(days)
    ]
    # A letter that was noted but not yet served has no effect yet; nothing is heard twice.
    assert len(heard) == len(set(heard))
    assert abs(len(heard) - len(expected)) <= 0.02 * len(expected)
    assert history.without_letters(days[-1]) > 0


def test_before_any_letter_they_pay_by_themselves_alone(truth, tmp_path: Path):
    history, payers = History(truth, tmp_path / "none"), Payers(truth)
    day = AS_OF + timedelta(days=20)
    assert history.payments(day) == [
        each for n in range(truth.debtors.height) for each in payers.paid(n, None) if each.on == day
    ]


def test_half_a_line_waits_until_it_is_whole(truth, tmp_path: Path):
    journal = tmp_path / "journal.jsonl"
    line = json.dumps({"waybill": "1", "debtor": 3, "day": AS_OF.isoformat(), "key": "704:10"})
    journal.write_text(line[:10])
    history = History(truth, journal)
    history.payments(AS_OF)
    assert history._first_served(3, AS_OF) is None
    journal.write_text(line + "\n")
    history.payments(AS_OF)
    assert history._first_served(3, AS_OF) == Served(AS_OF, "self")


def test_complaints_come_within_their_days_and_name_a_case(truth, noted):
    journal, _ = noted
    history = History(truth, journal)
    numbers = {case for n in range(30) for case in history.complaints(AS_OF + timedelta(days=n))}
    assert numbers <= set(truth.keys["case_no"])
