"""What a person says about held letters: it may go on, or it is not sent.

    release(engine, tenant, ["LH2026-000123"], reason="circumstances_checked", by="ops-7", second="ops-2", at=now)

A release sends nothing: the letter stands for the lawyer's approval again and every gate judges it anew, without the
rules that were released. Rules that ask for a person, and two names under one ID number, are released by two persons.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from songda.base import ids
from songda.base.days import business_day
from songda.base.errors import SongdaError
from songda.dispatch import stopped_letters
from songda.flow.audit import write_audit
from songda.flow.decide import rules_on
from songda.flow.stop import find_letter
from songda.flow.tenants import Tenant
from songda.store import chunks, move, tables

#: Why a person releases a letter, or refuses it: codes, because free words may name somebody.
RELEASE_REASONS = ("cause_removed", "circumstances_checked", "client_confirmed", "lawyer_consulted")
REFUSE_REASONS = ("not_worth_it", "circumstances", "client_withdrew", "cannot_be_cured")
#: Stage of the decisions that hold a person's word.
STAGE = "review"
#: Reason of letters whose ID number bears two names.
NAME_CONFLICT = "name_conflict"

_d, _n, _p = tables.decision.c, tables.attempt.c, tables.person.c


class NotHeld(SongdaError):
    zh = "函件 {letter_no} 处于 {state} 状态，不在暂缓名单中"
    remedy = "暂缓的函件可用 songda letters list 批次号 --state held 查看"
    exit_code = 65


class StopStands(SongdaError):
    zh = "函件 {letter_no} 有生效中的停止令（{reason}），不能放行"
    remedy = "请先核实原因；确需放行时先解除停止令：songda letters lift 编号"
    exit_code = 77


class SecondPersonNeeded(SongdaError):
    zh = "函件 {letter_no} 因 {rules} 暂缓，须由两人放行"
    remedy = "请由另一人复核，用 --second 写明其编号（不能与 --by 相同）"
    exit_code = 77


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One letter about which a person has spoken."""

    letter_no: str
    #: Ids of rules (and `name_conflict`) that were released.
    rules: tuple[str, ...]


def release(
    engine: Engine,
    tenant: Tenant,
    letter_nos: Sequence[str],
    *,
    reason: str,
    by: str,
    at: datetime,
    second: str | None = None,
) -> list[Reviewed]:
    """Lets held letters stand for approval again, all or none. `by`, `second`: ids of those who answer for it.

    Raises UnknownLetter, NotHeld, StopStands, SecondPersonNeeded.
    """
    with engine.begin() as connection:
        letters = [_held(connection, tenant, letter_no) for letter_no in letter_nos]
        stopped = stopped_letters(connection, tenant.id, [letter.id for letter in letters])
        done = []
        for letter in letters:
            if letter.id in stopped:
                raise StopStands(letter_no=letter.letter_no, reason=stopped[letter.id])
            rules = _releasable(tenant, letter, at=at)
            if rules and (second is None or second == by):
                raise SecondPersonNeeded(letter_no=letter.letter_no, rules="、".join(rules))
            if NAME_CONFLICT in rules:
                _confirm_name(connection, letter.person_id, at=at)
            _say(connection, letter, "ready", "released", reasons=rules, why=reason, by=by, second=second, at=at)
            done.append(Reviewed(letter.letter_no, tuple(rules)))
    return done


def refuse(
    engine: Engine, tenant: Tenant, letter_nos: Sequence[str], *, reason: str, by: str, at: datetime
) -> list[Reviewed]:
    """Ends held letters as not sent, all or none. Raises UnknownLetter, NotHeld."""
    with engine.begin() as connection:
        letters = [_held(connection, tenant, letter_no) for letter_no in letter_nos]
        for letter in letters:
            _say(connection, letter, "not_sent", "refused_by_person", reasons=[], why=reason, by=by, second=None, at=at)
    return [Reviewed(letter.letter_no, ()) for letter in letters]


def released_rules(connection: Connection, letter_ids: Collection[str]) -> dict[str, list[str]]:
    """Letter → rules that persons have released for it."""
    found: dict[str, list[str]] = {}
    for part in chunks(sorted(letter_ids)):
        query = select(_d.object_id, _d.reasons).where(_d.stage == STAGE, _d.outcome == "released")
        for row in connection.execute(query.where(_d.object_id.in_(part)).order_by(_d.id)):
            found[row.object_id] = sorted({*found.get(row.object_id, ()), *row.reasons})
    return found


def _held(connection: Connection, tenant: Tenant, letter_no: str) -> Any:
    letter = find_letter(connection, tenant, letter_no)
    posted = select(_n.id).where(_n.letter_id == letter.id, _n.posted_on.is_not(None))
    if letter.state != "held" or connection.execute(posted).first():
        raise NotHeld(letter_no=letter_no, state=letter.state)
    return letter


def _releasable(tenant: Tenant, letter: Any, *, at: datetime) -> list[str]:
    """What of the letter's reasons only a person may pass; what blocks is judged again and needs other facts."""
    effects = {rule.id: rule.effect for rule in rules_on(tenant, business_day(at)).rules}
    return [code for code in letter.reasons if code == NAME_CONFLICT or effects.get(code) == "review"]


def _confirm_name(connection: Connection, person_id: str, *, at: datetime) -> None:
    """The name on record is right: the person may be written to again."""
    query = select(_p.id, _p.version).where(_p.id == person_id, _p.state == "name_conflict")
    rows = [(row.id, row.version) for row in connection.execute(query)]
    move(
        connection,
        "person",
        rows,
        source="name_conflict",
        target="active",
        actor="reviewer",
        reason="name_confirmed",
        at=at,
    )


def _say(
    connection: Connection,
    letter: Any,
    target: str,
    outcome: str,
    *,
    reasons: list[str],
    why: str,
    by: str,
    second: str | None,
    at: datetime,
) -> None:
    """Moves the letter and keeps who said so and why."""
    # A letter that is not sent keeps the reasons for which it was held.
    values: Sequence[dict[str, Any]] = [{"reasons": []}] if target == "ready" else ()
    move(
        connection,
        "letter",
        [(letter.id, letter.version)],
        source="held",
        target=target,
        actor="reviewer",
        reason=outcome,
        at=at,
        values=values,
    )
    held_for = sorted(letter.reasons)
    connection.execute(
        insert(tables.decision),
        {
            "id": ids.new("dec"),
            "object_id": letter.id,
            "stage": STAGE,
            "outcome": outcome,
            "inputs_sha256": sha256("\n".join(held_for).encode()).hexdigest(),
            "versions": {"why": why, "by": by, "second": second, "held_for": held_for},
            "reasons": reasons,
            "on_day": business_day(at),
        },
    )
    write_audit(
        connection,
        at=at,
        actor=by,
        action=f"letter.{outcome}",
        object_id=letter.id,
        details={"why": why, "second": second, "rules": " ".join(reasons)},
    )
