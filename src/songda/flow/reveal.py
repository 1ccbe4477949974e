"""One person on a screen: masked, and one field uncovered at a time, for a stated purpose.

    look(engine, tenant, case_no="AN-0001", by="ops-7", at=now)                          # {"name": ("张**",), …}
    reveal(engine, tenant, case_no="AN-0001", field="phones", purpose="dispute", by="ops-7", at=now)

Both stand in the audit log before anything is shown: who looked at whom, when, at what and why. The data of contacts whom the
debtor named are shown to nobody.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Engine, func, select

from songda.base.days import at as instant
from songda.base.days import business_day
from songda.base.errors import SongdaError
from songda.flow.audit import write_audit
from songda.flow.contacts import person_of
from songda.flow.sealed import open_person
from songda.flow.tenants import Tenant
from songda.store import tables
from songda.vault import mask

PersonField = Literal["name", "id_number", "phones", "addresses"]
FIELDS: tuple[PersonField, ...] = get_args(PersonField)

_REVEALED = "person.revealed"
_a = tables.audit.c


class NotForThisPurpose(SongdaError):
    zh = "为“{purpose_zh}”不能查看 {field}"
    remedy = "该用途可查看：{allowed}；确有需要的，请按实际用途申请"
    exit_code = 77


class UnknownPurpose(SongdaError):
    zh = "没有用途 {purpose}"
    remedy = "可用：{known}"
    exit_code = 64


class RevealedEnough(SongdaError):
    zh = "{by} 今日已查看 {limit} 项明文，到此为止"
    remedy = "请次日再查看，或由另一位有权限的人员查看"
    exit_code = 77


@dataclass(frozen=True, slots=True)
class Purpose:
    zh: str
    fields: tuple[str, ...]


@cache
def _stated() -> tuple[int, dict[str, Purpose]]:
    data = tomllib.loads(resources.files(__package__).joinpath("reveal.toml").read_text("utf-8"))
    return data["a_day"], {name: Purpose(each["zh"], tuple(each["fields"])) for name, each in data["purposes"].items()}


def purposes() -> Mapping[str, Purpose]:
    """Purpose → what it is, and the fields that it needs."""
    return _stated()[1]


def look(engine: Engine, tenant: Tenant, *, case_no: str, by: str, at: datetime) -> dict[PersonField, tuple[str, ...]]:
    """The debtor of a case as lists show persons. `by`: id of the one who looks. Raises UnknownCase, PersonErased."""
    with engine.begin() as connection:
        person_id, person = _opened(connection, tenant, case_no)
        write_audit(connection, at=at, actor=by, action="person.viewed", object_id=person_id, details={})
    return {field: _masked(field, person) for field in FIELDS}


def reveal(
    engine: Engine, tenant: Tenant, *, case_no: str, field: PersonField, purpose: str, by: str, at: datetime
) -> tuple[str, ...]:
    """The values of one field in the clear. Raises UnknownPurpose, NotForThisPurpose, RevealedEnough, UnknownCase, PersonErased."""
    limit, known = _stated()
    if purpose not in known:
        raise UnknownPurpose(purpose=purpose, known="、".join(f"{name}（{each.zh}）" for name, each in known.items()))
    if field not in known[purpose].fields:
        raise NotForThisPurpose(purpose_zh=known[purpose].zh, field=field, allowed="、".join(known[purpose].fields))
    with engine.begin() as connection:
        person_id, person = _opened(connection, tenant, case_no)
        details = {"field": field, "purpose": purpose}
        # Written before it is counted: two at once then stand in one order.
        write_audit(connection, at=at, actor=by, action=_REVEALED, object_id=person_id, details=details)
        midnight = instant(business_day(at), 0).isoformat()
        today = select(func.count()).where(_a.action == _REVEALED, _a.actor == by, _a.at >= midnight)
        if (connection.scalar(today) or 0) > limit:
            raise RevealedEnough(by=by, limit=limit)
    return _values(field, person)


def _opened(connection: Connection, tenant: Tenant, case_no: str) -> tuple[str, dict[str, Any]]:
    person_id = person_of(connection, tenant, case_no)
    sealed = connection.scalar(select(tables.person.c.sealed).where(tables.person.c.id == person_id))
    return person_id, open_person(tenant.key, person_id, sealed or b"")


def _values(field: PersonField, person: Mapping[str, Any]) -> tuple[str, ...]:
    match field:
        case "addresses":
            return tuple(sorted({each["text"] for each in person["addresses"].values()}))
        case "phones":
            return tuple(person["phones"])
        case _:
            return (person[field],) if person[field] else ()


def _masked(field: PersonField, person: Mapping[str, Any]) -> tuple[str, ...]:
    if field == "addresses":
        shown = [mask.show_address(each, role="list") for each in person["addresses"].values()]
    else:
        kind: mask.Field = "phone" if field == "phones" else field
        shown = [mask.show(kind, each, role="list") for each in _values(field, person)]
    return tuple(sorted({each for each in shown if each}))
