"""What recipients answer on the page behind the code in their letter: at once a stop, then a task for a person.

    page = recipient_page(engine, master, token)                     # None: no letter has this token
    take_answer(engine, master, token, kind="wrong_person", text="", at=now)

Whoever holds the token holds the letter; the page asks for no name and shows none, so an answer proves nothing about who gave
it. That is why it can only make us stop and look, and never shows, changes or deletes anything (docs/recipients.zh-CN.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from songda.base import days, ids
from songda.base.errors import SongdaError
from songda.dispatch.tasks import open_tasks
from songda.flow.audit import write_audit
from songda.flow.compose import token_hash
from songda.flow.sealed import LASTING
from songda.flow.stop import stop_letter_by_id
from songda.flow.tenants import Tenant, open_tenant
from songda.store import insert_missing, tables
from songda.vault import MasterKey

#: Kind of the task about each answer.
RECIPIENT_ANSWERED = "recipient_answered"
#: What a recipient may say → the reason of the stop that it gives; None: only a task.
ANSWERS: Mapping[str, str | None] = {
    "wrong_person": "wrong_person",
    "disputed": "disputed",
    "hardship": "hardship",
    "paid": "paid",
    "refused_contact": "refused_contact",
    "question": None,
    "personal_data": None,
}
#: What may be said to a document that a court has entrusted: it demands nothing, and only the court can end it.
OF_COURT = ("wrong_person", "question", "personal_data")
#: Answers of one letter that are kept; a person reads each.
MOST = 20
LONGEST_TEXT = 500

_a, _l = tables.recipient_answer.c, tables.letter.c


class TooManyAnswers(SongdaError):
    zh = "这封函件已经收到 {most} 条答复"
    remedy = "如有补充，请拨打函件上的电话"
    exit_code = 65


class UnknownAnswer(SongdaError):
    zh = "没有编号为 {answer} 的收件人答复"
    remedy = "收件人答复可用 songda letters answers 查看"
    exit_code = 65


@dataclass(frozen=True, slots=True)
class Answered:
    """As the recipient sees an answer again: no text, which anybody with the letter could read."""

    receipt: str
    kind: str
    #: Shanghai.
    at: datetime
    #: A person has dealt with it.
    done: bool


@dataclass(frozen=True, slots=True)
class RecipientPage:
    #: What may be answered now.
    kinds: tuple[str, ...]
    answered: tuple[Answered, ...]
    #: Where the institution says one asks, pays or complains: name of the profile's field → text, those that it states.
    channels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RecipientAnswer:
    """As the institution lists it."""

    id: str
    receipt: str
    letter_no: str
    kind: str
    #: Shanghai.
    at: datetime
    has_text: bool
    done: bool


def recipient_page(engine: Engine, master: MasterKey, token: str) -> RecipientPage | None:
    """What the page of a letter that is out offers; None when there is none, or it was a drill."""
    with engine.connect() as connection:
        letter = _letter(connection, token)
        if letter is None:
            return None
        answered = [
            Answered(_receipt(row.id), row.kind, _shanghai(row.given_at), row.task_state not in (None, "open"))
            for row in connection.execute(_answers().where(_a.letter_id == letter.id).order_by(_a.given_at, _a.id))
        ]
    institution = open_tenant(engine, master, name=letter.tenant).profile.institution
    named = ("name", "official_app", "query_channel", "dispute_channel", "hardship_channel", "data_protection_contact")
    channels = {name: str(said) for name in (*named, "complaint_phone") if (said := getattr(institution, name))}
    return RecipientPage(_kinds(letter), tuple(answered), channels)


def take_answer(engine: Engine, master: MasterKey, token: str, *, kind: str, text: str, at: datetime) -> str | None:
    """Takes an answer down and returns its receipt; said again, it is the same one. None: no letter has this token.

    The stop comes first: a crash may leave a letter stopped without a task, never a task whose letter still goes out. Raises
    ValueError for what cannot be answered, TooManyAnswers.
    """
    with engine.connect() as connection:
        letter = _letter(connection, token)
        if letter is None:
            return None
        kept = connection.scalar(select(func.count()).where(_a.letter_id == letter.id)) or 0
    if kind not in _kinds(letter) or len(text) > LONGEST_TEXT:
        raise ValueError(f"no such answer: {kind}")
    if kept >= MOST:
        raise TooManyAnswers(most=MOST)
    tenant = open_tenant(engine, master, name=letter.tenant)
    reason = ANSWERS[kind]
    if reason is not None:
        stop_letter_by_id(engine, tenant, letter.id, reason=reason, by="recipient", at=at)
    secret = tenant.key.id_secret()
    id_ = ids.derive("ans", LASTING, secret, letter.id, kind, text)
    # Of somebody who was erased, only what the answer asks for is kept.
    own = tenant.key.of_persons([letter.person_id]).get(letter.person_id)
    row = {
        "id": id_,
        "tenant_id": tenant.id,
        "letter_id": letter.id,
        "kind": kind,
        "sealed": own.seal(text.encode(), context=f"answer:{id_}") if text and own else None,
        "given_at": at.astimezone(UTC),
    }
    with engine.begin() as connection:
        if connection.scalar(select(_a.id).where(_a.id == id_)) is None:
            insert_missing(connection, tables.recipient_answer, [row])
            open_tasks(connection, RECIPIENT_ANSWERED, {id_: kind}, at=at)
            details = {"letter": letter.id, "kind": kind}
            write_audit(
                connection, at=at, actor="recipient", action="recipient.answered", object_id=id_, details=details
            )
    return _receipt(id_)


def answers(connection: Connection, tenant: Tenant) -> list[RecipientAnswer]:
    """The tenant's answers, the newest first."""
    query = _answers().where(_a.tenant_id == tenant.id).order_by(_a.given_at.desc(), _a.id)
    return [
        RecipientAnswer(
            row.id,
            _receipt(row.id),
            row.letter_no,
            row.kind,
            _shanghai(row.given_at),
            row.sealed is not None,
            row.task_state not in (None, "open"),
        )
        for row in connection.execute(query)
    ]


def read_answer(engine: Engine, tenant: Tenant, answer_id: str, *, by: str, at: datetime) -> str:
    """What the recipient wrote; "" for nothing. That somebody reads it stands in the audit log first. Raises UnknownAnswer."""
    with engine.begin() as connection:
        row = connection.execute(select(_a.sealed).where(_a.id == answer_id, _a.tenant_id == tenant.id)).first()
        if row is None:
            raise UnknownAnswer(answer=answer_id)
        write_audit(connection, at=at, actor=by, action="recipient.answer_read", object_id=answer_id, details={})
    return "" if row.sealed is None else tenant.key.unseal(row.sealed, context=f"answer:{answer_id}").decode()


def _letter(connection: Connection, token: str) -> Any:
    """Id, kind, person and tenant of the token's letter, if it was made in earnest and an envelope of it left the house; else None."""
    b, n = tables.batch.c, tables.attempt.c
    posted = select(n.id).where(n.letter_id == _l.id, n.posted_on.is_not(None)).exists()
    return connection.execute(
        select(_l.id, _l.kind, _l.person_id, tables.tenant.c.name.label("tenant"))
        .join(tables.batch, b.id == _l.batch_id)
        .join(tables.tenant, tables.tenant.c.id == _l.tenant_id)
        .where(_l.check_token_hash == token_hash(token), ~b.drill, posted)
    ).first()


def _kinds(letter: Any) -> tuple[str, ...]:
    return OF_COURT if letter.kind == "court_forward" else tuple(ANSWERS)


def _answers() -> Any:
    k = tables.task.c
    return (
        select(_a.id, _a.kind, _a.given_at, _a.sealed, _l.letter_no, k.state.label("task_state"))
        .join(tables.letter, _l.id == _a.letter_id)
        .outerjoin(tables.task, (k.object_id == _a.id) & (k.kind == RECIPIENT_ANSWERED))
    )


def _receipt(answer_id: str) -> str:
    """Short enough to be read out on the phone."""
    return answer_id[-8:].upper()


def _shanghai(at: datetime) -> datetime:
    # SQLite forgets the zone: what lies there is always UTC.
    return at.replace(tzinfo=at.tzinfo or UTC).astimezone(days.SHANGHAI)
