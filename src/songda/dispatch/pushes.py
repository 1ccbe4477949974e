"""Events that the carrier sends by itself (040002).

    ack = receive_push(engine, tenant_id=tenant, key=key, contract=contract, body=body, at=now)

The acknowledgement is the carrier's leave to forget the event, so it is made only after the fact is committed. The
door must have checked where the push comes from: that it decrypts is all that can be seen here.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, select

from songda.carriers import ContractConfig, parse_push, push_ack
from songda.dispatch.addressees import addressees
from songda.dispatch.errors import UnknownWaybill
from songda.dispatch.facts import Told, store_events
from songda.store import tables
from songda.vault import DataKey

_p, _a, _l = tables.piece.c, tables.attempt.c, tables.letter.c


def receive_push(
    engine: Engine, *, tenant_id: str, key: DataKey, contract: ContractConfig, body: bytes, at: datetime
) -> dict[str, str]:
    """Stores the pushed event and returns the acknowledgement; a push that comes again is acknowledged again.

    `body` is the request's body, JSON or form. Raises BadPush, BadEnvelope and UnknownWaybill: none of them is to be
    acknowledged.
    """
    number = parse_push(body, contract).event.waybill_no
    with engine.begin() as connection:
        query = (
            select(_a.id, _l.person_id)
            .join(tables.piece, _p.attempt_id == _a.id)
            .join(tables.letter, _l.id == _a.letter_id)
            .where(_p.waybill_no == number, _l.tenant_id == tenant_id)
        )
        found = connection.execute(query).first()
        if found is None:
            raise UnknownWaybill
        name = addressees(connection, [found.person_id], key=key)[found.person_id]
        push = parse_push(body, contract, addressee=name)
        store_events(connection, key=key, told=[Told(found.id, push.event, push.raw)], received_at=at)
    return push_ack(push, contract)
