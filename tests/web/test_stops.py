"""Stops over HTTP, from the institution's own systems: by key, answered letter by letter."""

from __future__ import annotations

from typing import Any

import pytest
from web_house import Office

from songda.base import days
from songda.flow.shared_secrets import valid


@pytest.fixture
def headers(office: Office) -> dict[str, str]:
    (shared,) = valid(office.house.engine, office.house.tenant, "stops", at=days.now())
    return {"Authorization": f"Bearer {shared.text}"}


def test_a_stop_is_given_and_answered_letter_by_letter(office: Office, headers: dict[str, str]) -> None:
    letter = office.letters("withdrawn")[0]
    with office.browser() as caller:
        order = {"letter_no": letter.letter_no, "reason": "client"}
        answers = [caller.post("/api/v1/stops", json=order, headers=headers) for _ in range(2)]
        assert [each.status_code for each in answers] == [200, 200]
        # The same order stands once.
        assert answers[0].json() == answers[1].json()
        found = {"letter_no": letter.letter_no, "outcome": "ended", "posted_at": None, "pieces": []}
        assert answers[0].json()["letters"] == [found]


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ({"letter_no": "LH1", "reason": "paid"}, 404),
        ({"case_no": "AJ-0", "reason": "paid"}, 404),
        ({"letter_no": "LH1", "reason": "because"}, 422),
        ({"letter_no": "LH1", "case_no": "AJ-0", "reason": "paid"}, 422),
        ({"case_no": "AJ-0", "reason": "paid", "debtor": True}, 422),
        ({"reason": "paid"}, 422),
    ],
)
def test_what_cannot_be_stopped_is_told(
    office: Office, headers: dict[str, str], order: dict[str, Any], status: int
) -> None:
    with office.browser() as caller:
        answer = caller.post("/api/v1/stops", json=order, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_nobody_stops_without_the_key_for_it(office: Office) -> None:
    (feed,) = valid(office.house.engine, office.house.tenant, "api", at=days.now())
    with office.browser() as caller:
        for headers in ({}, {"Authorization": f"Bearer {feed.text}"}):
            order = {"letter_no": "LH1", "reason": "paid"}
            assert caller.post("/api/v1/stops", json=order, headers=headers).status_code == 401
