"""What happened at the door, as the delivery office's team or the carrier's own program reports it: taken once, as facts.

    answer = take_report(engine, tenant_id=tenant, key=key, report=report, reporter=reporter, at=now)
    answer.status        # taken | superseded | duplicate | conflict | refused

A report is evidence of its own kind: a fact whose code begins with `courier:` (the team; second-hand, so that the carrier's
word of the same visit outweighs it and nothing better than grade C rests on it) or `app:` (the carrier itself). The
reporter's device gives each report its id: told again it is a duplicate, the same id with something else is a conflict.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import orjson
from sqlalchemy import Connection, Engine, select

from songda.base import ids
from songda.carriers import Mapping as Codes
from songda.carriers import fold, load_mapping
from songda.dispatch.addressees import addressees
from songda.dispatch.courier_items import has_lain_at
from songda.dispatch.courier_words import Report, Reporter, event_of, said_of, words_of
from songda.dispatch.facts import Told, fact_key, lock_attempts, read_facts, store_events
from songda.dispatch.instants import read, stored
from songda.dispatch.standing import handed_over
from songda.store import insert_missing, tables
from songda.vault import DataKey

#: A tour's reports come in within a few days; a device's clock against ours.
OLDEST, SKEW = timedelta(days=7), timedelta(minutes=30)
#: Sub-states of an item whose way is at its end, or no longer leads to the addressee.
_OVER = frozenset({"signed", "refused", "returning", "returned_to_sender", "lost", "intercepted"})

_r = tables.courier_report.c

Status = Literal["taken", "superseded", "duplicate", "conflict", "refused"]


@dataclass(frozen=True, slots=True)
class Answer:
    status: Status
    #: Why: not_here | clock | before_arrival | other_content | no_relation | relation_needless | unknown_outcome |
    #: result_known; "" when there is nothing to say.
    reason: str = ""
    #: Of the row that stands under the report's id.
    report_id: str = ""


@cache
def reportable() -> Mapping[str, Any]:
    """courier_outcomes.toml."""
    return tomllib.loads(files("songda.dispatch").joinpath("courier_outcomes.toml").read_text("utf-8"))


def answered_before(connection: Connection, tenant_id: str, report: Report, *, key: DataKey) -> Answer | None:
    """The answer to a report whose id was taken before; None: it is new."""
    query = select(_r.id, _r.body).where(_r.tenant_id == tenant_id, _r.client_id == report.client_id)
    row = connection.execute(query).first()
    if row is None:
        return None
    if row.body != _body(report, key):
        return Answer("conflict", "other_content", row.id)
    return Answer("duplicate", "", row.id)


def check(report: Report, *, at: datetime) -> str:
    """Why the report cannot be taken, by what it says itself; "" when it can."""
    known = {row["code"]: row for row in reportable()["outcome"]}
    if report.outcome not in known:
        return "unknown_outcome"
    if known[report.outcome].get("signer", False):
        if report.relation not in {row["word"] for row in reportable()["relation"]}:
            return "no_relation"
    elif report.relation or report.signer_name:
        return "relation_needless"
    return "" if at - OLDEST <= report.happened_at <= at + SKEW else "clock"


def take_report(
    engine: Engine,
    *,
    tenant_id: str,
    key: DataKey,
    report: Report,
    reporter: Reporter,
    report_id: str,
    at: datetime,
    mapping: Codes | None = None,
) -> Answer:
    """Stores one report as a fact, in one transaction; nothing is stored unless the answer is taken or superseded.

    `report_id` (prefix `rpt`) is fresh; the caller may have stored the slip under it. Raises Unsealable.
    """
    reason = check(report, at=at)
    if reason:
        return Answer("refused", reason)
    with engine.begin() as connection:
        item = has_lain_at(connection, tenant_id, reporter.office, report.waybill_no, at=at)
        if item is None:
            return Answer("refused", "not_here")
        if report.happened_at < read(item.since) - SKEW:
            return Answer("refused", "before_arrival")
        lock_attempts(connection, [item.id])
        name = addressees(connection, {item.person_id}, key=key)[item.person_id]
        event = event_of(report, reporter, addressee=name)
        row = {
            "id": report_id,
            "tenant_id": tenant_id,
            "attempt_id": item.id,
            "client_id": report.client_id,
            "body": _body(report, key),
            "event_key": fact_key(event),
            "outcome": report.outcome,
            "office": reporter.office,
            "holder": reporter.holder,
            "happened_at": stored(report.happened_at),
            "received_at": stored(at),
            "slip_sha256": report.slip_sha256,
        }
        insert_missing(connection, tables.courier_report, [row])
        answer = answered_before(connection, tenant_id, report, key=key)
        assert answer is not None
        if answer.report_id != report_id:
            return answer
        over = _is_over(connection, item.id, report, mapping or load_mapping(), at=at)
        store_events(connection, key=key, told=[Told(item.id, event, words_of(report, reporter))], received_at=at)
    return Answer("superseded", "result_known", report_id) if over else Answer("taken", "", report_id)


def _body(report: Report, key: DataKey) -> str:
    """Equal for equal reports. It covers the signer's name, so that a plain hash would tell it to whoever guesses."""
    return key.blind_index("courier_report", orjson.dumps(said_of(report), option=orjson.OPT_SORT_KEYS).decode())


def _is_over(connection: Connection, attempt_id: str, report: Report, codes: Codes, *, at: datetime) -> bool:
    """Whether something else than this report was known of the item's end before it."""
    events = [fact.event for fact in read_facts(connection, [attempt_id]).get(attempt_id, ())]
    handed = handed_over(connection, [attempt_id]).get(attempt_id, {})
    outcome = fold(
        [event for event in events if event.waybill_no == report.waybill_no],
        mapping=codes,
        handed_over_at=handed.get(report.waybill_no),
        as_of=at,
    )
    return outcome.state in _OVER


def new_report_id() -> str:
    return ids.new("rpt")
