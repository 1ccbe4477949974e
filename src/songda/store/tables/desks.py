"""The books of the desks beside the letters: events told, money, permits to contact, models and what they said."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from songda.store.tables.columns import CODE, HASH, ID, INSTANT, life, metadata, own_id, to

#: What tenants are told, written with the transition that it tells of. `position` is given when it is first read
#: (songda.store.events): numbers drawn inside transactions would become visible out of order.
event = Table(
    "event",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(60), nullable=False, unique=True),
    Column("tenant_id", ID, ForeignKey("tenant.id"), nullable=False),
    Column("letter_id", ID, ForeignKey("letter.id"), nullable=False),
    Column("type", CODE, nullable=False),
    Column("source", CODE, nullable=False),
    Column("reason", String(200), nullable=False),
    Column("n", Integer),  # number of the attempt that it is about
    Column("grade", String(4)),
    Column("revision", Integer),
    Column("at", INSTANT, nullable=False),
    Column("position", BigInteger, unique=True),
)

#: A receiver of a tenant's events.
webhook = Table(
    "webhook",
    metadata,
    own_id(),
    to("tenant"),
    Column("sealed", LargeBinary, nullable=False),  # the address, which may hold a token
    Column("host", String(255), nullable=False),  # its host, to be shown
    Column("types", JSON),  # types of events that it wants; null: all
    Column("after", BigInteger, nullable=False),  # position of the last event that it has taken
    Column("failures", Integer, nullable=False, default=0),  # tries in a row without success
    Column("failing_since", INSTANT),
    Column("failed_with", CODE),  # what the last try came to
    Column("next_try_at", INSTANT),
    Column("busy_until", INSTANT),  # a sender is at work on it
    Column("disabled_at", INSTANT),
    Column("disabled_for", CODE),
    Column("created_at", INSTANT, nullable=False),
)

#: Generations of a secret. The secret itself is derived from the tenant's data key; only its validity stands here.
secret = Table(
    "secret",
    metadata,
    Column("tenant_id", ID, ForeignKey("tenant.id"), primary_key=True),
    Column("purpose", String(60), primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("since", INSTANT, nullable=False),
    Column("until", INSTANT),
)

#: Money that a tenant allows for letters: of one batch, or of one month. What is free can never be negative.
account = Table(
    "account",
    metadata,
    own_id(),
    to("tenant"),
    Column("scope", CODE, nullable=False),  # batch | month
    Column("period", CODE, nullable=False),  # id of the batch, or 2026-11
    Column("granted_fen", BigInteger, nullable=False),
    Column("reserved_fen", BigInteger, nullable=False),
    Column("spent_fen", BigInteger, nullable=False),
    UniqueConstraint("tenant_id", "scope", "period"),
    CheckConstraint("reserved_fen >= 0 AND spent_fen >= 0", name="not_negative"),
    CheckConstraint("granted_fen >= reserved_fen + spent_fen", name="not_overdrawn"),
)

#: What an attempt, or a piece in place of a lost one, will cost or has cost, once for each account that bears it.
reservation = Table(
    "reservation",
    metadata,
    Column("account_id", ID, ForeignKey("account.id"), primary_key=True),
    Column("object_id", ID, primary_key=True),  # attempt, reserved before it is made; or piece
    to("letter"),
    Column("fen", BigInteger, nullable=False),
    Column("state", CODE, nullable=False),  # reserved | spent | released
    Column("round", Integer, nullable=False),  # counts what was booked on it
)

#: The journal: every booking between the four parts of an account, added and never changed.
booking = Table(
    "booking",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    to("account"),
    Column("object_id", ID, nullable=False, index=True),  # what is paid for, or the account itself
    Column("round", Integer, nullable=False),
    Column("source", CODE, nullable=False),  # limit | free | reserved | spent
    Column("target", CODE, nullable=False),
    Column("fen", BigInteger, nullable=False),
    Column("at", INSTANT, nullable=False),
    UniqueConstraint("account_id", "object_id", "round"),
    CheckConstraint("fen > 0", name="positive"),
)

#: What somebody has said, or a person has checked, about being contacted: consents, refusals, that a debtor cannot be reached.
#: It holds until it is ended and is never changed.
declaration = Table(
    "declaration",
    metadata,
    own_id(),
    Column("tenant_id", ID, ForeignKey("tenant.id"), nullable=False),
    Column("kind", CODE, nullable=False),
    Column("subject", String(64), nullable=False),  # id of the person, or blind index of a contact's number
    Column("channel", CODE, nullable=False),  # by which it came
    Column("since", Date, nullable=False),
    Column("until", Date),  # last day; null: until it is ended
    Column("sealed", LargeBinary, nullable=False),  # its words
    Column("recorded_at", INSTANT, nullable=False),
    Column("recorded_by", String(80), nullable=False),
    Column("ended_at", INSTANT),
    Column("ended_by", String(80)),
)

#: Who may be called, texted or written to, asked before the act: granted or refused, with the verdict. Only added to.
permit = Table(
    "permit",
    metadata,
    own_id(),
    Column("tenant_id", ID, ForeignKey("tenant.id"), nullable=False),
    to("case"),
    Column("person_id", ID, ForeignKey("person.id"), nullable=False),  # the debtor, whoever is reached
    Column("number", HASH),  # blind index of the telephone number
    Column("role", CODE),
    Column("channel", CODE, nullable=False),
    Column("mode", CODE),  # of a call: interactive | informing
    Column("purpose", CODE, nullable=False),
    Column("actor", String(80), nullable=False),  # institution, or the id of an outsourcer
    Column("key", String(128), nullable=False),  # given by the caller
    Column("body", HASH, nullable=False),  # blind index of what was asked under it
    Column("asked_at", INSTANT, nullable=False),
    Column("on_day", Date, nullable=False),  # Shanghai
    Column("granted", Boolean, nullable=False),
    Column("until", INSTANT),  # by when the act must have begun
    Column("report_by", INSTANT),  # a later outcome is kept, and the permit counts in full
    Column("retry_at", INSTANT),
    Column("verdict", JSON, nullable=False),
    UniqueConstraint("tenant_id", "actor", "key"),
)

#: What became of a granted permit, told once.
permit_outcome = Table(
    "permit_outcome",
    metadata,
    Column("permit_id", ID, ForeignKey("permit.id"), primary_key=True),
    Column("outcome", CODE, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("reported_at", INSTANT, nullable=False),
)

#: Models of an institution, trained on its own outcomes (docs/models.md). Nothing of any person is in one.
model = Table(
    "model",
    metadata,
    own_id(),
    to("tenant"),
    Column("kind", CODE, nullable=False),  # address | vitality | signing | sending | contacts | score
    Column("number", Integer, nullable=False),
    *life(),
    Column("label", String(80), nullable=False),  # kind/hash: what decisions name
    Column("body", LargeBinary, nullable=False),
    Column("card", JSON, nullable=False),
    Column("trained_at", INSTANT, nullable=False),
    Column("trained_by", String(80), nullable=False),
    Column("approved_at", INSTANT),
    Column("approved_by", String(80)),
    UniqueConstraint("tenant_id", "kind", "number"),
)

#: What a model, or the rule in its place, has said of a letter when it was decided on.
prediction = Table(
    "prediction",
    metadata,
    own_id(),
    to("letter"),
    Column("kind", CODE, nullable=False),
    Column("model", String(80), nullable=False),  # label of a model, or of the rule
    Column("record_id", ID),  # the address it is about
    Column("chance", Float),
    Column("value_fen", BigInteger),  # of sending it
    Column("propensity", Float),  # with which chance this address was to be chosen, or the letter to be sent
    Column("explored", Boolean, nullable=False),
    Column("reasons", JSON, nullable=False),  # [[feature, by how much], …]
    Column(
        "inputs", JSON
    ),  # of sending: features as they stood; a later file changes the case, and nothing is learnt from that
    Column("on_day", Date, nullable=False),
)

Index("ix_declaration_subject_tenant", declaration.c.subject, declaration.c.tenant_id)
Index("ix_permit_person_on_day", permit.c.person_id, permit.c.on_day)
Index("ix_permit_number_on_day", permit.c.number, permit.c.on_day)
Index("ix_event_tenant_position", event.c.tenant_id, event.c.position)
