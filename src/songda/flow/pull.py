"""The lawyer takes single letters out, before having signed for them and after: they wait for a person, as held letters do.

    pull_letters(engine, tenant, ["LH2026-000123"], reason="amount_doubtful", lawyer_name=None, at=now)

Needs no signature: to hold back needs no leave. What a carrier has already cannot be pulled; a stop order then asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from songda.base import ids
from songda.base.days import business_day
from songda.base.errors import SongdaError
from songda.dispatch import lock_attempts, set_aside
from songda.flow.audit import write_audit
from songda.flow.proposal import NoSuchLawyer, lawyer_index
from songda.flow.stop import find_letter, places_in_runs
from songda.flow.tenants import Tenant
from songda.store import move, tables

#: Why a lawyer takes a letter out: codes, because free words may name somebody.
PULL_REASONS = ("amount_doubtful", "facts_doubtful", "address_doubtful", "person_doubtful", "wording", "client_asked")
#: States of pieces that are in the house or at the factory.
_IN_HAND = ("queued", "printed", "enveloped", "diverted")
_ACTOR, _REASON = "lawyer", "pulled_by_lawyer"

_a, _p = tables.attempt.c, tables.piece.c


class TooLateToPull(SongdaError):
    zh = "函件 {letter_no} 已交寄，不能撤下"
    remedy = "如须停止，请下停止令：songda letters stop 函号 --reason 原因 --by 编号"
    exit_code = 75


class NotToPull(SongdaError):
    zh = "函件 {letter_no} 处于 {state} 状态，不在可撤下之列"
    remedy = "可撤下的是待审批、已审批和尚未交寄的函件；状态可用 songda letters list 批次号 查看"
    exit_code = 65


class PieceMissing(SongdaError):
    zh = "函件 {letter_no} 的封件下落不明，不能撤下"
    remedy = "请先查找该封件并登记（songda press accept）；确须停止时下停止令"
    exit_code = 75


@dataclass(frozen=True, slots=True)
class PulledLetter:
    letter_no: str
    #: Where it stood: ready | approved | active.
    was: str
    #: Run and place of each piece that whoever holds the pile has to take out, e.g. `000007/12`.
    pieces: tuple[str, ...]


def pull_letters(
    engine: Engine, tenant: Tenant, letter_nos: Sequence[str], *, reason: str, lawyer_name: str | None, at: datetime
) -> list[PulledLetter]:
    """Holds the letters, all or none; their attempts end and their pieces are pulled.

    Raises NoSuchLawyer, UnknownLetter, NotToPull, TooLateToPull, PieceMissing, Conflict.
    """
    lawyer = tenant.profile.lawyer(lawyer_name)
    if lawyer is None or lawyer.name is None:
        raise NoSuchLawyer(name=lawyer_name or "")
    by = f"lawyer:{lawyer_index(tenant, lawyer)}"
    with engine.begin() as connection:
        pulled = []
        for letter_no in dict.fromkeys(letter_nos):
            letter = find_letter(connection, tenant, letter_no)
            pieces = _pull(connection, letter, at=at)
            _write_down(connection, letter, why=reason, by=by, at=at)
            pulled.append(PulledLetter(letter_no, letter.state, tuple(places_in_runs(connection, pieces).values())))
    return pulled


def _pull(connection: Connection, letter: Any, *, at: datetime) -> list[str]:
    """Ids of the pieces that the factory has."""
    if letter.state in ("ready", "approved"):
        move(
            connection,
            "letter",
            [(letter.id, letter.version)],
            source=letter.state,
            target="held",
            actor=_ACTOR,
            reason="pulled_by_lawyer",
            at=at,
            values=[{"reasons": [_REASON], "approval_id": None}],
        )
        return []
    if letter.state != "active":
        raise NotToPull(letter_no=letter.letter_no, state=letter.state)
    return _pull_active(connection, letter, at=at)


def _pull_active(connection: Connection, letter: Any, *, at: datetime) -> list[str]:
    attempts = connection.scalars(select(_a.id).where(_a.letter_id == letter.id).order_by(_a.n)).all()
    # Held until the transaction ends, so that none of them is locked or handed over meanwhile.
    lock_attempts(connection, attempts)
    if connection.execute(select(_a.id).where(_a.letter_id == letter.id, _a.posted_on.is_not(None))).first():
        raise TooLateToPull(letter_no=letter.letter_no)
    rows = connection.execute(
        select(_p.id, _p.state, _p.print_sha256).where(_p.attempt_id.in_(attempts)).order_by(_p.id)
    ).all()
    if any(row.state == "missing" for row in rows):
        raise PieceMissing(letter_no=letter.letter_no)
    in_hand = [row for row in rows if row.state in _IN_HAND]
    set_aside(connection, [row.id for row in in_hand], actor=_ACTOR, reason=_REASON, at=at, attempts=[attempts[-1]])
    return [row.id for row in in_hand if row.print_sha256 is not None]


def _write_down(connection: Connection, letter: Any, *, why: str, by: str, at: datetime) -> None:
    connection.execute(
        insert(tables.decision),
        {
            "id": ids.new("dec"),
            "object_id": letter.id,
            "stage": "approve",
            "outcome": "held",
            "inputs_sha256": sha256(f"{letter.state}\n{why}".encode()).hexdigest(),
            "versions": {"why": why, "by": by, "was": letter.state},
            "reasons": [_REASON],
            "on_day": business_day(at),
        },
    )
    write_audit(
        connection,
        at=at,
        actor=by,
        action="letter.pulled",
        object_id=letter.id,
        details={"why": why, "was": letter.state},
    )
