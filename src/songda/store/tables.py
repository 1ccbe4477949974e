"""All tables. Objects with a life cycle carry `state` and `version`; facts, decisions, transitions and audit rows are only ever added."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

_ID, _HASH, _CODE = String(40), String(64), String(40)
_INSTANT = DateTime(timezone=True)


def _id() -> Column[str]:
    return Column("id", _ID, primary_key=True)


def _to(table: str, name: str | None = None, *, nullable: bool = False) -> Column[str]:
    return Column(name or f"{table}_id", _ID, ForeignKey(f"{table}.id"), nullable=nullable, index=True)


def _life() -> tuple[Column[str], Column[int]]:
    return Column("state", _CODE, nullable=False, index=True), Column("version", Integer, nullable=False, default=0)


tenant = Table(
    "tenant",
    metadata,
    _id(),
    Column("name", String(80), nullable=False, unique=True),  # short name chosen by the operator
    Column("data_key", LargeBinary, nullable=False),  # wrapped by the master key
    Column(
        "old_key_unused_since", _INSTANT
    ),  # of a rotation: since when nothing is known that only an old secret opens
    Column("profile", LargeBinary),  # sealed
    Column("profile_sha256", _HASH),
    Column("created_at", _INSTANT, nullable=False),
)

#: One delivered case file.
batch = Table(
    "batch",
    metadata,
    _id(),
    _to("tenant"),
    Column("file_sha256", _HASH, nullable=False),
    Column("as_of", Date, nullable=False),
    *_life(),
    Column("next_row", Integer, nullable=False, default=0),  # first spreadsheet row that is not stored yet
    Column("rows", Integer, nullable=False, default=0),
    Column("drill", Boolean, nullable=False, default=False),
    Column("figures", JSON, nullable=False, default=dict),  # counts of stages that are over
    UniqueConstraint("tenant_id", "file_sha256"),
)

#: Rows that intake refused, sealed: they are the user's own data, handed back in rejected.xlsx.
rejected_row = Table(
    "rejected_row",
    metadata,
    _to("batch"),
    Column("row_no", Integer, nullable=False),
    Column("codes", JSON, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    UniqueConstraint("batch_id", "row_no"),
)

#: Everything that identifies one person at one tenant, in one sealed record.
person = Table(
    "person",
    metadata,
    _id(),
    _to("tenant"),
    Column("lookup", _HASH, nullable=False),  # blind index of the ID number
    Column("sealed", LargeBinary, nullable=False),
    Column("birth_year", Integer),
    *_life(),
    UniqueConstraint("tenant_id", "lookup"),
)

#: The key that seals what is about one person, wrapped by the tenant's; its one copy. Made before the person's row is.
person_key = Table(
    "person_key",
    metadata,
    Column("person_id", _ID, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),  # empty: destroyed
    Column("destroyed_at", _INSTANT),
)

case = Table(
    "case",
    metadata,
    _id(),
    _to("tenant"),
    _to("batch"),
    _to("person"),
    Column("row_no", Integer, nullable=False),
    Column("lookup", _HASH, nullable=False),  # blind index of the case number
    Column("sealed", LargeBinary, nullable=False),  # case and contract number, product name, contacts
    Column("product", _CODE),
    Column("role", _CODE),
    Column("loan_amount_fen", BigInteger),
    Column("principal_fen", BigInteger),
    Column("interest_fen", BigInteger),
    Column("penalty_fen", BigInteger),
    Column("fees_fen", BigInteger),
    Column("paid_fen", BigInteger),
    Column("amount_on", Date),
    Column("disbursed_on", Date),
    Column("due_on", Date),
    Column("overdue_since", Date),
    Column("annual_cost", Float),
    Column("limitation_event_on", Date),
    Column("promises_made", Integer),
    Column("promises_kept", Integer),
    Column("last_answered_on", Date),
    Column("state", _CODE),
    Column("dispute_open", Boolean),
    Column("debtor_state", _CODE),
    Column("debtor_flags", JSON),
    Column("assigned", Boolean),
    Column("assignment_notice_arrived", Boolean),
    Column("credit_notice_given", Boolean),
    UniqueConstraint("tenant_id", "lookup"),
)

#: What debtors have paid, as the institution tells it; a reversal is negative. Case files state amounts anew, so what was paid up to
#: their day is in them already.
payment = Table(
    "payment",
    metadata,
    _id(),
    _to("tenant"),
    _to("case"),
    Column("lookup", _HASH, nullable=False),  # blind index of the institution's own reference
    Column("paid_on", Date, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("received_at", _INSTANT, nullable=False),
    UniqueConstraint("tenant_id", "lookup"),
)

#: A link between a person and a place: personal data, so the text and the parts lie in the person's sealed record.
address_record = Table(
    "address_record",
    metadata,
    _id(),
    _to("person"),
    _to("case"),
    Column("ordinal", Integer, nullable=False),
    Column("origin", _CODE),
    Column("basis", _CODE),
    Column("recorded_on", Date),
    Column("expires_on", Date),
    Column("owner_role", _CODE),
    Column("place", _HASH),  # blind index of the place key
    Column("place_keys", JSON),  # blind indexes of the prefix keys, coarse to fine: comparable, not readable
    Column("adcode", String(6)),
    Column("level", _CODE),
    Column("place_type", _CODE),  # village | dormitory | work | flat | street
    Column("completeness", Float),
    Column("confidence", Float),
    Column("issues", JSON),
    Column("quality", JSON),  # which levels were stated and which are known, for the report
)

#: What may be compared of a contact, who stands sealed in the case: codes and a blind index, no name and no number.
contact_record = Table(
    "contact_record",
    metadata,
    _id(),
    _to("person"),  # the debtor
    _to("case"),
    Column("ordinal", Integer, nullable=False),
    Column("number", _HASH),  # blind index
    Column("relation", _CODE),
    Column("named_by", _CODE),
    Column("number_state", _CODE),
    Column("answer", _CODE),
    Column("same_surname", Boolean),
    Column("known_region", Boolean),  # the number belongs to a province of the debtor's addresses
)

letter = Table(
    "letter",
    metadata,
    _id(),
    _to("tenant"),
    _to("batch"),
    _to("person"),
    Column("kind", _CODE, nullable=False),
    Column("letter_no", String(60)),
    Column("letter_date", Date),
    *_life(),
    Column("role", _CODE),  # of the addressee, as in the cases of the letter
    _to("address_record", nullable=True),  # the address decided on
    Column("amount_fen", BigInteger, nullable=False),
    _to("approval", nullable=True),  # the approval that holds
    Column("content_sha256", _HASH),
    Column("template_sha256", _HASH),
    Column("check_token_hash", _HASH, unique=True),
    Column("reasons", JSON, nullable=False, default=list),
    Column("grade", String(4)),
    Column("flags", JSON, nullable=False, default=list),
    Column("revision", Integer, nullable=False, default=0),
    Column("closed_on", Date),
    UniqueConstraint("tenant_id", "letter_no"),
)

letter_case = Table("letter_case", metadata, _to("letter"), _to("case"), UniqueConstraint("letter_id", "case_id"))

#: A court's written entrustment to forward one document to its addressee. The PDF lies sealed in a file of this row's id.
entrustment = Table(
    "entrustment",
    metadata,
    _id(),
    _to("tenant"),
    *_life(),  # recorded | confirmed | withdrawn
    Column("document_sha256", _HASH, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("entrusted_on", Date, nullable=False),
    Column("valid_until", Date, nullable=False),
    Column(
        "sealed", LargeBinary, nullable=False
    ),  # court, docket number, number of the entrustment, name of the document
    Column("recorded_by", String(80), nullable=False),
    Column("recorded_at", _INSTANT, nullable=False),
    Column("confirmed_by", String(80)),  # another person
    Column("confirmed_at", _INSTANT),
)

#: Letters that forward a court's document.
forwarded = Table("forwarded", metadata, _to("letter"), _to("entrustment"), UniqueConstraint("letter_id"))

attempt = Table(
    "attempt",
    metadata,
    _id(),
    _to("letter"),
    Column("n", Integer, nullable=False),
    *_life(),
    _to("address_record"),
    Column("place", _HASH, nullable=False),
    Column("product", _CODE),
    Column("envelope", _CODE),
    Column("sheets", Integer),
    Column("pages", Integer),
    Column("weight_g", Integer),
    Column("price_fen", Integer),
    Column("zone", _CODE),  # for which the price holds: local | other
    Column("record_sha256", _HASH),  # of the PDF of record
    Column("segment", String(80)),  # sealed file that holds it
    Column("offset", BigInteger),
    Column("length", Integer),
    Column("model_length", Integer),  # of the segment's first blob, against which the record is packed
    Column("posted_on", Date),
    Column("asked_at", _INSTANT),  # when the carrier last spoke of it, asked or by itself
    Column("look_at", _INSTANT, index=True),  # from when on it is to be folded again; null: not before there is news
    Column("provisional_grade", String(4)),
    Column("grade", String(4)),
    UniqueConstraint("letter_id", "n"),
)

piece = Table(
    "piece",
    metadata,
    _id(),
    _to("attempt"),
    _to("run", nullable=True),
    Column("copy", Integer, nullable=False),
    Column("seq", Integer),
    *_life(),
    Column("order_no", String(60), nullable=False, unique=True),
    Column("waybill_no", String(40), unique=True),
    Column("print_sha256", _HASH),
    UniqueConstraint("attempt_id", "copy"),
)

run = Table(
    "run",
    metadata,
    _id(),
    _to("tenant"),
    _to("batch"),
    Column("number", Integer, nullable=False),
    Column("day", Date, nullable=False),
    *_life(),
    Column("pieces", Integer, nullable=False),
    Column("manifest_sha256", _HASH),
    UniqueConstraint("batch_id", "number"),
)

#: A call that leaves the house, written before it leaves.
intent = Table(
    "intent",
    metadata,
    Column("order_no", String(60), primary_key=True),
    _to("piece"),
    Column("kind", _CODE, nullable=False),
    *_life(),  # written | answered | refused | unresolved
    Column("asked_at", _INSTANT, nullable=False),
    Column("answer", JSON),
)

#: Something that only a person can settle.
task = Table(
    "task",
    metadata,
    _id(),
    Column("kind", _CODE, nullable=False),
    Column("object_id", _ID, nullable=False, index=True),
    *_life(),
    Column("reason", String(200), nullable=False),
    Column("opened_on", Date, nullable=False),
)

#: A standing no. What it found at each letter stands in the decisions (stage "stop").
stop_order = Table(
    "stop_order",
    metadata,
    _id(),
    _to("tenant"),
    Column("scope", _CODE, nullable=False),  # letter | case | person | tenant
    Column("object_id", _ID, nullable=False, index=True),
    Column("reason", _CODE, nullable=False),
    *_life(),
    Column("given_at", _INSTANT, nullable=False),
)

#: What an institution has decided about its rules, by two persons. Reason and document lie sealed; the hash is the document's.
rule_change = Table(
    "rule_change",
    metadata,
    _id(),
    _to("tenant"),
    Column("number", Integer, nullable=False),  # within the tenant; labels of rule sets name it
    *_life(),  # proposed | approved | ended | withdrawn
    Column("document_sha256", _HASH, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),  # last day; null: until further notice
    Column("proposed_by", String(80), nullable=False),
    Column("proposed_at", _INSTANT, nullable=False),
    Column("approved_by", String(80)),  # another person
    Column("approved_at", _INSTANT),
    UniqueConstraint("tenant_id", "number"),
)

#: What a carrier said, stored before it is understood. The outcome of an attempt is a fold over these.
recipient_answer = Table(
    "recipient_answer",
    metadata,
    _id(),
    _to("tenant"),
    _to("letter"),
    Column("kind", _CODE, nullable=False),
    Column("sealed", LargeBinary),  # what the recipient wrote
    Column("given_at", _INSTANT, nullable=False),
)
fact = Table(
    "fact",
    metadata,
    _id(),
    _to("attempt"),
    Column("event_key", _HASH, nullable=False),
    Column("op_time", _INSTANT, nullable=False),
    Column("received_at", _INSTANT, nullable=False),
    Column("arrival", Integer, nullable=False),
    Column("event", JSON, nullable=False),  # codes and office, no person
    Column("office", String(16)),  # of the event, to find what lies there
    Column("raw", LargeBinary, nullable=False),  # sealed
    Column("raw_sha256", _HASH, nullable=False),
    UniqueConstraint("attempt_id", "event_key"),
)

#: What became of an item at the door, as the delivery office's team or the carrier's own program reported it. What it says
#: is a fact; here stands who said it, so that it is taken once.
courier_report = Table(
    "courier_report",
    metadata,
    _id(),
    _to("tenant"),
    _to("attempt"),
    Column("client_id", String(64), nullable=False),  # given by the reporter's device
    Column("body", _HASH, nullable=False),  # blind index of what was reported under it
    Column("event_key", _HASH, nullable=False),  # of the fact
    Column("outcome", _CODE, nullable=False),
    Column("office", String(16), nullable=False),
    Column("holder", String(80), nullable=False),  # of the link or the key
    Column("happened_at", _INSTANT, nullable=False),
    Column("received_at", _INSTANT, nullable=False),
    Column("slip_sha256", _HASH),  # of the photo as it was taken in, sealed in a file of this row's id
    UniqueConstraint("tenant_id", "client_id"),
)

#: Why an automatic decision came out as it did.
decision = Table(
    "decision",
    metadata,
    _id(),
    Column("object_id", _ID, nullable=False, index=True),
    Column("stage", _CODE, nullable=False),
    Column("outcome", _CODE, nullable=False),
    Column("inputs_sha256", _HASH, nullable=False),
    Column("versions", JSON, nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("on_day", Date, nullable=False),
)

approval = Table(
    "approval",
    metadata,
    _id(),
    _to("batch"),
    Column("lawyer", _HASH, nullable=False),  # blind index of the licence number
    Column("day", Date, nullable=False),
    Column("letters", Integer, nullable=False),
    Column("list_sha256", _HASH, nullable=False),
    Column("document", LargeBinary, nullable=False),  # sealed: signature over template hashes, list and exceptions
    Column("by_itself", Boolean, nullable=False),
)

#: What an approval covers: one line a letter and place to which it may go, in the order in which they are tried.
approved = Table(
    "approved",
    metadata,
    _to("approval"),
    _to("letter"),
    Column("n", Integer, nullable=False),
    _to("address_record"),
    Column("content_sha256", _HASH, nullable=False),
    Column("template_sha256", _HASH, nullable=False),
    Column("basis", _CODE, nullable=False),
    UniqueConstraint("approval_id", "letter_id", "n"),
)

#: Every change of state, in order: the history of each object.
transition = Table(
    "transition",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("object", _CODE, nullable=False),
    Column("object_id", _ID, nullable=False, index=True),
    Column("source", _CODE, nullable=False),
    Column("target", _CODE, nullable=False),
    Column("version", Integer, nullable=False),
    Column("actor", _CODE, nullable=False),
    Column("reason", String(200), nullable=False),
    Column("at", _INSTANT, nullable=False),
    UniqueConstraint("object_id", "version"),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", String(40), nullable=False),
    Column("actor", String(80), nullable=False),
    Column("action", _CODE, nullable=False),
    Column("object_id", _ID, nullable=False),
    Column("details", JSON, nullable=False),
    Column("hash", _HASH, nullable=False),
)

Index("ix_letter_batch_state", letter.c.batch_id, letter.c.state)

#: What tenants are told, written with the transition that it tells of. `position` is given when it is first read
#: (songda.store.events): numbers drawn inside transactions would become visible out of order.
event = Table(
    "event",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(60), nullable=False, unique=True),
    Column("tenant_id", _ID, ForeignKey("tenant.id"), nullable=False),
    Column("letter_id", _ID, ForeignKey("letter.id"), nullable=False),
    Column("type", _CODE, nullable=False),
    Column("source", _CODE, nullable=False),
    Column("reason", String(200), nullable=False),
    Column("n", Integer),  # number of the attempt that it is about
    Column("grade", String(4)),
    Column("revision", Integer),
    Column("at", _INSTANT, nullable=False),
    Column("position", BigInteger, unique=True),
)

#: A receiver of a tenant's events.
webhook = Table(
    "webhook",
    metadata,
    _id(),
    _to("tenant"),
    Column("sealed", LargeBinary, nullable=False),  # the address, which may hold a token
    Column("host", String(255), nullable=False),  # its host, to be shown
    Column("types", JSON),  # types of events that it wants; null: all
    Column("after", BigInteger, nullable=False),  # position of the last event that it has taken
    Column("failures", Integer, nullable=False, default=0),  # tries in a row without success
    Column("failing_since", _INSTANT),
    Column("failed_with", _CODE),  # what the last try came to
    Column("next_try_at", _INSTANT),
    Column("busy_until", _INSTANT),  # a sender is at work on it
    Column("disabled_at", _INSTANT),
    Column("disabled_for", _CODE),
    Column("created_at", _INSTANT, nullable=False),
)

#: Generations of a secret. The secret itself is derived from the tenant's data key; only its validity stands here.
secret = Table(
    "secret",
    metadata,
    Column("tenant_id", _ID, ForeignKey("tenant.id"), primary_key=True),
    Column("purpose", String(60), primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("since", _INSTANT, nullable=False),
    Column("until", _INSTANT),
)

#: Money that a tenant allows for letters: of one batch, or of one month. What is free can never be negative.
account = Table(
    "account",
    metadata,
    _id(),
    _to("tenant"),
    Column("scope", _CODE, nullable=False),  # batch | month
    Column("period", _CODE, nullable=False),  # id of the batch, or 2026-11
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
    Column("account_id", _ID, ForeignKey("account.id"), primary_key=True),
    Column("object_id", _ID, primary_key=True),  # attempt, reserved before it is made; or piece
    _to("letter"),
    Column("fen", BigInteger, nullable=False),
    Column("state", _CODE, nullable=False),  # reserved | spent | released
    Column("round", Integer, nullable=False),  # counts what was booked on it
)

#: The journal: every booking between the four parts of an account, added and never changed.
booking = Table(
    "booking",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    _to("account"),
    Column("object_id", _ID, nullable=False, index=True),  # what is paid for, or the account itself
    Column("round", Integer, nullable=False),
    Column("source", _CODE, nullable=False),  # limit | free | reserved | spent
    Column("target", _CODE, nullable=False),
    Column("fen", BigInteger, nullable=False),
    Column("at", _INSTANT, nullable=False),
    UniqueConstraint("account_id", "object_id", "round"),
    CheckConstraint("fen > 0", name="positive"),
)

#: What somebody has said, or a person has checked, about being contacted: consents, refusals, that a debtor cannot be reached.
#: It holds until it is ended and is never changed.
declaration = Table(
    "declaration",
    metadata,
    _id(),
    Column("tenant_id", _ID, ForeignKey("tenant.id"), nullable=False),
    Column("kind", _CODE, nullable=False),
    Column("subject", String(64), nullable=False),  # id of the person, or blind index of a contact's number
    Column("channel", _CODE, nullable=False),  # by which it came
    Column("since", Date, nullable=False),
    Column("until", Date),  # last day; null: until it is ended
    Column("sealed", LargeBinary, nullable=False),  # its words
    Column("recorded_at", _INSTANT, nullable=False),
    Column("recorded_by", String(80), nullable=False),
    Column("ended_at", _INSTANT),
    Column("ended_by", String(80)),
)

#: Who may be called, texted or written to, asked before the act: granted or refused, with the verdict. Only added to.
permit = Table(
    "permit",
    metadata,
    _id(),
    Column("tenant_id", _ID, ForeignKey("tenant.id"), nullable=False),
    _to("case"),
    Column("person_id", _ID, ForeignKey("person.id"), nullable=False),  # the debtor, whoever is reached
    Column("number", _HASH),  # blind index of the telephone number
    Column("role", _CODE),
    Column("channel", _CODE, nullable=False),
    Column("mode", _CODE),  # of a call: interactive | informing
    Column("purpose", _CODE, nullable=False),
    Column("actor", String(80), nullable=False),  # institution, or the id of an outsourcer
    Column("key", String(128), nullable=False),  # given by the caller
    Column("body", _HASH, nullable=False),  # blind index of what was asked under it
    Column("asked_at", _INSTANT, nullable=False),
    Column("on_day", Date, nullable=False),  # Shanghai
    Column("granted", Boolean, nullable=False),
    Column("until", _INSTANT),  # by when the act must have begun
    Column("report_by", _INSTANT),  # a later outcome is kept, and the permit counts in full
    Column("retry_at", _INSTANT),
    Column("verdict", JSON, nullable=False),
    UniqueConstraint("tenant_id", "actor", "key"),
)

#: What became of a granted permit, told once.
permit_outcome = Table(
    "permit_outcome",
    metadata,
    Column("permit_id", _ID, ForeignKey("permit.id"), primary_key=True),
    Column("outcome", _CODE, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("reported_at", _INSTANT, nullable=False),
)

#: Models of an institution, trained on its own outcomes (docs/models.md). Nothing of any person is in one.
model = Table(
    "model",
    metadata,
    _id(),
    _to("tenant"),
    Column("kind", _CODE, nullable=False),  # address | vitality | signing | sending | contacts | score
    Column("number", Integer, nullable=False),
    *_life(),
    Column("label", String(80), nullable=False),  # kind/hash: what decisions name
    Column("body", LargeBinary, nullable=False),
    Column("card", JSON, nullable=False),
    Column("trained_at", _INSTANT, nullable=False),
    Column("trained_by", String(80), nullable=False),
    Column("approved_at", _INSTANT),
    Column("approved_by", String(80)),
    UniqueConstraint("tenant_id", "kind", "number"),
)

#: What a model, or the rule in its place, has said of a letter when it was decided on.
prediction = Table(
    "prediction",
    metadata,
    _id(),
    _to("letter"),
    Column("kind", _CODE, nullable=False),
    Column("model", String(80), nullable=False),  # label of a model, or of the rule
    Column("record_id", _ID),  # the address it is about
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
Index("ix_fact_office_op_time", fact.c.office, fact.c.op_time)
Index("ix_decision_stage_on_day", decision.c.stage, decision.c.on_day)
Index("ix_event_tenant_position", event.c.tenant_id, event.c.position)
