"""Webhooks against a real receiver, with a clock that is moved by hand: letters.md §11, 61 to 63."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import defaultdict
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from threading import Event as ThreadEvent
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.event import listen

from songda.notices import (
    BadAddress,
    Delivered,
    UnknownEventType,
    UnknownReceiver,
    add_receiver,
    alarms,
    as_json,
    deliver,
    enable,
    open_http,
    read_page,
    read_receivers,
    remove_receiver,
    rotate,
    secret_text,
    set_cursor,
    signing_secret,
    try_out,
    valid_generations,
)
from songda.notices.sending import FIRST_WAIT, GIVE_UP, LONGEST_WAIT, wait_after
from songda.store import Event, tables

TENANT = "ten_1"
AT = datetime(2026, 11, 24, tzinfo=UTC)


def add(firm: Any, key: Any, hook: Any, **more: Any) -> str:
    with firm.database.begin() as connection:
        return add_receiver(connection, key, TENANT, hook.url, at=firm.now, **more)


def send(firm: Any, key: Any, http: Any) -> Delivered:
    return deliver(firm.database, tenant_id=TENANT, key=key, http=http, clock=firm.clock)


def receiver(firm: Any) -> Any:
    with firm.database.connect() as connection:
        return read_receivers(connection, TENANT)[-1]


def feed(firm: Any) -> list[dict[str, Any]]:
    return list(read_page(firm.database, TENANT, after=0, limit=1000).events)


def verified(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """The receiver's own check, written from the specification."""
    message = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
    digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), message, hashlib.sha256).digest()
    given = [each.partition(",") for each in headers["webhook-signature"].split(" ")]
    return any(version == "v1" and base64.b64decode(mac) == digest for version, _, mac in given)


def in_order(events: list[dict[str, Any]]) -> bool:
    """Whether each letter's events came in the order of their cursors."""
    by_letter: dict[str, list[int]] = defaultdict(list)
    for event in events:
        by_letter[event["data"]["letter_id"]].append(event["cursor"])
    return all(cursors == sorted(cursors) for cursors in by_letter.values())


def test_events_are_signed_and_hold_ids_and_codes_only(firm: Any, key: Any, hook: Any, http: Any) -> None:
    ids = firm.letters(1)
    webhook = add(firm, key, hook)
    firm.step(ids, 0)
    assert send(firm, key, http) == Delivered(events=1, behind=0, disabled=0)
    ((headers, body),) = hook.got
    assert verified(headers, body, secret_text(signing_secret(key, webhook, 0)))
    assert not verified(headers, body + b" ", secret_text(signing_secret(key, webhook, 0)))
    assert headers["webhook-timestamp"] == str(int(firm.now.timestamp()))
    event = json.loads(body)
    assert headers["webhook-id"] == event["id"] == f"evt_{ids[0]}_1"
    assert "." not in event["id"]
    assert set(event) == {"id", "type", "timestamp", "cursor", "data"}
    assert set(event["data"]) == {
        *("letter_id", "letter_no", "batch_id", "attempt", "from", "to", "reason", "grade", "revision"),
    }


@pytest.mark.parametrize(
    ("reason", "told"),
    [("stop:hardship", "stop"), ("deceased", "in_the_record"), ("wrong_person", "in_the_record"), ("proven", "proven")],
)
def test_what_a_reason_says_about_a_person_is_not_told(reason: str, told: str) -> None:
    event = Event(7, "evt_x_1", "letter.closed", AT, "ltr_x", "LH2026-1", "bat_x", "active", reason, None, "E", 0)
    assert as_json(event)["data"]["reason"] == told


def test_a_receiver_hears_what_happens_after_it_was_added(firm: Any, key: Any, hook: Any, http: Any) -> None:
    ids = firm.letters(2)
    firm.step(ids, 0)
    add(firm, key, hook)
    send(firm, key, http)
    assert hook.got == []
    firm.step(ids, 1)
    send(firm, key, http)
    assert [event["data"]["from"] for event in hook.events()] == ["approved", "approved"]


def test_61_three_days_of_outage_lose_nothing(firm: Any, key: Any, hook: Any, http: Any) -> None:
    ids = firm.letters(30)
    add(firm, key, hook)
    hook.answer = lambda _id: 503
    tries = 0
    end = firm.now + timedelta(days=3)
    version = 0
    while firm.now < end:
        if version < 12 and firm.now >= end - timedelta(hours=6 * (12 - version)):
            firm.step(ids, version)
            version += 1
        before = receiver(firm).failures
        assert send(firm, key, http).events == 0
        tries += receiver(firm).failures - before
        firm.later(minutes=20)
    assert receiver(firm).disabled_at is None
    # Asked at once, then less and less often: never more than hourly in the end.
    assert 72 <= tries <= 200
    hook.answer = lambda _id: 204
    firm.later(hours=1)
    assert send(firm, key, http) == Delivered(events=360, behind=0, disabled=0)
    assert sorted(hook.events(), key=lambda event: event["cursor"]) == feed(firm)
    assert in_order(hook.events())
    assert receiver(firm).failures == 0


def test_62_what_was_pushed_is_what_the_feed_tells(firm: Any, key: Any, hook: Any, http: Any) -> None:
    ids = firm.letters(3)
    webhook = add(firm, key, hook)
    for version in range(4):
        firm.step(ids, version)
    send(firm, key, http)
    first = hook.events()
    assert sorted(first, key=lambda event: event["cursor"]) == feed(firm)
    with firm.database.begin() as connection:
        set_cursor(connection, TENANT, webhook, first[0]["cursor"])
    hook.got.clear()
    send(firm, key, http)
    assert sorted(hook.events(), key=lambda event: event["cursor"]) == feed(firm)[1:]


def test_a_letter_that_is_refused_holds_back_its_own_events_only_until_it_is_taken(
    firm: Any, key: Any, hook: Any, http: Any
) -> None:
    ids = firm.letters(5)
    add(firm, key, hook)
    for version in range(3):
        firm.step(ids, version)
    refused = f"evt_{ids[2]}_2"
    hook.answer = lambda id_: 500 if id_ == refused else 204
    delivered = send(firm, key, http)
    assert (delivered.behind, delivered.disabled) == (1, 0)
    assert f"evt_{ids[2]}_3" not in {event["id"] for event in hook.events()}
    hook.answer = lambda _id: 204
    firm.later(hours=1)
    send(firm, key, http)
    assert in_order(hook.first_of_each())
    assert sorted(hook.first_of_each(), key=lambda event: event["cursor"]) == feed(firm)


def test_a_sender_that_slept_tells_nothing_after_another_has_taken_its_place(firm: Any, key: Any, hook: Any) -> None:
    ids = firm.letters(3)
    add(firm, key, hook)
    for version in range(4):
        firm.step(ids, version)
    asleep, woken = ThreadEvent(), ThreadEvent()

    def answer(_id: str) -> int:
        if not asleep.is_set():
            # The first try takes longer than the claim lasts.
            asleep.set()
            firm.later(minutes=11)
            woken.wait(60)
        return 204

    # Answers at once to the second sender while the first still waits for its own.
    hook.lock = nullcontext()
    hook.answer = answer
    results: list[Delivered] = []

    def sleeper() -> None:
        with open_http() as http:
            results.append(send(firm, key, http))

    first = Thread(target=sleeper)
    first.start()
    asleep.wait(60)
    with open_http() as http:
        assert send(firm, key, http).events == 12
    woken.set()
    first.join(60)
    assert results
    assert len(hook.got) == 12 + 1
    assert in_order(hook.events()[:12])
    assert in_order(hook.first_of_each())
    assert receiver(firm).after == feed(firm)[-1]["cursor"]


def test_a_window_that_outlasts_its_claim_goes_on_with_a_new_one(firm: Any, key: Any, hook: Any, http: Any) -> None:
    ids = firm.letters(2)
    add(firm, key, hook)
    for version in range(6):
        firm.step(ids, version)

    def slow(_id: str) -> int:
        firm.later(minutes=4)
        return 204

    hook.answer = slow
    assert send(firm, key, http).behind == 0
    assert in_order(hook.first_of_each())
    assert len(hook.first_of_each()) == 12
    assert (receiver(firm).failures, receiver(firm).after) == (0, feed(firm)[-1]["cursor"])


def test_a_sender_with_nothing_to_tell_writes_nothing(firm: Any, key: Any, hook: Any, http: Any) -> None:
    firm.step(firm.letters(1), 0)
    add(firm, key, hook)
    send(firm, key, http)
    written: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.lstrip().upper().startswith(("SELECT", "BEGIN")):
            written.append(statement)

    listen(firm.database, "before_cursor_execute", note)
    assert send(firm, key, http) == Delivered(events=0, behind=0, disabled=0)
    assert written == []


def test_a_cut_line_is_tried_again_with_the_same_id(firm: Any, key: Any, hook: Any, http: Any) -> None:
    ids = firm.letters(1)
    add(firm, key, hook)
    firm.step(ids, 0)
    hook.answer = lambda _id: None
    send(firm, key, http)
    assert receiver(firm).failed_with == "unreachable"
    assert send(firm, key, http) == Delivered(events=0, behind=0, disabled=0)  # not due yet
    hook.answer = lambda _id: 200
    firm.later(seconds=5)
    send(firm, key, http)
    assert [event["id"] for event in hook.events()] == [f"evt_{ids[0]}_1"]


def test_a_receiver_is_disabled_after_days_without_progress_and_goes_on_where_it_stopped(
    firm: Any, key: Any, hook: Any, http: Any
) -> None:
    ids = firm.letters(2)
    webhook = add(firm, key, hook)
    firm.step(ids, 0)
    hook.answer = lambda _id: 302
    send(firm, key, http)
    firm.later(seconds=GIVE_UP.total_seconds() - 1)
    assert send(firm, key, http).disabled == 0
    firm.later(hours=1)
    assert send(firm, key, http).disabled == 1
    with firm.database.connect() as connection:
        assert alarms(connection, TENANT) == {webhook: "failing"}
    hook.answer = lambda _id: 204
    firm.later(days=100)
    firm.step(ids, 1)
    assert send(firm, key, http).events == 0
    with firm.database.begin() as connection:
        enable(connection, TENANT, webhook)
    assert send(firm, key, http).events == 4
    assert sorted(hook.events(), key=lambda event: event["cursor"]) == feed(firm)
    with firm.database.connect() as connection:
        assert alarms(connection, TENANT) == {}


def test_a_receiver_that_is_gone_is_disabled_at_once(firm: Any, key: Any, hook: Any, http: Any) -> None:
    webhook = add(firm, key, hook) if firm.letters(1) else ""
    firm.step(["ltr_ten_1_000"], 0)
    hook.answer = lambda _id: 410
    assert send(firm, key, http).disabled == 1
    with firm.database.connect() as connection:
        assert alarms(connection, TENANT) == {webhook: "gone"}


def test_a_receiver_may_ask_for_a_pause(firm: Any, key: Any, hook: Any, http: Any) -> None:
    ids = firm.letters(1)
    add(firm, key, hook)
    firm.step(ids, 0)
    hook.answer, hook.headers = lambda _id: 429, {"Retry-After": "600"}
    send(firm, key, http)
    assert receiver(firm).next_try_at == firm.now + timedelta(seconds=600)


def test_rotation_signs_with_both_secrets_until_the_old_one_ends(firm: Any, key: Any, hook: Any, http: Any) -> None:
    ids = firm.letters(1)
    webhook = add(firm, key, hook)
    old, new = (secret_text(signing_secret(key, webhook, generation)) for generation in (0, 1))
    with firm.database.begin() as connection:
        assert rotate(connection, TENANT, f"webhook:{webhook}", at=firm.now, overlap=timedelta(days=7)) == 1
    firm.step(ids, 0)
    send(firm, key, http)
    assert all(verified(*hook.got[0], secret) for secret in (old, new))
    firm.later(days=7)
    firm.step(ids, 1)
    send(firm, key, http)
    assert [verified(*hook.got[1], secret) for secret in (old, new)] == [False, True]


def test_at_most_two_secrets_are_valid(firm: Any) -> None:
    firm.letters(1)
    with firm.database.begin() as connection:
        for generation in (1, 2, 3):
            assert rotate(connection, TENANT, "carrier.push", at=firm.now, overlap=timedelta(days=7)) == generation
            valid = valid_generations(connection, TENANT, "carrier.push", at=firm.now)
            assert [each.generation for each in valid] == [generation, generation - 1]
        rotate(connection, TENANT, "carrier.push", at=firm.now, overlap=timedelta(0))
        valid = valid_generations(connection, TENANT, "carrier.push", at=firm.now)
        assert [each.generation for each in valid] == [4]


def test_only_the_types_that_were_asked_for_are_sent(firm: Any, key: Any, hook: Any, http: Any) -> None:
    ids = firm.letters(2)
    add(firm, key, hook, types=["letter.ready"])
    for version in range(2):
        firm.step(ids, version)
    send(firm, key, http)
    assert {event["type"] for event in hook.events()} == {"letter.ready"}
    firm.step(ids, 2)
    send(firm, key, http)
    assert receiver(firm).after == feed(firm)[-1]["cursor"]


def test_a_sender_that_died_is_replaced_after_its_claim(firm: Any, key: Any, hook: Any, http: Any) -> None:
    ids = firm.letters(1)
    add(firm, key, hook)
    firm.step(ids, 0)
    with firm.database.begin() as connection:
        connection.execute(update(tables.webhook).values(busy_until=firm.now + timedelta(minutes=10)))
    assert send(firm, key, http).events == 0
    firm.later(minutes=10)
    assert send(firm, key, http).events == 1


def test_senders_of_the_same_moment_share_the_work_and_repeat_nothing(firm: Any, key: Any, hook: Any) -> None:
    ids = firm.letters(40)
    add(firm, key, hook)
    for version in range(3):
        firm.step(ids, version)
    barrier = Barrier(3)

    def work() -> None:
        with open_http() as http:
            barrier.wait()
            send(firm, key, http)

    threads = [Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(event["id"] for event in hook.events()) == sorted(event["id"] for event in feed(firm))
    assert in_order(hook.events())


def test_a_try_out_tells_what_it_came_to_and_moves_nothing(firm: Any, key: Any, hook: Any, http: Any) -> None:
    firm.letters(1)
    webhook = add(firm, key, hook)
    arguments: dict[str, Any] = {"tenant_id": TENANT, "key": key, "http": http, "clock": firm.clock}
    assert try_out(firm.database, webhook_id=webhook, **arguments).ok
    assert hook.events()[0]["type"] == "songda.test"
    hook.answer = lambda _id: 500
    assert try_out(firm.database, webhook_id=webhook, **arguments).code == "http_500"
    assert receiver(firm).failures == 0
    with pytest.raises(UnknownReceiver):
        try_out(firm.database, webhook_id="whk_other", **arguments)


def test_the_address_lies_sealed(firm: Any, key: Any, hook: Any) -> None:
    firm.letters(1)
    webhook = add(firm, key, hook)
    with firm.database.connect() as connection:
        row = connection.execute(select(tables.webhook)).one()
    assert b"of-the-receiver" not in row.sealed
    assert "token" not in row.host
    with firm.database.begin() as connection:
        with pytest.raises(UnknownReceiver):
            remove_receiver(connection, "ten_2", webhook)
        remove_receiver(connection, TENANT, webhook)


@pytest.mark.parametrize(
    "url",
    [
        *("http://bank.example/x", "ftp://bank.example", "https://", "https://user@bank.example/", "https://a b/"),
        *("https://a#b", "https://bank.example/" + "x" * 2000, "https://[::1", ""),
    ],
)
def test_an_address_that_would_tell_others_is_refused(firm: Any, key: Any, url: str) -> None:
    with firm.database.begin() as connection, pytest.raises(BadAddress):
        add_receiver(connection, key, TENANT, url, at=firm.now)


def test_a_type_that_nobody_tells_is_refused_with_those_that_are_told(firm: Any, key: Any) -> None:
    with firm.database.begin() as connection, pytest.raises(UnknownEventType) as refused:
        add_receiver(connection, key, TENANT, "https://bank.example/", types=["letter.lost"], at=firm.now)
    assert "letter.closed" in refused.value.message_zh


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True), st.none() | st.integers(-5, 10**9))
def test_a_wait_grows_to_its_limit_and_never_comes_to_nothing(failures: int, chance: float, asked: int | None) -> None:
    wait = wait_after(failures, asked, chance)
    assert wait >= FIRST_WAIT / 2
    if not asked or asked < 0:
        assert wait <= LONGEST_WAIT


def test_redirects_are_failures_and_the_environment_sets_no_proxy(http: httpx.Client) -> None:
    assert http.follow_redirects is False
    assert http.trust_env is False
