"""Sending webhooks: at least once, the events of a letter in their order, from each receiver's cursor on.

    with open_http() as http:
        deliver(engine, tenant_id=tenant, key=key, http=http, clock=days.now)

A window of events is sent at once, letters beside each other and each letter's events after one another; the cursor then goes
to the last event before the first that was not taken. What lies behind that one and was taken is sent again: the id of an
event never changes, so a receiver that knows an id already leaves it. A receiver that takes nothing is asked less and less
often, and after GIVE_UP not at all: that is an alarm, and nothing is lost by it.

Any number of senders may run: one at a time has a receiver, by a claim that ends by itself, and begins nothing more in the
last MARGIN of it. So a sender that was slow, or slept, never tells an event after another sender has told the next one.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
from sqlalchemy import Connection, Engine, exists, or_, select, update

from songda.base import ids
from songda.notices.feed import as_json
from songda.notices.receivers import UnknownReceiver, address_of
from songda.notices.secrets import valid_generations
from songda.notices.signing import purpose_of, sign, signing_secret
from songda.store import Event, last_position, number_events, read_events, tables
from songda.vault import DataKey

#: Events of one window, and letters that are told of at once.
WINDOW, THREADS = 200, 8
#: Seconds for one try; the specification recommends 15 to 30.
TIMEOUT_S = 15.0
#: First wait after a try without progress, doubled each time up to the longest; a random part of up to a half is taken off.
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(hours=1)
#: A receiver that asks for a longer pause (Retry-After) gets it up to here.
LONGEST_PAUSE = timedelta(hours=12)
#: Time without progress after which a receiver is disabled.
GIVE_UP = timedelta(days=5)
#: A sender that has not come back for so long is dead.
CLAIM = timedelta(minutes=10)
#: Longer than one try: connecting, writing and waiting for the answer have TIMEOUT_S each.
MARGIN = timedelta(minutes=1)

_w, _e = tables.webhook.c, tables.event.c


@dataclass(frozen=True, slots=True)
class Tried:
    """What one try came to."""

    #: Status of the answer; None: no answer.
    status: int | None
    #: `ok`, `http_503`, `timeout`, `unreachable`.
    code: str
    #: The receiver's Retry-After in seconds.
    retry_after_s: int | None = None

    @property
    def ok(self) -> bool:
        return self.code == "ok"


@dataclass(frozen=True, slots=True)
class Delivered:
    #: Events that receivers have taken now.
    events: int
    #: Receivers that have more waiting: failing, or disabled just now.
    behind: int
    disabled: int


@dataclass(frozen=True, slots=True)
class _Claimed:
    webhook_id: str
    tenant_id: str
    url: str
    types: tuple[str, ...] | None
    after: int
    failures: int
    failing_since: datetime | None
    busy_until: datetime


def open_http() -> httpx.Client:
    """A connection pool: certificates verified, no proxies from the environment, redirects are failures."""
    return httpx.Client(
        timeout=TIMEOUT_S,
        limits=httpx.Limits(max_connections=4 * THREADS, max_keepalive_connections=THREADS),
        headers={"User-Agent": "songda", "Content-Type": "application/json"},
        trust_env=False,
        follow_redirects=False,
    )


def deliver(
    engine: Engine, *, tenant_id: str, key: DataKey, http: httpx.Client, clock: Callable[[], datetime]
) -> Delivered:
    """Tells every receiver of the tenant that is due what it has not taken yet, until it has all or fails."""
    taken = behind = disabled = 0
    with engine.connect() as connection:
        # Looked at first, so that idle senders write nothing.
        waiting = exists().where(_e.tenant_id == tenant_id, or_(_e.position.is_(None), _e.position > _w.after))
        webhooks = list(connection.scalars(select(_w.id).where(_w.tenant_id == tenant_id, waiting).order_by(_w.id)))
    for webhook_id in webhooks:
        claimed = _claim(engine, key, webhook_id, at=clock())
        while claimed is not None:
            events, secrets = _window(engine, key, claimed, at=clock())
            results = _send(http, claimed, secrets, events, clock=clock) if events else {}
            progress = _progress(events, results)
            claimed, outcome = _note(engine, claimed, events, results, progress, at=clock())
            taken += progress
            behind += outcome != "ok"
            disabled += outcome == "disabled"
    return Delivered(events=taken, behind=behind, disabled=disabled)


def try_out(
    engine: Engine, *, tenant_id: str, key: DataKey, webhook_id: str, http: httpx.Client, clock: Callable[[], datetime]
) -> Tried:
    """Sends an event of type `songda.test` that tells of nothing; the cursor stays. Raises UnknownReceiver."""
    with engine.connect() as connection:
        query = select(_w.sealed).where(_w.id == webhook_id, _w.tenant_id == tenant_id)
        row = connection.execute(query).first()
        if row is None:
            raise UnknownReceiver(webhook=webhook_id)
        secrets = _secrets(connection, key, tenant_id, webhook_id, at=clock())
    event_id = ids.new("evt")
    instant = clock().astimezone(UTC).isoformat().replace("+00:00", "Z")
    body = orjson.dumps({"id": event_id, "type": "songda.test", "timestamp": instant, "data": {}})
    return _post(http, address_of(key, webhook_id, row.sealed), secrets, event_id, body, at=clock())


def wait_after(failures: int, retry_after_s: int | None, chance: float) -> timedelta:
    """How long a receiver is left alone after its `failures`-th try without progress (from 1); `chance` in [0, 1)."""
    wait = min(LONGEST_WAIT, FIRST_WAIT * (1 << min(failures - 1, 20))) * (1 - chance / 2)
    asked = timedelta(seconds=max(0, retry_after_s or 0))
    return max(wait, min(asked, LONGEST_PAUSE))


def _claim(engine: Engine, key: DataKey, webhook_id: str, *, at: datetime) -> _Claimed | None:
    """The receiver, if it is due and nobody else is at work on it."""
    now = at.astimezone(UTC)
    busy_until = now + CLAIM
    due = (
        (_w.id == webhook_id)
        & _w.disabled_at.is_(None)
        & or_(_w.next_try_at.is_(None), _w.next_try_at <= now)
        & or_(_w.busy_until.is_(None), _w.busy_until <= now)
    )
    with engine.begin() as connection:
        if not connection.execute(update(tables.webhook).where(due).values(busy_until=busy_until)).rowcount:
            return None
        row = connection.execute(select(tables.webhook).where(_w.id == webhook_id)).one()
    since = row.failing_since
    return _Claimed(
        webhook_id=row.id,
        tenant_id=row.tenant_id,
        url=address_of(key, row.id, row.sealed),
        types=None if row.types is None else tuple(row.types),
        after=row.after,
        failures=row.failures,
        failing_since=since if since is None or since.tzinfo else since.replace(tzinfo=UTC),
        busy_until=busy_until,
    )


def _window(engine: Engine, key: DataKey, claimed: _Claimed, *, at: datetime) -> tuple[list[Event], list[bytes]]:
    with engine.begin() as connection:
        number_events(connection)
        events = read_events(connection, claimed.tenant_id, after=claimed.after, limit=WINDOW, types=claimed.types)
        return events, _secrets(connection, key, claimed.tenant_id, claimed.webhook_id, at=at)


def _secrets(connection: Connection, key: DataKey, tenant_id: str, webhook_id: str, *, at: datetime) -> list[bytes]:
    valid = valid_generations(connection, tenant_id, purpose_of(webhook_id), at=at)
    return [signing_secret(key, webhook_id, each.generation) for each in valid]


def _send(
    http: httpx.Client,
    claimed: _Claimed,
    secrets: Sequence[bytes],
    events: Sequence[Event],
    *,
    clock: Callable[[], datetime],
) -> dict[str, Tried]:
    """Event id → what its try came to; what follows a failure of the same letter is not tried, nor what the claim is too short
    for.
    """
    until = claimed.busy_until - MARGIN
    by_letter: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_letter[event.letter_id].append(event)

    def tell(letter: Sequence[Event]) -> dict[str, Tried]:
        told: dict[str, Tried] = {}
        for event in letter:
            now = clock()
            if now >= until:
                break
            told[event.id] = _post(http, claimed.url, secrets, event.id, orjson.dumps(as_json(event)), at=now)
            if not told[event.id].ok:
                break
        return told

    # The first one alone: a receiver that is down is asked once, not once for every letter.
    first, *others = by_letter.values()
    results = tell(first)
    if all(tried.ok for tried in results.values()):
        with ThreadPoolExecutor(THREADS) as pool:
            for told in pool.map(tell, others):
                results |= told
    return results


def _post(http: httpx.Client, url: str, secrets: Sequence[bytes], event_id: str, body: bytes, *, at: datetime) -> Tried:
    timestamp = int(at.timestamp())
    headers = {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secrets, event_id, timestamp, body),
    }
    try:
        # Only the status counts: what a receiver writes into its answer is never read. An empty answer keeps the line.
        with http.stream("POST", url, content=body, headers=headers) as answer:
            if answer.headers.get("content-length") == "0" or answer.status_code == 204:
                answer.read()
            if answer.is_success:
                return Tried(answer.status_code, "ok")
            asked = answer.headers.get("retry-after", "")
            return Tried(answer.status_code, f"http_{answer.status_code}", int(asked) if asked.isdecimal() else None)
    except httpx.TimeoutException:
        return Tried(None, "timeout")
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError):
        return Tried(None, "unreachable")


def _progress(events: Sequence[Event], results: dict[str, Tried]) -> int:
    """Events up to the first that was not taken."""
    for count, event in enumerate(events):
        if event.id not in results or not results[event.id].ok:
            return count
    return len(events)


def _note(
    engine: Engine,
    claimed: _Claimed,
    events: Sequence[Event],
    results: dict[str, Tried],
    progress: int,
    *,
    at: datetime,
) -> tuple[_Claimed | None, str]:
    """Writes down how far the receiver has come; returns the claim when there may be more, and ok | failing | disabled."""
    now = at.astimezone(UTC)
    values: dict[str, Any] = {"after": events[progress - 1].position if progress else claimed.after}
    outcome = "ok"
    failed = next((tried for tried in results.values() if not tried.ok), None)
    if failed is None:
        values |= {"failures": 0, "failing_since": None, "failed_with": None, "next_try_at": None}
    else:
        failures = 1 if progress else claimed.failures + 1
        since = now if progress or claimed.failing_since is None else claimed.failing_since
        wait = wait_after(failures, failed.retry_after_s, random.random())
        values |= {"failures": failures, "failing_since": since, "failed_with": failed.code, "next_try_at": now + wait}
        outcome = "failing"
        if failed.status == 410 or now - since >= GIVE_UP:
            values |= {"disabled_at": now, "disabled_for": "gone" if failed.status == 410 else "failing"}
            outcome = "disabled"
    more = outcome == "ok" and (len(events) == WINDOW or progress < len(events))
    with engine.begin() as connection:
        if outcome == "ok" and not more and claimed.types is not None:
            # Events of other types are passed by, so that they are not looked through each time.
            values["after"] = max(values["after"], _seen(connection, claimed, events))
        own = (_w.id == claimed.webhook_id) & (_w.busy_until == claimed.busy_until)
        busy_until = now + CLAIM if more else None
        kept = connection.execute(update(tables.webhook).where(own).values(**values, busy_until=busy_until)).rowcount
    # Without the claim somebody has moved the cursor meanwhile: theirs holds.
    if not more or not kept or busy_until is None:
        return None, outcome
    return replace(claimed, after=values["after"], failures=0, failing_since=None, busy_until=busy_until), outcome


def _seen(connection: Connection, claimed: _Claimed, events: Sequence[Event]) -> int:
    """Position up to which nothing of the receiver's types is waiting."""
    after = events[-1].position if events else claimed.after
    last = last_position(connection, claimed.tenant_id)
    waiting = read_events(connection, claimed.tenant_id, after=after, limit=1, types=claimed.types)
    return waiting[0].position - 1 if waiting else last
