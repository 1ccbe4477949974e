"""Pieces that need a waybill, and the orders that ask for one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from songda.carriers import Order, Party, Refused, item_line
from songda.dispatch.intents import may_repeat
from songda.dispatch.receiver import open_person, receiver
from songda.store import tables
from songda.vault import DataKey

#: Refusals of our own begin like this: nothing was sent, because a field that every carrier needs is missing.
OWN_REFUSAL = "songda:missing_"

_p, _a, _l, _r, _i = (t.c for t in (tables.piece, tables.attempt, tables.letter, tables.run, tables.intent))


@dataclass(frozen=True, slots=True)
class Waiting:
    piece_id: str
    order_no: str
    #: The number of our range that it holds already.
    waybill_no: str | None
    #: Version of the intent that stands already; None: never asked.
    intent_version: int | None
    letter_no: str | None
    weight_g: int | None
    address_record_id: str
    person_id: str
    run_id: str
    sealed: bytes = field(repr=False)


def waiting_pieces(connection: Connection, batch_id: str) -> list[str]:
    """Ids of the queued pieces in open runs of the batch that may be ordered now, in the order of their numbers."""
    rows = connection.execute(
        _may_be_ordered(select(_p.id, _p.waybill_no, _i.state, _i.answer))
        .where(_r.batch_id == batch_id)
        .order_by(_r.number, _p.seq, _p.id)
    )
    # A number without an intent came from elsewhere: there is nothing to order.
    return [row.id for row in rows if (row.waybill_no is None if row.state is None else may_repeat(row.answer))]


def read_waiting(connection: Connection, piece_ids: Sequence[str]) -> list[Waiting]:
    """The pieces of `piece_ids` that still wait, in that order."""
    query = _may_be_ordered(
        select(
            _p.id,
            _p.order_no,
            _p.waybill_no,
            _i.version,
            _l.letter_no,
            _a.weight_g,
            _a.address_record_id,
            _l.person_id,
            _p.run_id,
            tables.person.c.sealed,
        )
        .join(tables.attempt, _a.id == _p.attempt_id)
        .join(tables.letter, _l.id == _a.letter_id)
        .join(tables.person, tables.person.c.id == _l.person_id)
    ).where(_p.id.in_(piece_ids))
    found = {row.id: Waiting(*row) for row in connection.execute(query).all()}
    return [found[piece_id] for piece_id in piece_ids if piece_id in found]


def orders(
    pieces: Iterable[Waiting], *, key: DataKey, sender: Party, at: datetime
) -> tuple[list[Order], dict[str, Refused]]:
    """The orders to send, and the pieces (by order number) for which none can be written."""
    ready: list[Order] = []
    refused: dict[str, Refused] = {}
    pieces = list(pieces)
    key.of_persons({piece.person_id for piece in pieces})
    for piece in pieces:
        to = receiver(open_person(key, piece.person_id, piece.sealed), piece.address_record_id)
        missing = to if isinstance(to, str) else _missing(piece)
        if isinstance(to, str) or missing or piece.weight_g is None:
            refused[piece.order_no] = Refused(code=f"{OWN_REFUSAL}{missing}", message="")
            continue
        ready.append(
            Order(
                order_no=piece.order_no,
                sender=sender,
                receiver=to,
                item_line=item_line(piece.letter_no or ""),
                weight_g=piece.weight_g,
                created_at=at,
                waybill_no=piece.waybill_no,
                virtual_number=True,
                batch_no=piece.run_id,
            )
        )
    return ready, refused


def _missing(piece: Waiting) -> str:
    if not piece.letter_no:
        return "letter_no"
    return "" if piece.weight_g else "weight_g"


def _may_be_ordered(query: Select[Any]) -> Select[Any]:
    return (
        query.join(tables.run, _r.id == _p.run_id)
        .outerjoin(tables.intent, _i.order_no == _p.order_no)
        .where(_r.state == "open", _p.state == "queued", or_(_i.state.is_(None), _i.state == "written"))
    )
