"""The work list of a delivery office: persons opened and masked, shown one by one to who holds the item, each time audited.

    todo = worklist(house.engine, house.tenant, "31000100", home=home, at=now)
    shown = unmask(engine, tenant, "31000100", waybill_no, home=home, viewer=Viewer("team-3", "scanned"), at=now)

On the list an item goes by a reference and the last digits of its waybill: who wants to see a name must hold the item, or
know its number. Nothing here says what a letter is about or who sent it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, select

from songda.base.days import SHANGHAI
from songda.dispatch import (
    Advice,
    Item,
    Situation,
    advise,
    items_at,
    may_call,
    place_of,
    place_zh,
)
from songda.flow.audit import write_audit
from songda.flow.sealed import open_person
from songda.flow.tenants import Tenant, open_tenant
from songda.flow.tracking import mapping_of
from songda.store import chunks, tables
from songda.vault import MasterKey, mask

#: Last digits of a waybill that the list shows.
SHOWN_DIGITS = 4

_STATES_ZH = {
    "at_office": "已到网点",
    "out_for_delivery": "派送中",
    "tried_failed": "曾投未妥",
    "stored": "待领取",
}


class Viewer(NamedTuple):
    #: Id of the one who holds the link.
    holder: str
    #: How the number came: scanned | typed.
    how: str


@dataclass(frozen=True, slots=True)
class Row:
    """One item as the list shows it, and what it needs not to show."""

    item: Item = field(repr=False)
    #: Names it to the page without its number.
    ref: str
    #: Masked as on a waybill.
    name: str
    address: str
    #: Kind of place, Chinese.
    place: str
    advice: Advice


def tenant_of_id(engine: Engine, master: MasterKey, tenant_id: str) -> Tenant | None:
    with engine.connect() as connection:
        name = connection.scalar(select(tables.tenant.c.name).where(tables.tenant.c.id == tenant_id))
    return None if name is None else open_tenant(engine, master, name=name)


def worklist(engine: Engine, tenant: Tenant, office: str, *, home: Path, at: datetime) -> list[Row]:
    """The items at `office`, the soonest to be delivered first. Raises Unsealable, BadTrackingTable."""
    with engine.connect() as connection:
        items = items_at(connection, tenant.id, office, at=at, mapping=mapping_of(home))
        persons = _persons(connection, tenant, items)
    rows = [_row(tenant, office, item, persons[item.person_id], at=at) for item in items]
    return sorted(rows, key=lambda row: (row.advice.hold is not None, str(row.advice.day), row.advice.window, row.ref))


def unmask(
    engine: Engine, tenant: Tenant, office: str, waybill_no: str, *, home: Path, viewer: Viewer, at: datetime
) -> dict[str, Any] | None:
    """What is needed at the door: name, address, and a phone number while calling is allowed; None: not on the list.

    Written to the audit log before it is given out. Raises Unsealable, BadTrackingTable.
    """
    with engine.begin() as connection:
        found = items_at(connection, tenant.id, office, at=at, mapping=mapping_of(home), waybill_no=waybill_no)
        item = next((each for each in found if each.waybill_no == waybill_no), None)
        if item is None:
            return None
        person = _persons(connection, tenant, [item])[item.person_id]
        row = _row(tenant, office, item, person, at=at)
        phones = person.get("phones") or ()
        phone = phones[0] if phones and may_call(at) and row.advice.hold is None else None
        details = {"office": office, "how": viewer.how, "phone": phone is not None}
        write_audit(
            connection,
            at=at,
            actor=viewer.holder,
            action="courier.unmask",
            object_id=item.attempt_id,
            details=details,
        )
    address = person["addresses"][item.address_record_id]
    return {
        "ref": row.ref,
        "waybill_no": waybill_no,
        "name": person["name"],
        "address": list(address["label"] or ()) or [address["standard"] or ""],
        "phone": phone,
    }


def shown(row: Row) -> dict[str, Any]:
    """A row as the office's page gets it: masked, without the whole number of the waybill."""
    return {
        "ref": row.ref,
        "digits": row.item.waybill_no[-SHOWN_DIGITS:],
        "name": row.name,
        "address": row.address,
        **told(row),
    }


def told(row: Row) -> dict[str, Any]:
    """What the list says of an item beside its number: no person in it."""
    advice = row.advice
    return {
        "state": _STATES_ZH[row.item.state],
        "since": row.item.since.astimezone(SHANGHAI).isoformat(timespec="minutes"),
        "place": row.place,
        "visits": len(row.item.tries),
        "advice": {
            "hold": _pair(advice.hold),
            "day": advice.day.isoformat() if advice.day else None,
            "from": advice.window[0],
            "until": advice.window[1],
            "why_then": advice.why_then,
            "entrance": _pair(advice.entrance),
            "phone_first": advice.phone_first,
            "phone": _pair(advice.phone),
            "hand_to": [_pair(hint) for hint in advice.hand_to],
            "relations": list(advice.relations),
            "never_to": _pair(advice.never_to),
            "record": list(advice.record),
            "cautions": [_pair(hint) for hint in advice.cautions],
            "rules": advice.version,
        },
    }


#: Columns of the list as CSV.
COLUMNS = (
    *("邮件号", "状态", "到达时间", "地址类型", "已投次数", "建议日期", "建议时段", "理由", "入口", "是否先打电话"),
    *("电话提示", "可交付给", "不可交付", "须记录", "注意", "撤回"),
)


def lines(rows: Sequence[Row]) -> Iterator[tuple[str, ...]]:
    """The list as CSV lines under COLUMNS; no person in them."""
    for row in rows:
        advice, said = row.advice, told(row)
        yield (
            row.item.waybill_no,
            said["state"],
            said["since"],
            row.place,
            str(said["visits"]),
            said["advice"]["day"] or "",
            "-".join(advice.window),
            advice.why_then,
            advice.entrance.text,
            "是" if advice.phone_first else "否",
            advice.phone.text,
            "；".join(hint.text for hint in advice.hand_to),
            advice.never_to.text,
            "；".join(advice.record),
            "；".join(hint.text for hint in advice.cautions),
            "" if advice.hold is None else advice.hold.text,
        )


def _row(tenant: Tenant, office: str, item: Item, person: Mapping[str, Any], *, at: datetime) -> Row:
    address = person["addresses"][item.address_record_id]
    place = place_of(address)
    situation = Situation(
        kind=item.kind, place=place, tries=item.tries, phone=bool(person.get("phones")), stopped=item.stopped
    )
    return Row(
        item=item,
        ref=tenant.key.token("courier.item", office, item.waybill_no)[:16],
        name=mask.show("name", person["name"], role="waybill") or "",
        address=mask.show_address(address, role="waybill") or "",
        place=place_zh(place),
        advice=advise(situation, at=at),
    )


def _persons(connection: Connection, tenant: Tenant, items: Sequence[Item]) -> dict[str, dict[str, Any]]:
    p = tables.person.c
    return {
        row.id: open_person(tenant.key, row.id, row.sealed)
        for part in chunks(sorted({item.person_id for item in items}))
        for row in connection.execute(select(p.id, p.sealed).where(p.id.in_(part)))
    }


def _pair(hint: Any) -> dict[str, str] | None:
    return None if hint is None else {"text": hint.text, "reason": hint.reason}
