"""A court's document on its way to the persons of some cases: a batch of its own, a letter a person, decided like any other.

    forwarding = forward(house, entrustment_id, ["A-1"], on=day, by="ops-7", at=now)
    forwarding.batch_id           # → songda letters approve, twice, then songda run --resume

The batch is named by what it is about: the same entrustment for the same cases is the same batch, so a repetition goes on
where it stood. A person gets what the court has entrusted once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Connection, insert, select

from songda.base import ids
from songda.base.errors import SongdaError
from songda.flow.audit import write_audit
from songda.flow.court import COVER_SHEETS, Entrustment, check_confirmed, facts_of, read_entrustment
from songda.flow.decide import Matter, decide_on
from songda.flow.sealed import LASTING
from songda.flow.stationery import products_of
from songda.flow.stop import UnknownCase
from songda.flow.tenants import Tenant
from songda.letters import choose
from songda.store import insert_missing, move, tables

if TYPE_CHECKING:
    from songda.flow.run import House

KIND = "court_forward"

_b, _c, _l, _f = tables.batch.c, tables.case.c, tables.letter.c, tables.forwarded.c


class NotInForce(SongdaError):
    """`first`, `last`: days on which it counts."""

    zh = "委托登记 {entrustment} 在该日不生效（{first} 至 {last}）"
    remedy = "请用法院的新委托重新登记"
    exit_code = 77


class MixedCases(SongdaError):
    zh = "演练案件和真实案件不能一起转送"
    remedy = "请分开转送"
    exit_code = 64


class ForwardedAlready(SongdaError):
    """`letters`: numbers of the letters."""

    zh = "这份文书已经转送给所列案件中的人（函号 {letters}）"
    remedy = "请去掉这些案件；要重新寄送，先用 songda letters stop 停止原函，或由法院另行委托"
    exit_code = 65


@dataclass(frozen=True, slots=True)
class Forwarding:
    batch_id: str
    #: number (None: it does not go), state, reasons of each letter.
    letters: tuple[Mapping[str, Any], ...]


def forward(
    house: House, entrustment_id: str, case_nos: Sequence[str], *, on: date, by: str, at: datetime
) -> Forwarding:
    """Decides on a letter to each person of the cases, with the document behind it.

    Raises UnknownEntrustment, WrongEntrustmentState, NotInForce, UnknownCase, MixedCases, ForwardedAlready.
    """
    tenant = house.tenant
    with house.engine.begin() as connection:
        entrustment = read_entrustment(connection, tenant, entrustment_id)
        check_confirmed(entrustment)
        if not entrustment.holds_on(on):
            first, last = entrustment.entrusted.on, entrustment.valid_until
            raise NotInForce(entrustment=entrustment_id, first=first.isoformat(), last=last.isoformat())
        cases = _cases(connection, tenant, case_nos)
        batch_id = _open(connection, tenant, entrustment, cases, on=on, by=by, at=at)
    # What does not hang on the day is judged once for all; the lawyers sign later.
    facts = facts_of(entrustment, tenant, on=on, home=house.home)
    matter = Matter(KIND, _c.id.in_(cases), facts)
    decide_on(house.engine, tenant, batch_id, matter, price_fen=_dearest(tenant, entrustment, on), at=at)
    with house.engine.begin() as connection:
        query = select(_l.id, _l.letter_no, _l.state, _l.reasons).where(_l.batch_id == batch_id)
        rows = connection.execute(query.order_by(_l.letter_no, _l.id)).all()
        pairs = [{"letter_id": row.id, "entrustment_id": entrustment_id} for row in rows]
        insert_missing(connection, tables.forwarded, pairs)
    return Forwarding(batch_id, tuple({k: row._mapping[k] for k in ("letter_no", "state", "reasons")} for row in rows))


def _cases(connection: Connection, tenant: Tenant, case_nos: Sequence[str]) -> dict[str, bool]:
    """Case id → whether it is a drill's. Raises UnknownCase, MixedCases."""
    wanted = {
        ids.derive("cas", LASTING, tenant.key.id_secret(), tenant.key.blind_index("case_no", case_no))
        for case_no in case_nos
    }
    query = select(_c.id, _b.drill).join(tables.batch, _b.id == _c.batch_id)
    found = {row.id: bool(row.drill) for row in connection.execute(query.where(_c.id.in_(wanted)))}
    if found.keys() != wanted or not wanted:
        raise UnknownCase
    if len(set(found.values())) > 1:
        raise MixedCases
    return found


def _open(
    connection: Connection,
    tenant: Tenant,
    entrustment: Entrustment,
    cases: Mapping[str, bool],
    *,
    on: date,
    by: str,
    at: datetime,
) -> str:
    """The batch of these cases, made on first sight. Raises ForwardedAlready."""
    about = {"entrustment": entrustment.id, "document": entrustment.entrusted.sha256, "cases": sorted(cases)}
    digest = hashlib.sha256(orjson.dumps(about)).hexdigest()
    known = select(_b.id).where(_b.tenant_id == tenant.id, _b.file_sha256 == digest)
    batch_id = connection.scalar(known)
    if batch_id is not None:
        return str(batch_id)
    if done := _forwarded(connection, entrustment.id, cases):
        raise ForwardedAlready(letters="、".join(done))
    batch_id = ids.derive("bat", on, tenant.key.id_secret(), digest)
    row = {"id": batch_id, "tenant_id": tenant.id, "file_sha256": digest, "as_of": on, "state": "receiving"}
    row |= {"version": 0, "next_row": 0, "rows": 0, "drill": all(cases.values()), "figures": {}}
    connection.execute(insert(tables.batch), row)
    move(
        connection,
        "batch",
        [(batch_id, 0)],
        source="receiving",
        target="received",
        actor="intake",
        reason="entrusted",
        at=at,
    )
    details = {"batch": batch_id, "cases": len(cases)}
    write_audit(connection, at=at, actor=by, action="court.forward", object_id=entrustment.id, details=details)
    return batch_id


def _forwarded(connection: Connection, entrustment_id: str, cases: Collection[str]) -> list[str]:
    """Numbers of letters to the persons of the cases that carry this very document, or are to."""
    persons = select(_c.person_id).where(_c.id.in_(cases))
    query = (
        select(_l.letter_no)
        .join(tables.forwarded, _f.letter_id == _l.id)
        .where(
            _f.entrustment_id == entrustment_id,
            _l.person_id.in_(persons),
            _l.state.in_(("received", "held", "ready", "approved", "active", "closed")),
        )
    )
    return list(connection.scalars(query.order_by(_l.letter_no)))


def _dearest(tenant: Tenant, entrustment: Entrustment, on: date) -> int:
    """What a letter may cost at most before anything is rendered, fen."""
    products, sheets = products_of(tenant), entrustment.entrusted.pages + COVER_SHEETS
    zones = {product.zone for product in products.products}
    return max(choose(sheets=sheets, zone=zone, on=on, products=products).price_fen for zone in zones)
