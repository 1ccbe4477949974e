"""Events that somebody tells by himself: the carrier (040002), or an aggregator.

    ack = receive_push(engine, tenant_id=tenant, key=key, contract=contract, body=body, at=now)

The acknowledgement is the teller's leave to forget the event, so it is made only after the fact is committed. The
door must have checked where the push comes from: that it decrypts, or is signed, is all that can be seen here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select

from songda.carriers import AggregatorAccount, ContractConfig, Trace, read_push, read_words
from songda.dispatch.addressees import addressees
from songda.dispatch.errors import UnknownWaybill
from songda.dispatch.facts import Told, store_events
from songda.store import tables
from songda.vault import DataKey

_p, _a, _l = tables.piece.c, tables.attempt.c, tables.letter.c


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
    pushed = read_push(body, contract, accounts)
    with engine.begin() as connection:
        told = told_of(connection, pushed.traces, tenant_id=tenant_id, key=key)
        if told is None:
            raise UnknownWaybill
        store_events(connection, key=key, told=told, received_at=at)
    return pushed.ack(at)


def told_of(connection: Connection, traces: Iterable[Trace], *, tenant_id: str, key: DataKey) -> list[Told] | None:
    """The events of the traces, read again beside the addressee's name; None when no waybill is the tenant's."""
    traces = list(traces)
    query = (
        select(_p.waybill_no, _a.id, _l.person_id)
        .join(tables.attempt, _a.id == _p.attempt_id)
        .join(tables.letter, _l.id == _a.letter_id)
        .where(_p.waybill_no.in_({trace.waybill_no for trace in traces}), _l.tenant_id == tenant_id)
    )
    found = {row.waybill_no: row for row in connection.execute(query)}
    if not found:
        return None
    names = addressees(connection, {row.person_id for row in found.values()}, key=key)
    return [
        Told(row.id, event, words)
        for trace in traces
        if (row := found.get(trace.waybill_no)) is not None
        for words in trace.words
        if (event := read_words(words, waybill_no=row.waybill_no, addressee=names[row.person_id])) is not None
    ]
