"""What a batch came to, counted from the record: the `Summary` that report, terminal and `--json` show.

Counts only; no person is opened. Called at the end of every run, so it must stay quick for a batch of 50,000 cases.
"""

from __future__ import annotations

import resource
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from sqlalchemy import Connection, Engine, case, func, or_, select

from songda.compliance import RuleSet
from songda.flow.audit import audit_state
from songda.flow.decide import rules_on
from songda.flow.receive import quality_of
from songda.flow.summary import Cost, Day, Province, Reason, Stage, Step, Summary
from songda.flow.tenants import Tenant
from songda.intake import problem_label
from songda.store import tables

#: First two digits of a division code (GB/T 2260) → name on the tile map.
PROVINCES: Mapping[str, str] = {
    "11": "北京",
    "12": "天津",
    "13": "河北",
    "14": "山西",
    "15": "内蒙古",
    "21": "辽宁",
    "22": "吉林",
    "23": "黑龙江",
    "31": "上海",
    "32": "江苏",
    "33": "浙江",
    "34": "安徽",
    "35": "福建",
    "36": "江西",
    "37": "山东",
    "41": "河南",
    "42": "湖北",
    "43": "湖南",
    "44": "广东",
    "45": "广西",
    "46": "海南",
    "50": "重庆",
    "51": "四川",
    "52": "贵州",
    "53": "云南",
    "54": "西藏",
    "61": "陕西",
    "62": "甘肃",
    "63": "青海",
    "64": "宁夏",
    "65": "新疆",
    "71": "台湾",
    "81": "香港",
    "82": "澳门",
}
_SIGNED = ("A1", "A2")
_t, _n, _p = tables.letter.c, tables.attempt.c, tables.piece.c


def summarise(
    engine: Engine,
    tenant: Tenant,
    batch_id: str,
    *,
    on: date,
    stages: Sequence[Stage] = (),
    elapsed_s: float = 0.0,
    out: str = "",
    simulated: bool = False,
    config: str = "",
) -> Summary:
    """The figures of the batch as the record stands; `on` is the day of the last work on it."""
    with engine.connect() as connection:
        batch = connection.execute(select(tables.batch).where(tables.batch.c.id == batch_id)).one()
        states = _counted(connection, select(_t.state, func.count()).where(_t.batch_id == batch_id).group_by(_t.state))
        grades = _counted(
            connection,
            select(_t.grade, func.count()).where(_t.batch_id == batch_id, _t.grade.is_not(None)).group_by(_t.grade),
        )
        pieces, runs, waybills = _print_counts(connection, batch_id)
        posted = _posted(connection, batch_id)
        costs = _costs(connection, batch_id)
        figures: dict[str, Any] = {
            "debtors": int(batch.figures.get("debtors", 0)),
            "not_sent_reasons": _reasons(connection, batch_id, rules_on(tenant, batch.as_of)),
            "rejected_reasons": _rejected(connection, batch_id),
            "timeline": _timeline(connection, batch_id, batch.as_of, on),
            "provinces": _provinces(connection, batch_id),
            "second_attempts": _second_attempts(connection, batch_id),
            "tasks": _open_tasks(connection, batch_id),
            "self_approved": _self_approved(connection, batch_id),
            "audit_note": audit_state(connection),
        }
    not_sent = sum(states[state] for state in ("not_sent", "rejected", "held", "withdrawn"))
    letters = sum(states.values()) - not_sent
    cases = int(batch.figures.get("cases", 0))
    rejected = int(batch.figures.get("rejected_rows", 0))
    signed = sum(grades[grade] for grade in _SIGNED)
    approved = letters - states["received"] - states["ready"]
    return Summary(
        institution=tenant.profile.institution.name or "",
        firm=tenant.profile.firm.name or "",
        as_of=on,
        days=(on - batch.as_of).days + 1,
        cases=cases,
        rejected_rows=rejected,
        addresses=int(batch.figures.get("addresses", 0)),
        addresses_standardised=int(batch.figures.get("standardised", 0)),
        letters=letters,
        not_sent=not_sent,
        pieces=pieces,
        runs=runs,
        waybills=waybills,
        posted=posted,
        settled=states["closed"],
        grades=dict(grades),
        cost_fen=sum(cost.amount_fen for cost in costs),
        elapsed_s=elapsed_s,
        peak_rss_mb=peak_rss_mb(),
        out=out,
        drill=batch.drill,
        simulated=simulated,
        config=config,
        address_quality=replace(quality_of(batch.figures), merged=int(batch.figures.get("merged", 0))),
        costs=costs,
        stages=tuple(stages),
        funnel=(
            Step("数据行", cases + rejected),
            Step("受理案件", cases),
            Step("债务人", figures["debtors"], "同一债务人的案件合并为一封函"),
            Step("决定发函", letters),
            Step("律师审批", approved),
            Step("交寄", posted),
            Step("有结果", states["closed"]),
            Step("签收 A1+A2", signed),
        ),
        **figures,
    )


def peak_rss_mb() -> float:
    """Largest resident memory of this process and of the largest of its children so far, together (an upper bound)."""
    parts = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(parts) / 1024


@cache
def _words() -> Mapping[str, str]:
    return tomllib.loads(files("songda.flow").joinpath("reasons.toml").read_text("utf-8"))


def reason_zh(code: str, rules: RuleSet) -> str:
    """A few Chinese words for a reason: a rule's own, or those of reasons.toml."""
    words = _words()
    if code in rules.blocked_reason:
        return rules.blocked_reason[code]
    if code in words:
        return words[code]
    return next((words[head] for head in sorted(words, key=len, reverse=True) if code.startswith(head)), code)


def _counted(connection: Connection, query: Any) -> Counter[str]:
    return Counter({str(name): int(count) for name, count in connection.execute(query).all()})


def _print_counts(connection: Connection, batch_id: str) -> tuple[int, int, int]:
    r, i = tables.run.c, tables.intent.c
    runs = connection.scalar(select(func.count()).where(r.batch_id == batch_id)) or 0
    pieces, waybills = connection.execute(
        select(func.count(), func.count(case((i.state == "answered", _p.waybill_no))))
        .select_from(
            tables.piece.join(tables.run, r.id == _p.run_id).outerjoin(tables.intent, i.order_no == _p.order_no)
        )
        .where(r.batch_id == batch_id)
    ).one()
    return pieces, runs, waybills


def _posted(connection: Connection, batch_id: str) -> int:
    return (
        connection.scalar(
            select(func.count(_n.letter_id.distinct()))
            .join(tables.letter, _t.id == _n.letter_id)
            .where(_t.batch_id == batch_id, _n.posted_on.is_not(None))
        )
        or 0
    )


def _costs(connection: Connection, batch_id: str) -> tuple[Cost, ...]:
    """Postage of what was handed over: each envelope is paid for, one in place of a lost one by its own quote."""
    r = tables.reservation.c
    paid = select(r.object_id, func.max(r.fen).label("fen")).where(r.state == "spent").group_by(r.object_id)
    own = paid.where(r.object_id.in_(select(_p.id).where(_p.copy > 1))).subquery()
    rows = connection.execute(
        select(_n.product, func.count(), func.sum(func.coalesce(own.c.fen, _n.price_fen)))
        .select_from(
            tables.piece.join(tables.attempt, _n.id == _p.attempt_id)
            .join(tables.letter, _t.id == _n.letter_id)
            .outerjoin(own, own.c.object_id == _p.id)
        )
        .where(_t.batch_id == batch_id, _p.state == "handed_over")
        .group_by(_n.product)
        .order_by(_n.product)
    ).all()
    return tuple(Cost("邮资", int(fen or 0), f"{product}，{count:,} 件") for product, count, fen in rows)


def _reasons(connection: Connection, batch_id: str, rules: RuleSet) -> tuple[Reason, ...]:
    """Letters not sent by their first reason, most frequent first."""
    stopped = _t.state.in_(("not_sent", "rejected", "held", "withdrawn"))
    firsts = Counter(
        (reasons or ["unknown"])[0]
        for (reasons,) in connection.execute(select(_t.reasons).where(_t.batch_id == batch_id, stopped))
    )
    return _as_reasons((code, reason_zh(code, rules), count) for code, count in firsts.items())


def _rejected(connection: Connection, batch_id: str) -> tuple[Reason, ...]:
    r = tables.rejected_row.c
    codes = Counter(
        code for (codes,) in connection.execute(select(r.codes).where(r.batch_id == batch_id)) for code in set(codes)
    )
    return _as_reasons((code, problem_label(code), count) for code, count in codes.items())


def _as_reasons(found: Iterable[tuple[str, str, int]]) -> tuple[Reason, ...]:
    return tuple(Reason(*each) for each in sorted(found, key=lambda each: (-each[2], each[0])))


def _timeline(connection: Connection, batch_id: str, first: date, last: date) -> tuple[Day, ...]:
    handed_over = (
        select(_n.posted_on, func.count())
        .join(tables.letter, _t.id == _n.letter_id)
        .where(_t.batch_id == batch_id, _n.posted_on.is_not(None))
        .group_by(_n.posted_on)
    )
    posted = {row[0]: row[1] for row in connection.execute(handed_over)}
    closed = connection.execute(
        select(_t.closed_on, _t.grade, func.count())
        .where(_t.batch_id == batch_id, _t.closed_on.is_not(None))
        .group_by(_t.closed_on, _t.grade)
    ).all()
    ready = connection.scalar(
        select(func.count()).where(_t.batch_id == batch_id, _t.state.in_(("ready", "approved", "active", "closed")))
    )
    return tuple(
        Day(
            day=day,
            ready=(ready or 0) if day == first else 0,
            posted=posted.get(day, 0),
            signed=sum(count for on, grade, count in closed if on == day and grade in _SIGNED),
            returned=sum(count for on, grade, count in closed if on == day and grade == "E"),
            settled=sum(count for on, _, count in closed if on == day),
        )
        for day in (date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1))
    )


def _provinces(connection: Connection, batch_id: str) -> dict[str, Province]:
    a = tables.address_record.c
    rows = connection.execute(
        select(a.adcode, _t.grade, func.count())
        .join(tables.letter, _t.address_record_id == a.id)
        .where(_t.batch_id == batch_id, _t.state.in_(("ready", "approved", "active", "closed")))
        .group_by(a.adcode, _t.grade)
    ).all()
    found: dict[str, Province] = {}
    for code, grade, count in rows:
        name = PROVINCES.get((code or "")[:2], "")
        old = found.get(name, Province())
        found[name] = Province(
            old.letters + count,
            old.signed + count * (grade in _SIGNED),
            old.returned + count * (grade == "E"),
        )
    return found


def _second_attempts(connection: Connection, batch_id: str) -> int:
    return (
        connection.scalar(
            select(func.count())
            .select_from(tables.attempt.join(tables.letter, _t.id == _n.letter_id))
            .where(_t.batch_id == batch_id, _n.n > 1)
        )
        or 0
    )


def _open_tasks(connection: Connection, batch_id: str) -> int:
    k = tables.task.c
    attempts = select(_n.id).join(tables.letter, _t.id == _n.letter_id).where(_t.batch_id == batch_id)
    pieces = select(_p.id).join(tables.attempt, _n.id == _p.attempt_id).where(_n.id.in_(attempts))
    letters = select(_t.id).where(_t.batch_id == batch_id)
    runs = select(tables.run.c.id).where(tables.run.c.batch_id == batch_id)
    ours = or_(*(k.object_id.in_(each) for each in (letters, attempts, pieces, runs)))
    return connection.scalar(select(func.count()).where(k.state == "open", ours)) or 0


def _self_approved(connection: Connection, batch_id: str) -> bool:
    a = tables.approval.c
    return bool(connection.scalar(select(func.count()).where(a.batch_id == batch_id, a.by_itself)))
