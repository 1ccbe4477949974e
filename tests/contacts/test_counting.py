"""The counters against a simple oracle: every permit is listed with all that it may have been, and counted by hand."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from songda.base.days import SHANGHAI
from songda.contacts.counting import CONNECTED, DIALS, EFFECTIVE, TEXTS, TEXTS_7D, Tally, Use

TODAY = date(2026, 12, 1)
#: Outcome → (effective, connected, unanswered dial): as the rules' sources define them.
MEANS = {
    None: (1, 1, 1),
    "interactive": (1, 1, 0),
    "informing": (0, 1, 0),
    "unanswered": (0, 0, 1),
    "not_dialled": (0, 0, 0),
}

calls = st.tuples(st.sampled_from(["call", "ai_call"]), st.sampled_from(list(MEANS)))
texts = st.tuples(st.just("sms"), st.sampled_from([None, "sent", "not_sent"]))
uses = st.builds(
    lambda kind, person, number, ago: Use(
        f"per_{person}",
        f"n{number}",
        kind[0],
        TODAY - timedelta(ago),
        datetime(2026, 12, 1, 12, tzinfo=SHANGHAI) - timedelta(ago),
        kind[1],
    ),
    calls | texts,
    st.integers(1, 2),
    st.integers(1, 2),
    st.integers(0, 8),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(uses, max_size=30))
def test_the_counters_are_those_of_the_oracle(ledger: list[Use]) -> None:
    tally = Tally()
    for use in ledger:
        tally.add(use)
    for person, number in (("per_1", "n1"), ("per_1", "n2"), ("per_2", "n1")):
        own_calls = [u for u in ledger if u.person_id == person and u.on_day == TODAY and u.channel != "sms"]
        dials = [u for u in ledger if u.number == number and u.on_day == TODAY and u.channel != "sms"]
        sent = [u for u in ledger if u.person_id == person and u.channel == "sms" and u.outcome != "not_sent"]
        assert tally.facts(person_id=person, number=number, on=TODAY) == {
            EFFECTIVE: sum(MEANS[u.outcome][0] for u in own_calls),
            CONNECTED: sum(MEANS[u.outcome][1] for u in own_calls),
            DIALS: sum(MEANS[u.outcome][2] for u in dials),
            TEXTS: sum(u.on_day == TODAY for u in sent),
            TEXTS_7D: sum(u.on_day > TODAY - timedelta(7) for u in sent),
        }


def test_an_outcome_never_counts_for_more_than_the_open_permit() -> None:
    unknown = Use("p", "n", "call", TODAY, datetime.now(SHANGHAI)).counts
    for outcome in MEANS:
        assert Use("p", "n", "call", TODAY, datetime.now(SHANGHAI), outcome).counts <= unknown


def test_dials_to_a_number_that_nobody_named_are_not_known() -> None:
    assert DIALS not in Tally().facts(person_id="p", number=None, on=TODAY)
