"""What debtors have paid: booked once, and no letter demands it any more.

    done = book(engine, tenant, read_payments(data, today=day), by="ops-7", at=now)
    done.new, done.known, done.refused, done.settled

The file of cases states amounts as of a day; what is paid after it moves the ledger (songda.flow.links.moved_fen). A letter that still
states the old amount is held by rule C04 at approval and at the lock until a new case file states the amounts anew: nobody but the
institution says how a payment is divided into principal, interest and fees. Paid in full, the case is stopped (`paid`),
wherever its letters are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from songda.base import ids
from songda.flow.audit import write_audit
from songda.flow.contact_facts import case_id_of
from songda.flow.links import OWED, moved_fen
from songda.flow.payment_file import PaymentLine
from songda.flow.sealed import LASTING
from songda.flow.stop import stop_settled
from songda.flow.tenants import Tenant
from songda.store import chunks, insert_missing, tables

_c, _p, _s = tables.case.c, tables.payment.c, tables.stop_order.c
#: Why a line was not booked.
UNKNOWN_CASE, OTHER_PAYMENT = "unknown_case", "other_payment"
REFUSED_ZH = {
    UNKNOWN_CASE: "台账中没有这个案件编号",
    OTHER_PAYMENT: "流水号已登记为另一笔（案件、日期或金额不同）",
}


@dataclass(frozen=True, slots=True)
class Booked:
    #: Payments that were not known before, and those that were.
    new: int
    known: int
    #: Line of the file, and why it was not booked.
    refused: tuple[tuple[int, str], ...]
    #: Cases whose letters were stopped because everything is paid, and letters that this reached, by what came of it.
    settled: int
    letters: dict[str, int]


def book(engine: Engine, tenant: Tenant, lines: Sequence[PaymentLine], *, by: str, at: datetime) -> Booked:
    """Books what is not known yet, in one transaction, and stops what is paid in full. Again with the same file, it does no harm."""
    wanted = {line: _row(tenant, line, at) for line in lines}
    with engine.begin() as connection:
        cases = _known_cases(connection, {str(row["case_id"]) for row in wanted.values()})
        before = _known_payments(connection, tenant, [str(row["lookup"]) for row in wanted.values()])
        new, known, refused = [], 0, []
        for line, row in wanted.items():
            stated = (row["case_id"], row["paid_on"], row["amount_fen"])
            if row["case_id"] not in cases:
                refused.append((line.line, UNKNOWN_CASE))
            elif row["lookup"] not in before:
                new.append(row)
            elif before[str(row["lookup"])] == stated:
                known += 1
            else:
                refused.append((line.line, OTHER_PAYMENT))
        insert_missing(connection, tables.payment, new)
        if new:
            details = {"new": len(new), "known": known, "refused": len(refused)}
            write_audit(connection, at=at, actor=by, action="payments.booked", object_id=tenant.id, details=details)
    settled, letters = 0, dict[str, int]()
    for case_id in sorted(_paid_in_full(engine, cases)):
        stopped = stop_settled(engine, tenant, case_id, by=by, at=at)
        settled += 1
        for answer in stopped.answers.values():
            letters[answer.outcome] = letters.get(answer.outcome, 0) + 1
    return Booked(len(new), known, tuple(refused), settled, letters)


def _row(tenant: Tenant, line: PaymentLine, at: datetime) -> dict[str, object]:
    lookup = tenant.key.blind_index("payment", line.reference)
    return {
        "id": ids.derive("pay", LASTING, tenant.key.id_secret(), lookup),
        "tenant_id": tenant.id,
        "case_id": case_id_of(tenant, line.case_no),
        "lookup": lookup,
        "paid_on": line.paid_on,
        "amount_fen": line.amount_fen,
        "received_at": at,
    }


def _known_cases(connection: Connection, wanted: set[str]) -> set[str]:
    return {
        case for part in chunks(sorted(wanted)) for case in connection.scalars(select(_c.id).where(_c.id.in_(part)))
    }


def _known_payments(connection: Connection, tenant: Tenant, lookups: list[str]) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    for part in chunks(lookups):
        query = select(_p.lookup, _p.case_id, _p.paid_on, _p.amount_fen)
        query = query.where(_p.tenant_id == tenant.id, _p.lookup.in_(part))
        found |= {row.lookup: tuple(row[1:]) for row in connection.execute(query)}
    return found


def _paid_in_full(engine: Engine, cases: set[str]) -> set[str]:
    """Those of the cases of which nothing is owed any more, and that no standing order stops as paid already."""
    found: set[str] = set()
    with engine.connect() as connection:
        for part in chunks(sorted(cases)):
            moved = moved_fen(connection, part)
            query = select(_c.id, *(_c[f"{name}_fen"] for name in OWED)).where(_c.id.in_(list(moved)))
            paid = {row[0] for row in connection.execute(query) if moved[row[0]] >= sum(fen or 0 for fen in row[1:])}
            standing = select(_s.object_id).where(_s.object_id.in_(part), _s.reason == "paid", _s.state == "standing")
            found |= paid - set(connection.scalars(standing))
    return found
