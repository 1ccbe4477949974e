"""What delivery offices report: taken with the photo of the slip, answered in Chinese, listed, and shown again to who may.

taken = take(engine, tenant, home, report=report, slip=photo, reporter=reporter, at=now)
taken.status, taken.message            # "taken", "已收到"
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, select

from songda.base.days import SHANGHAI
from songda.dispatch import Report, Reporter, answered_before, new_report_id, take_report
from songda.flow.audit import write_audit
from songda.flow.slips import BadSlip, NoSlip, read_slip, reduced, store_slip
from songda.flow.tenants import Tenant
from songda.flow.tracking import mapping_of
from songda.store import tables
from songda.vault import DataKey, PersonKey
from songda.vault.durable import held

#: (status, reason) of an answer → what its reporter reads.
_ANSWERS_ZH = {
    ("taken", ""): "已收到",
    ("duplicate", ""): "此前已收到，没有重复登记",
    ("superseded", "result_known"): "已收到并留存；承运商或同事此前已有结果，以承运商的为准",
    ("conflict", "other_content"): "这条回报的编号已用于另一内容，先收到的有效；请新填一条",
    ("refused", "not_here"): "该邮件不在本网点，请核对邮件号",
    ("refused", "clock"): "时间不对（晚于现在或早于七天前），请核对设备时钟",
    ("refused", "before_arrival"): "时间早于邮件到达本网点，请核对设备时钟",
    ("refused", "unknown_outcome"): "结果代码不明",
    ("refused", "no_relation"): "已签收的，请选择签收人与收件人的关系",
    ("refused", "relation_needless"): "只有已签收的才填写签收人",
}

_r = tables.courier_report.c


@dataclass(frozen=True, slots=True)
class Taken:
    status: str
    reason: str
    #: Chinese, for the reporter.
    message: str
    report_id: str


class Listed(NamedTuple):
    """One report; who signed is not in it."""

    report_id: str
    waybill_no: str
    outcome: str
    office: str
    holder: str
    #: courier | app.
    teller: str
    #: Shanghai.
    happened_at: datetime
    received_at: datetime
    has_slip: bool

    def to_json(self) -> dict[str, Any]:
        instants = {name: getattr(self, name).isoformat() for name in ("happened_at", "received_at")}
        return self._asdict() | instants


def take(
    engine: Engine,
    tenant: Tenant,
    home: Path,
    *,
    report: Report,
    slip: bytes | None,
    reporter: Reporter,
    at: datetime,
) -> Taken:
    """Takes one report with the photo of its slip. Raises Unsealable, BadTrackingTable, and what a full disk raises."""
    with engine.connect() as connection:
        before = answered_before(connection, tenant.id, report, key=tenant.key)
    if before is not None:
        return _said(before.status, before.reason, before.report_id)
    report_id, file = new_report_id(), None
    if slip is not None:
        try:
            key = _key_of(engine, tenant, report.waybill_no)
            file = store_slip(home, key, report_id, reduced(slip))
        except BadSlip as error:
            return Taken("refused", "bad_slip", error.message_zh, "")
    answer = take_report(
        engine,
        tenant_id=tenant.id,
        key=tenant.key,
        report=report,
        reporter=reporter,
        report_id=report_id,
        at=at,
        mapping=mapping_of(home),
    )
    if file is not None and answer.report_id != report_id:
        with held(home):
            file.unlink()
    return _said(answer.status, answer.reason, answer.report_id)


def _key_of(engine: Engine, tenant: Tenant, waybill_no: str) -> DataKey | PersonKey:
    """The key of the one to whom the item goes; the tenant's for an item that is not known and will be refused."""
    p, n, t = tables.piece.c, tables.attempt.c, tables.letter.c
    query = select(t.person_id).join(tables.attempt, n.letter_id == t.id).join(tables.piece, p.attempt_id == n.id)
    with engine.connect() as connection:
        person_id = connection.scalar(query.where(t.tenant_id == tenant.id, p.waybill_no == waybill_no))
    return tenant.key if person_id is None else tenant.key.of_person(person_id)


def reports(connection: Connection, tenant: Tenant, *, office: str | None, since: datetime) -> list[Listed]:
    """What was reported since that instant, at one office or at all, the latest first."""
    f = tables.fact.c
    query = (
        select(tables.courier_report, f.event)
        .join(tables.fact, (f.attempt_id == _r.attempt_id) & (f.event_key == _r.event_key))
        .where(_r.tenant_id == tenant.id, _r.received_at >= since.astimezone(UTC))
        .order_by(_r.received_at.desc(), _r.id.desc())
    )
    rows = connection.execute(query if office is None else query.where(_r.office == office)).all()
    return [
        Listed(
            report_id=row.id,
            waybill_no=row.event["waybill_no"],
            outcome=row.outcome,
            office=row.office,
            holder=row.holder,
            teller=row.event["op_code"].partition(":")[0],
            happened_at=_shanghai(row.happened_at),
            received_at=_shanghai(row.received_at),
            has_slip=row.slip_sha256 is not None,
        )
        for row in rows
    ]


def slip(engine: Engine, tenant: Tenant, home: Path, report_id: str, *, by: str, at: datetime) -> bytes:
    """The photo of a report's slip, a JPEG; its opening is audited. Raises NoSlip, Unsealable."""
    with engine.begin() as connection:
        known = select(_r.id).where(_r.tenant_id == tenant.id, _r.id == report_id, _r.slip_sha256.is_not(None))
        if connection.scalar(known) is None:
            raise NoSlip(report=report_id)
        jpeg = read_slip(home, tenant.key, report_id)
        write_audit(connection, at=at, actor=by, action="courier.slip", object_id=report_id, details={})
    return jpeg


def _shanghai(instant: datetime) -> datetime:
    """SQLite forgets the zone: what lies there is always UTC."""
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(SHANGHAI)


def _said(status: str, reason: str, report_id: str) -> Taken:
    return Taken(status, reason, _ANSWERS_ZH[status, reason], report_id)
