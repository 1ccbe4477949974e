"""Events that somebody tells by himself: the carrier (040002), or an aggregator.

    ack = receive_push(engine, tenant_id=tenant, key=key, contract=contract, body=body, at=now)
    acks = receive_pushes(engine, tenant_id=tenant, key=key, contract=contract, bodies=bodies, at=now)   # one commit

The acknowledgement is the teller's leave to forget the event, so it is made only after the fact is committed. The
door must have checked where the push comes from: that it decrypts, or is signed, is all that can be seen here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, select

from songda.base.errors import SongdaError
from songda.carriers import (
    AggregatorAccount,
    BadEnvelope,
    BadPush,
    ContractConfig,
    Pushed,
    Trace,
    load_mapping,
    read_push,
    read_words,
)
from songda.dispatch.addressees import addressees
from songda.dispatch.errors import UnknownWaybill
from songda.dispatch.facts import Told, store_events
from songda.dispatch.followed import note_answered
from songda.store import chunks, tables
from songda.vault import DataKey

_p, _a, _l = tables.piece.c, tables.attempt.c, tables.letter.c
# Made once, like all statements on the way of a push: to make one takes four times as long as to run it.
_WHOSE = (
    select(_p.waybill_no, _a.id, _l.person_id)
    .join(tables.attempt, _a.id == _p.attempt_id)
    .join(tables.letter, _l.id == _a.letter_id)
    .where(_p.waybill_no.in_(bindparam("waybills", expanding=True)), _l.tenant_id == bindparam("tenant"))
)


def receive_push(
    engine: Engine,
    *,
    tenant_id: str,
    key: DataKey,
    contract: ContractConfig,
    body: bytes,
    at: datetime,
    accounts: Sequence[AggregatorAccount] = (),
) -> dict[str, Any]:
    """Stores the pushed events and returns the acknowledgement; a push that comes again is acknowledged again.

    `body` is the request's body, JSON or form. Raises BadPush, BadEnvelope, and UnknownWaybill when none of its waybills
    is the tenant's: none of them is to be acknowledged.
    """
    (answer,) = receive_pushes(
        engine, tenant_id=tenant_id, key=key, contract=contract, bodies=[body], at=at, accounts=accounts
    )
    if isinstance(answer, SongdaError):
        raise answer
    return answer


def receive_pushes(
    engine: Engine,
    *,
    tenant_id: str,
    key: DataKey,
    contract: ContractConfig,
    bodies: Sequence[bytes],
    at: datetime,
    accounts: Sequence[AggregatorAccount] = (),
) -> list[dict[str, Any] | SongdaError]:
    """`receive_push` for many bodies in one transaction: for each the acknowledgement, or the error that it would raise."""
    read = [_read(body, contract, accounts) for body in bodies]
    pushed = [each for each in read if isinstance(each, Pushed)]
    with engine.begin() as connection:
        told, known = told_of(
            connection, [trace for each in pushed for trace in each.traces], tenant_id=tenant_id, key=key
        )
        store_events(connection, key=key, told=told, received_at=at)
        own = {trace.waybill_no for each in pushed if each.first_hand for trace in each.traces}
        _note_heard(connection, [each for each in told if each.event.waybill_no in own], at=at)
    return [
        each
        if isinstance(each, SongdaError)
        else each.ack(at)
        if any(trace.waybill_no in known for trace in each.traces)
        else UnknownWaybill()
        for each in read
    ]


def _note_heard(connection: Connection, told: Sequence[Told], *, at: datetime) -> None:
    """Who has just been told need not ask, unless the push lacks the second code by which its event is told apart."""
    qualified = load_mapping().qualified
    open_still = {
        each.attempt_id
        for each in told
        if each.event.op_code in qualified and not (each.event.deliver_code or each.event.attempt_code)
    }
    note_answered(connection, {each.attempt_id for each in told} - open_still, at=at)
    note_answered(connection, open_still, at=None)


def told_of(
    connection: Connection, traces: Sequence[Trace], *, tenant_id: str, key: DataKey
) -> tuple[list[Told], set[str]]:
    """The events of the traces, read again beside the addressee's name; and which waybills are the tenant's."""
    found: dict[str, Any] = {}
    for part in chunks(sorted({trace.waybill_no for trace in traces})):
        rows = connection.execute(_WHOSE, {"waybills": part, "tenant": tenant_id})
        found |= {row.waybill_no: row for row in rows}
    names = addressees(connection, {row.person_id for row in found.values()}, key=key)
    told = [
        Told(row.id, event, words)
        for trace in traces
        if (row := found.get(trace.waybill_no)) is not None
        for words in trace.words
        if (event := read_words(words, waybill_no=row.waybill_no, addressee=names[row.person_id])) is not None
    ]
    return told, set(found)


def _read(body: bytes, contract: ContractConfig, accounts: Sequence[AggregatorAccount]) -> Pushed | SongdaError:
    try:
        return read_push(body, contract, accounts)
    except (BadPush, BadEnvelope) as error:
        return error
