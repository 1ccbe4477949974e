"""The record of entrusted processing that institution and house have to keep (PIPL art. 21, 55; 网络数据安全管理条例 art. 12).

    record(engine, tenant, on=day)      # who processes what for whom, on which terms, and how much was done; names no person

Terms are the profile's; what was done is counted from the ledger and the audit log, so that the record is never written by hand.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, func, or_, select

from songda.flow.tenants import Tenant
from songda.store import tables

_a, _l, _n = tables.audit.c, tables.letter.c, tables.attempt.c
#: Actions by which data of persons left the house or ended, as the record calls them.
ACTIONS = {
    "press.handoff": "交付印制方的批次",
    "press.deleted": "印制方回执已删除的批次",
    "evidence.export": "导出的证据包",
    "letter.shown": "人员打开的函件",
    "courier.unmask": "投递网点查看的姓名",
    "rejected.handed_back": "退回机构的未读入行（批次）",
    "person.disclosed": "提供给本人的副本",
    "person.revealed": "人员查看的明文项目",
    "person.erased": "已删除的人员",
}


def record(engine: Engine, tenant: Tenant, *, on: date) -> dict[str, Any]:
    """As it stands on the day, of this institution alone."""
    profile = tenant.profile
    terms = profile.entrusted_processing
    with engine.connect() as connection:
        return {
            "on": on.isoformat(),
            "principal": profile.institution.name,
            "terms": {
                "purpose": terms.purpose,
                "term_until": _day(terms.term_until),
                "method": terms.method,
                "kinds": list(terms.kinds or ()),
                "safeguards": terms.safeguards,
                "duties": terms.duties,
                "sub_consent": terms.sub_consent,
            },
            "impact_assessment": {
                "id": profile.impact_assessment.id,
                "done_on": _day(profile.impact_assessment.done_on),
            },
            "processors": [
                {"role": "law_firm", "name": profile.firm.name, "term_until": _day(profile.mandate.valid_until)},
                {"role": "carrier", "name": profile.carrier.kind, "term_until": None},
                *(
                    {"role": "outsourcer", "name": each.name, "term_until": _day(each.term_until)}
                    for each in terms.outsourcers or ()
                ),
            ],
            "volume": _volume(connection, tenant),
            "actions": _actions(connection, tenant),
        }


def _volume(connection: Connection, tenant: Tenant) -> dict[str, Any]:
    p, c, b = tables.person.c, tables.case.c, tables.batch.c
    posted = (
        select(func.count(_n.id))
        .join(tables.letter, _l.id == _n.letter_id)
        .where(_l.tenant_id == tenant.id, _n.state.in_(("posted", "settled")))
    )
    first, last = connection.execute(select(func.min(b.as_of), func.max(b.as_of)).where(b.tenant_id == tenant.id)).one()
    return {
        "persons": connection.scalar(select(func.count()).where(p.tenant_id == tenant.id, p.state != "erased")),
        "persons_erased": connection.scalar(select(func.count()).where(p.tenant_id == tenant.id, p.state == "erased")),
        "cases": connection.scalar(select(func.count()).where(c.tenant_id == tenant.id)),
        "letters_posted": connection.scalar(posted),
        "first_file": _day(first),
        "last_file": _day(last),
    }


def _actions(connection: Connection, tenant: Tenant) -> dict[str, int]:
    # All institutions share one log; an entry is whose the thing is that it names.
    own = [
        select(table.c.id).where(table.c.tenant_id == tenant.id)
        for table in (tables.person, tables.letter, tables.run, tables.batch)
    ]
    own.append(select(_n.id).join(tables.letter, _l.id == _n.letter_id).where(_l.tenant_id == tenant.id))
    counted = connection.execute(
        select(_a.action, func.count())
        .where(_a.action.in_(ACTIONS), or_(*(_a.object_id.in_(each) for each in own)))
        .group_by(_a.action)
        .order_by(_a.action)
    )
    return {action: int(count) for action, count in counted}


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
