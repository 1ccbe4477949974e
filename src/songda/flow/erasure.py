"""Erasing a person: the key that seals everything about them is destroyed, and what needs no key is emptied.

    erase_person(engine, tenant, home, case_no="AN-0001", reason="requested", by="dpo-1", at=now)
    erase_due(engine, tenant, home, by="dpo-1", at=now)          # everybody whose periods are over

What stays is what a number or a code says and no person: ids, states, decisions, the audit log, the blind index of the ID
number, by which a standing stop order still finds them. Whoever is written to, or whose evidence must be kept, is not erased;
the periods are data (retention.toml). A second call finishes what a crash left.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, null, or_, select, update

from songda.base.days import business_day
from songda.base.errors import SongdaError
from songda.flow.audit import write_audit
from songda.flow.contacts import person_of
from songda.flow.press import record_reader
from songda.flow.produce import model_context
from songda.flow.slips import slip_path
from songda.flow.tenants import Tenant
from songda.store import chunks, destroy_person_key, move, tables, terminal
from songda.vault import is_personal, read_segment
from songda.vault.durable import held

#: Why a person is erased (songda.store.machines/person.toml).
REASONS = ("period_over", "requested", "wrong_person")
#: Stop orders that say that what happened is being looked into: nothing is destroyed meanwhile.
_INQUIRIES = ("disputed", "complaint", "legal_hold", "regulator")

_p, _l, _n, _c = tables.person.c, tables.letter.c, tables.attempt.c, tables.case.c
_f, _r, _s, _a = tables.fact.c, tables.courier_report.c, tables.stop_order.c, tables.address_record.c


class MustBeKept(SongdaError):
    zh = "该人员的资料现在不能删除：{why}"
    remedy = "{remedy}"
    exit_code = 77


@dataclass(frozen=True, slots=True)
class Erased:
    """The receipt: what was made unreadable, by class; nobody is named in it."""

    person_id: str
    cases: int
    #: PDFs of record.
    records: int
    #: What carriers and couriers said.
    facts: int
    slips: int
    declarations: int


def years_of_evidence() -> int:
    """Years after its close for which a letter that was posted is kept."""
    years: int = _periods()["evidence"]["years"]
    return years


@cache
def _periods() -> dict[str, Any]:
    return tomllib.loads(files("songda.flow").joinpath("retention.toml").read_text("utf-8"))


def erase_person(
    engine: Engine, tenant: Tenant, home: Path, *, case_no: str, reason: str, by: str, at: datetime
) -> Erased:
    """Erases the debtor of a case at this institution. Raises UnknownCase, MustBeKept, Conflict, Unsealable."""
    if reason not in REASONS:
        raise ValueError(f"reason {reason!r}: expected one of {', '.join(REASONS)}")
    with engine.connect() as connection:
        person_id = person_of(connection, tenant, case_no)
    return _erase(engine, tenant, home, person_id, reason=reason, by=by, at=at)


def due_persons(connection: Connection, tenant: Tenant, *, on: date) -> list[str]:
    """Ids of persons of whom nothing need be kept any more: all their cases are over, and so are the periods of retention.toml.

    Whoever has a case that is open, or of which the file says no state, is never due.
    """
    b, ended = tables.batch.c, ("paid", "written_off_forgiven", "wrong_person")
    still = select(_c.person_id).where(or_(_c.state.is_(None), _c.state.not_in(ended)))
    query = (
        select(_p.id, func.max(b.as_of).label("told_on"))
        .join(tables.case, _c.person_id == _p.id)
        .join(tables.batch, b.id == _c.batch_id)
        .where(_p.tenant_id == tenant.id, _p.state != "erased", _p.id.not_in(still))
        .group_by(_p.id)
        .order_by(_p.id)
    )
    due = []
    for row in connection.execute(query).all():
        if row.told_on + timedelta(days=_periods()["unused"]["days"]) > on:
            continue
        with suppress(MustBeKept):
            _check(connection, tenant, row.id, reason="period_over", on=on)
            due.append(row.id)
    return due


def erase_due(engine: Engine, tenant: Tenant, home: Path, *, by: str, at: datetime) -> list[Erased]:
    """Erases everybody who is due, one by one: a crash leaves whole persons, and the next call goes on. Each has a receipt."""
    with engine.connect() as connection:
        due = due_persons(connection, tenant, on=business_day(at))
    erased = []
    for person_id in due:
        # Somebody may have stopped or delivered them anew meanwhile.
        with suppress(MustBeKept):
            erased.append(_erase(engine, tenant, home, person_id, reason="period_over", by=by, at=at))
    return erased


def _erase(engine: Engine, tenant: Tenant, home: Path, person_id: str, *, reason: str, by: str, at: datetime) -> Erased:
    with engine.connect() as connection:
        _check(connection, tenant, person_id, reason=reason, on=business_day(at))
        attempts = _attempts(connection, person_id)
        under_tenant_key = _under_tenant_key(home, tenant, attempts)
    with engine.begin() as connection:
        person = connection.execute(select(tables.person).where(_p.id == person_id).with_for_update()).one()
        # Again, now that nobody can add to it.
        _check(connection, tenant, person_id, reason=reason, on=business_day(at))
        receipt = _counted(connection, person_id, attempts)
        if person.state != "erased":
            destroy_person_key(connection, person_id, at=at)
            _empty(connection, tenant, person_id, [row.attempt_id for row in attempts])
            moving = [(person_id, person.version)]
            move(
                connection,
                "person",
                moving,
                source=person.state,
                target="erased",
                actor="operator",
                reason=reason,
                at=at,
            )
            counts = {name: getattr(receipt, name) for name in ("cases", "records", "facts", "slips", "declarations")}
            details = {"reason": reason, **counts}
            write_audit(connection, at=at, actor=by, action="person.erased", object_id=person_id, details=details)
        slips = _slips(connection, [row.attempt_id for row in attempts])
    tenant.key.forget_person(person_id)
    with held(home):
        for attempt in under_tenant_key:
            _overwrite(home / "letters" / attempt.segment, attempt.offset, attempt.length)
        for report_id in slips:
            slip_path(home, report_id).unlink(missing_ok=True)
    return receipt


def _check(connection: Connection, tenant: Tenant, person_id: str, *, reason: str, on: date) -> None:
    """Raises MustBeKept."""
    letters = connection.execute(select(_l.id, _l.state, _l.closed_on).where(_l.person_id == person_id)).all()
    alive = sum(row.state not in terminal("letter") for row in letters)
    if alive:
        remedy = "请先停止这些函件（songda letters stop 函号 --debtor --reason … --by …），待其办结"
        raise MustBeKept(why=f"有 {alive} 封函件仍在办理", remedy=remedy)
    stops = _stops(connection, tenant, person_id, [row.id for row in letters])
    if inquiries := sorted(stops & set(_INQUIRIES)):
        remedy = "争议或监管查询结束后，先解除停止令：songda letters lift 编号"
        raise MustBeKept(why=f"有未了结的停止令（{'、'.join(inquiries)}）", remedy=remedy)
    if reason == "wrong_person":
        # No claim is made against this person, so there is none to be proved.
        if "wrong_person" not in stops:
            remedy = "请先登记：songda letters stop 函号 --debtor --reason wrong_person --by 编号"
            raise MustBeKept(why="没有“非本人”的停止令", remedy=remedy)
        return
    posted = select(_l.id).join(tables.attempt, _n.letter_id == _l.id).where(_l.person_id == person_id)
    went = set(connection.scalars(posted.where(_n.posted_on.is_not(None))))
    ends = [_years_after(row.closed_on or on, years_of_evidence()) for row in letters if row.id in went]
    if ends and max(ends) > on:
        remedy = "期满后再删除；在此之前只作存储和安全保护（《个人信息保护法》第四十七条），可先下停止令停止使用"
        raise MustBeKept(why=f"已寄出函件的证据保存至 {max(ends)}", remedy=remedy)


def _stops(connection: Connection, tenant: Tenant, person_id: str, letters: Sequence[str]) -> set[str]:
    cases = list(connection.scalars(select(_c.id).where(_c.person_id == person_id)))
    about = [tenant.id, person_id, *cases, *letters]
    return set(connection.scalars(select(_s.reason).where(_s.state == "standing", _s.object_id.in_(about))))


def _attempts(connection: Connection, person_id: str) -> Sequence[Any]:
    query = select(_n.id.label("attempt_id"), _n.segment, _n.offset, _n.length, _n.model_length)
    return connection.execute(query.join(tables.letter, _l.id == _n.letter_id).where(_l.person_id == person_id)).all()


def _under_tenant_key(home: Path, tenant: Tenant, attempts: Sequence[Any]) -> list[Any]:
    """Records of before persons had keys: they are overwritten where they lie. Raises MustBeKept."""
    read, found = record_reader(tenant, home), []
    for row in attempts:
        path = home / "letters" / (row.segment or "")
        if row.segment is None or not path.is_file():
            continue
        sealed = read_segment(path, row.offset, row.length)
        if is_personal(sealed) or not any(sealed):
            continue
        model = tenant.key.unseal(read_segment(path, 0, row.model_length), context=model_context(path.name))
        if read(row) in model:
            # The others of the segment are packed with this very letter.
            remedy = "请待同一归档文件中的其他函件期满后，一并删除该文件"
            raise MustBeKept(why=f"旧格式归档文件 {path.name} 以此人的函件为样本", remedy=remedy)
        found.append(row)
    return found


def _counted(connection: Connection, person_id: str, attempts: Sequence[Any]) -> Erased:
    d, made = tables.declaration.c, [row.attempt_id for row in attempts]
    return Erased(
        person_id=person_id,
        cases=len(connection.execute(select(_c.id).where(_c.person_id == person_id)).all()),
        records=sum(row.segment is not None for row in attempts),
        facts=sum(len(connection.execute(select(_f.id).where(_f.attempt_id.in_(part))).all()) for part in chunks(made)),
        slips=len(_slips(connection, made)),
        declarations=len(connection.execute(select(d.id).where(d.subject == person_id)).all()),
    )


def _slips(connection: Connection, attempts: Sequence[str]) -> list[str]:
    query = select(_r.id).where(_r.slip_sha256.is_not(None))
    return [each for part in chunks(attempts) for each in connection.scalars(query.where(_r.attempt_id.in_(part)))]


def _empty(connection: Connection, tenant: Tenant, person_id: str, attempts: Sequence[str]) -> None:
    """What the key sealed says from now on that it is gone; what tells of the person without a key is emptied."""
    gone, d = tenant.key.tombstone(person_id), tables.declaration.c
    plain = {"debtor_state": None, "debtor_flags": None}
    connection.execute(update(tables.person).where(_p.id == person_id).values(sealed=gone, birth_year=None))
    connection.execute(update(tables.case).where(_c.person_id == person_id).values(sealed=gone, **plain))
    connection.execute(update(tables.declaration).where(d.subject == person_id).values(sealed=gone))
    connection.execute(
        update(tables.address_record)
        .where(_a.person_id == person_id)
        .values(place=None, place_keys=None, adcode=None, place_type=None)
    )
    connection.execute(delete(tables.contact_record).where(tables.contact_record.c.person_id == person_id))
    answers = tables.recipient_answer.c
    own = select(_l.id).where(_l.person_id == person_id)
    said = tables.prediction
    connection.execute(update(said).where(said.c.letter_id.in_(own)).values(inputs=null()))
    connection.execute(
        update(tables.recipient_answer)
        .where(answers.letter_id.in_(own), answers.sealed.is_not(None))
        .values(sealed=gone)
    )
    for part in chunks(attempts):
        # A hash of the carrier's words would let a guess at them be tried.
        connection.execute(update(tables.fact).where(_f.attempt_id.in_(part)).values(raw=gone, raw_sha256=""))


def _overwrite(path: Path, offset: int, length: int) -> None:
    with path.open("r+b") as file:
        os.pwrite(file.fileno(), bytes(length), offset)
        os.fsync(file.fileno())


def _years_after(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return day.replace(year=day.year + years, day=28)
