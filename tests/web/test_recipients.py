"""What a recipient answers on the letter's page, over HTTP and a real record: a stop, a task, a receipt, and no person shown."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select
from test_record import private_texts
from web_house import Office

from songda.base import days
from songda.flow import recipients
from songda.flow.tasks import finish, open_tasks
from songda.store import tables
from songda.web.answers import PER_LETTER
from songda.web.letter_check import ANSWERS, CHANNELS

WORDS = "我姓欧阳，这里没有收信的人"


def posted(office: Office, number: int) -> Any:
    return office.letters("active", "closed")[number]


def standing(office: Office, letter_id: str) -> list[str]:
    s = tables.stop_order.c
    with office.house.engine.connect() as connection:
        return list(connection.scalars(select(s.reason).where(s.object_id == letter_id, s.state == "standing")))


def test_every_answer_of_the_record_has_its_words_on_the_page() -> None:
    assert list(recipients.ANSWERS) == list(ANSWERS)
    assert set(recipients.OF_COURT) <= set(ANSWERS)


def test_an_answer_stops_the_letter_and_becomes_a_task_with_a_receipt(office: Office) -> None:
    letter = posted(office, -1)
    path = f"/c/{office.token(letter.id)}"
    with office.browser() as browser:
        page = browser.get(path)
        assert re.findall(r'name="kind" value="(\w+)"', page.text) == list(ANSWERS)
        assert CHANNELS["complaint_phone"] in page.text
        assert "<script" not in page.text
        # Who only looks changes nothing.
        assert browser.get(f"{path}/answer").status_code == 405
        assert standing(office, letter.id) == []
        for _ in range(2):
            taken = browser.post(f"{path}/answer", data={"kind": "wrong_person", "text": WORDS})
            assert (taken.status_code, taken.headers["location"]) == (303, path)
        page = browser.get(path)
    assert standing(office, letter.id) == ["wrong_person"]
    with office.house.engine.connect() as connection:
        (answer,) = [
            each for each in recipients.answers(connection, office.house.tenant) if each.letter_no == letter.letter_no
        ]
        (task,) = [each for each in open_tasks(connection, office.house.tenant) if each.object_id == answer.id]
        sealed = connection.scalar(select(tables.recipient_answer.c.sealed))
    assert (task.kind, task.letter_no, task.reason) == (recipients.RECIPIENT_ANSWERED, letter.letter_no, "wrong_person")
    assert answer.receipt in page.text
    assert "已收到，处理中" in page.text
    # The page says it to anybody who holds the letter: not what was written, and nobody.
    assert WORDS not in page.text
    assert [text for text in private_texts(office) if text in page.text] == []
    assert WORDS.encode() not in (sealed or b"")
    read = recipients.read_answer(office.house.engine, office.house.tenant, answer.id, by="ops-7", at=days.now())
    assert read == WORDS
    assert [each[0] for each in office.audited("recipient.answer_read")] == ["ops-7"]
    with pytest.raises(recipients.UnknownAnswer):
        recipients.read_answer(office.house.engine, office.house.tenant, "ans_other", by="ops-7", at=days.now())
    finish(office.house.engine, office.house.tenant, [task.id], by="ops-7", at=days.now())
    with office.browser() as browser:
        assert "已处理" in browser.get(path).text


@pytest.mark.parametrize(
    ("form", "headers", "status"),
    [
        ({"kind": "burn_it"}, {}, 422),
        ({}, {}, 422),
        ({"kind": "paid", "text": "一" * 501}, {}, 422),
        ({"kind": "paid", "text": "一" * 5000}, {}, 413),
        ({"kind": "paid"}, {"Sec-Fetch-Site": "cross-site"}, 400),
    ],
)
def test_what_is_no_answer_changes_nothing(
    office: Office, form: dict[str, str], headers: dict[str, str], status: int
) -> None:
    letter = posted(office, -2)
    with office.browser() as browser:
        path = f"/c/{office.token(letter.id)}/answer"
        assert browser.post(path, data=form, headers=headers).status_code == status
        assert standing(office, letter.id) == []


def test_a_token_or_a_number_that_opens_no_letter_answers_nothing_and_one_letter_is_not_flooded(office: Office) -> None:
    letter = posted(office, -3)
    with office.browser() as browser:
        for token in ("0" * 32, letter.letter_no, letter.id):
            assert browser.post(f"/c/{token}/answer", data={"kind": "paid"}).status_code == 404
        path = f"/c/{office.token(letter.id)}/answer"
        asked = [
            browser.post(path, data={"kind": "question", "text": f"{n}"}).status_code for n in range(PER_LETTER + 1)
        ]
    assert asked == [303] * PER_LETTER + [429]
    assert standing(office, letter.id) == []


def test_a_letter_takes_so_many_answers_and_a_drill_none(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = posted(office, -3)
    token, house = office.token(letter.id), office.house
    monkeypatch.setattr(recipients, "MOST", 1)
    with pytest.raises(recipients.TooManyAnswers):
        recipients.take_answer(house.engine, office.master, token, kind="paid", text="", at=days.now())
    with house.engine.begin() as connection:
        b, t = tables.batch, tables.letter.c
        own = b.c.id == select(t.batch_id).where(t.id == letter.id).scalar_subquery()
        connection.execute(b.update().where(own).values(drill=True))
    try:
        assert recipients.recipient_page(house.engine, office.master, token) is None
        assert recipients.take_answer(house.engine, office.master, token, kind="paid", text="", at=days.now()) is None
    finally:
        with house.engine.begin() as connection:
            connection.execute(b.update().where(own).values(drill=False))
