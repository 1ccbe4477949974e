"""Changes of the rules that an institution decides on: one person proposes, another approves, from a day that lies ahead.

    number = propose(engine, tenant, text, reason="…", valid_from=day, by="ops-7", at=now)
    approve(engine, tenant, number, by="ops-2", at=now)             # from `day` on verdicts name it: 2026.11.26/1+…
    withdraw(engine, tenant, number, by="ops-7", second="ops-2", at=now)

A day has one set of rules from its first minute to its last: nothing can be decided about the current day or a day before.
So the rules in force at any instant follow from the package, the profile and what stands here (songda.flow.decide.rules_on).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, func, insert, select

from songda.base import ids
from songda.base.days import SHANGHAI, business_day
from songda.base.errors import SongdaError
from songda.compliance import OWN_RULE, BrokenRule, Change, load_rules, read_change
from songda.flow.audit import write_audit
from songda.flow.decide import overrides_of, rules_on
from songda.flow.tenants import Tenant, open_change
from songda.store import move, tables

#: Characters of a reason, and bytes of a file of changes.
_LONGEST, _LARGEST = 500, 65_536

_r = tables.rule_change.c


class UnreadableChanges(SongdaError):
    """What is proposed is not TOML with a table a rule."""

    zh = "不能读取规则变更文件：{problem}"
    remedy = "应为 UTF-8 的 TOML，每条规则一节，例如 [T07] 下写 min_days = 45；见 docs/rules.zh-CN.md"
    exit_code = 65


class BadReason(SongdaError):
    zh = "变更理由的写法不对"
    remedy = "请用 --reason 写 1 至 500 个字；不要写个人信息"
    exit_code = 64


class DayNotAhead(SongdaError):
    zh = "日期 {day} 不晚于今天（{today}）"
    remedy = "一天之内规则不变：最早可自 {first} 起；请改用之后的日期（已提出的变更请撤回后重新提出）"
    exit_code = 65


class NothingStricter(SongdaError):
    zh = "这项变更不会使自 {day} 起有效的规则更严"
    remedy = "请核对参数：机构档案或已批准的变更可能已有同样或更严的规定（songda rules list --as-of {day}）"
    exit_code = 65


class UnknownChange(SongdaError):
    zh = "没有编号为 {number} 的规则变更"
    remedy = "用 songda rules list 查看规则变更"
    exit_code = 64


class WrongChangeState(SongdaError):
    zh = "规则变更 {number} {state_zh}，不能再{act_zh}"
    remedy = "用 songda rules list 查看规则变更"
    exit_code = 65


class OtherPersonNeeded(SongdaError):
    zh = "规则变更 {number} 须由两人决定"
    remedy = "请由另一人批准；终止已批准的变更，请用 --second 写明另一人的编号（不能与 --by 相同）"
    exit_code = 77


STATES_ZH = {"proposed": "待批准", "approved": "已批准", "ended": "已定终止日", "withdrawn": "已撤回"}


@dataclass(frozen=True, slots=True)
class Listed:
    """One row, opened."""

    id: str
    version: int
    #: proposed | approved | ended | withdrawn
    state: str
    change: Change
    document: dict[str, Any] = field(repr=False)
    reason: str = field(repr=False)
    proposed_by: str
    #: Shanghai.
    proposed_at: datetime
    approved_by: str | None
    approved_at: datetime | None


def read_document(data: bytes) -> dict[str, Any]:
    """The tables of a file of changes. Raises UnreadableChanges."""
    if len(data) > _LARGEST:
        raise UnreadableChanges(problem=f"超过 {_LARGEST} 字节")
    try:
        document = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise UnreadableChanges(problem="不是 TOML") from None
    if not document or not all(isinstance(table, dict) for table in document.values()):
        raise UnreadableChanges(problem="应每条规则一节")
    return document


def propose(
    engine: Engine, tenant: Tenant, data: bytes, *, reason: str, valid_from: date, by: str, at: datetime
) -> int:
    """Keeps what the file `data` asks for until a second person approves it; its number.

    Raises UnreadableChanges, BadReason, DayNotAhead, NothingStricter, LooserThanRule, UnknownRule, BrokenRule, IllegalExpression.
    """
    document = read_document(data)
    if not reason.strip() or len(reason) > _LONGEST or not reason.isprintable():
        raise BadReason
    _check_ahead(valid_from, at=at)
    with engine.begin() as connection:
        # Who proposes at the same time waits for this number.
        connection.execute(select(tables.tenant.c.id).where(tables.tenant.c.id == tenant.id).with_for_update())
        number = (connection.scalar(select(func.max(_r.number)).where(_r.tenant_id == tenant.id)) or 0) + 1
        change = read_change(document, number=number, valid_from=valid_from)
        _check_stricter(connection, tenant, change)
        change_id = ids.new("rul")
        kept = {"reason": reason.strip(), "document": document}
        row = {
            "id": change_id,
            "tenant_id": tenant.id,
            "number": number,
            "state": "proposed",
            "version": 0,
            "document_sha256": change.sha256,
            "sealed": tenant.key.seal(orjson.dumps(kept), context=f"rule_change:{change_id}"),
            "valid_from": valid_from,
            "proposed_by": by,
            "proposed_at": at.astimezone(UTC),
        }
        connection.execute(insert(tables.rule_change), row)
        write_audit(connection, at=at, actor=by, action="rules.proposed", object_id=change_id, details=_told(change))
    return number


def approve(engine: Engine, tenant: Tenant, number: int, *, by: str, at: datetime) -> Change:
    """A second person approves it: it holds from its day on.

    Raises UnknownChange, WrongChangeState, OtherPersonNeeded, DayNotAhead, NothingStricter, and what `propose` raises for a
    change that the package no longer understands.
    """
    with engine.begin() as connection:
        found = _found(connection, tenant, number)
        _check_state(found, "proposed", "批准")
        _check_two(number, found.proposed_by, by)
        _check_ahead(found.change.valid_from, at=at)
        _check_stricter(connection, tenant, found.change)
        move(
            connection,
            "rule_change",
            [(found.id, found.version)],
            source="proposed",
            target="approved",
            actor="reviewer",
            reason="second_person",
            at=at,
            values=[{"approved_by": by, "approved_at": at.astimezone(UTC)}],
        )
        details = _told(found.change) | {"proposed_by": found.proposed_by}
        write_audit(connection, at=at, actor=by, action="rules.approved", object_id=found.id, details=details)
    return found.change


def withdraw(
    engine: Engine,
    tenant: Tenant,
    number: int,
    *,
    by: str,
    at: datetime,
    second: str | None = None,
    ends_on: date | None = None,
) -> date | None:
    """Takes a proposal back, or ends an approved change; of the latter the first day without it, which lies ahead.

    What is approved two persons end. Raises UnknownChange, WrongChangeState, OtherPersonNeeded, DayNotAhead.
    """
    with engine.begin() as connection:
        found = _found(connection, tenant, number)
        if found.state == "proposed":
            move(
                connection,
                "rule_change",
                [(found.id, found.version)],
                source="proposed",
                target="withdrawn",
                actor="operator",
                reason="withdrawn",
                at=at,
            )
            write_audit(
                connection,
                at=at,
                actor=by,
                action="rules.withdrawn",
                object_id=found.id,
                details=_told(found.change),
            )
            return None
        _check_state(found, "approved", "撤回")
        _check_two(number, by, second)
        first = ends_on or business_day(at) + timedelta(days=1)
        _check_ahead(first, at=at)
        move(
            connection,
            "rule_change",
            [(found.id, found.version)],
            source="approved",
            target="ended",
            actor="reviewer",
            reason="second_person",
            at=at,
            values=[{"valid_to": first - timedelta(days=1)}],
        )
        details = _told(found.change) | {"second": second, "ends_on": first.isoformat()}
        write_audit(connection, at=at, actor=by, action="rules.ended", object_id=found.id, details=details)
    return first


def rule_changes(connection: Connection, tenant: Tenant) -> list[Listed]:
    """All of the tenant, the oldest first. Raises Unsealable."""
    query = select(tables.rule_change).where(_r.tenant_id == tenant.id).order_by(_r.number)
    return [_opened(tenant, row) for row in connection.execute(query)]


def document_of(connection: Connection, tenant: Tenant, number: int) -> dict[str, Any]:
    """What the change asks for, as it was proposed. Raises UnknownChange, Unsealable."""
    return _found(connection, tenant, number).document


def with_change(tenant: Tenant, change: Change) -> Tenant:
    """`tenant` as if the change were approved."""
    others = tuple(each for each in tenant.rule_changes if each.number != change.number)
    return replace(tenant, rule_changes=(*others, change))


def _found(connection: Connection, tenant: Tenant, number: int) -> Listed:
    row = connection.execute(select(tables.rule_change).where(_r.tenant_id == tenant.id, _r.number == number)).first()
    if row is None:
        raise UnknownChange(number=number)
    return _opened(tenant, row)


def _opened(tenant: Tenant, row: Any) -> Listed:
    kept = open_change(tenant.key, row.sealed, change_id=row.id)
    days = {"valid_from": row.valid_from, "valid_to": row.valid_to}
    return Listed(
        id=row.id,
        version=row.version,
        state=row.state,
        change=read_change(kept["document"], number=row.number, **days),
        document=kept["document"],
        reason=kept["reason"],
        proposed_by=row.proposed_by,
        proposed_at=_shanghai(row.proposed_at),
        approved_by=row.approved_by,
        approved_at=row.approved_at and _shanghai(row.approved_at),
    )


def _shanghai(instant: datetime) -> datetime:
    # SQLite forgets the zone: what lies there is always UTC.
    return instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(SHANGHAI)


def _check_state(found: Listed, wanted: str, act_zh: str) -> None:
    if found.state != wanted:
        raise WrongChangeState(number=found.change.number, state_zh=STATES_ZH[found.state], act_zh=act_zh)


def _check_two(number: int, one: str, other: str | None) -> None:
    """One person may write their id in capitals the second time."""
    if other is None or one.casefold() == other.casefold():
        raise OtherPersonNeeded(number=number)


def _check_ahead(day: date, *, at: datetime) -> None:
    today = business_day(at)
    if day <= today:
        first = today + timedelta(days=1)
        raise DayNotAhead(day=day.isoformat(), today=today.isoformat(), first=first.isoformat())


def _check_stricter(connection: Connection, tenant: Tenant, change: Change) -> None:
    """Held against the rules of the package, then against all that holds on its day."""
    load_rules(change.valid_from, change.stricter)
    _check_ids(connection, tenant, change)
    before = rules_on(tenant, change.valid_from)
    after = load_rules(change.valid_from, overrides_of(tenant), changes=with_change(tenant, change).rule_changes)
    if before.rules == after.rules:
        raise NothingStricter(day=change.valid_from.isoformat())


def _check_ids(connection: Connection, tenant: Tenant, change: Change) -> None:
    """A rule's id is given once: verdicts of years name it."""
    own = {rule for rule in change.rules if OWN_RULE.fullmatch(rule)}
    for each in rule_changes(connection, tenant) if own else ():
        taken = own.intersection(each.change.rules)
        if taken and each.state != "withdrawn" and each.change.number != change.number:
            problem = f"规则变更 {each.change.number} 已用这个编号，请换一个"
            raise BrokenRule(rule=min(taken), problem=problem)


def _told(change: Change) -> dict[str, Any]:
    """What the audit log keeps: ids and days; the reason and the document are sealed, and the hash stands for them."""
    return {
        "number": change.number,
        "rules": " ".join(change.rules),
        "document_sha256": change.sha256,
        "valid_from": change.valid_from.isoformat(),
    }
