"""The record: who is written to about what, every letter on its way, what was decided about it and by whom."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from songda.store.tables.columns import CODE, HASH, ID, INSTANT, life, metadata, own_id, to

tenant = Table(
    "tenant",
    metadata,
    own_id(),
    Column("name", String(80), nullable=False, unique=True),  # short name chosen by the operator
    Column("data_key", LargeBinary, nullable=False),  # wrapped by the master key
    Column("old_key_unused_since", INSTANT),  # of a rotation: since when nothing is known that only an old secret opens
    Column("profile", LargeBinary),  # sealed
    Column("profile_sha256", HASH),
    Column("created_at", INSTANT, nullable=False),
)

#: One delivered case file.
batch = Table(
    "batch",
    metadata,
    own_id(),
    to("tenant"),
    Column("file_sha256", HASH, nullable=False),
    Column("as_of", Date, nullable=False),
    *life(),
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
    to("batch"),
    Column("row_no", Integer, nullable=False),
    Column("codes", JSON, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    UniqueConstraint("batch_id", "row_no"),
)

#: Everything that identifies one person at one tenant, in one sealed record.
person = Table(
    "person",
    metadata,
    own_id(),
    to("tenant"),
    Column("lookup", HASH, nullable=False),  # blind index of the ID number
    Column("sealed", LargeBinary, nullable=False),
    Column("birth_year", Integer),
    *life(),
    UniqueConstraint("tenant_id", "lookup"),
)

#: The key that seals what is about one person, wrapped by the tenant's; its one copy. Made before the person's row is.
person_key = Table(
    "person_key",
    metadata,
    Column("person_id", ID, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),  # empty: destroyed
    Column("destroyed_at", INSTANT),
)

case = Table(
    "case",
    metadata,
    own_id(),
    to("tenant"),
    to("batch"),
    to("person"),
    Column("row_no", Integer, nullable=False),
    Column("lookup", HASH, nullable=False),  # blind index of the case number
    Column("sealed", LargeBinary, nullable=False),  # case and contract number, product name, contacts
    Column("product", CODE),
    Column("role", CODE),
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
    Column("state", CODE),
    Column("dispute_open", Boolean),
    Column("debtor_state", CODE),
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
    own_id(),
    to("tenant"),
    to("case"),
    Column("lookup", HASH, nullable=False),  # blind index of the institution's own reference
    Column("paid_on", Date, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("received_at", INSTANT, nullable=False),
    UniqueConstraint("tenant_id", "lookup"),
)

#: A link between a person and a place: personal data, so the text and the parts lie in the person's sealed record.
address_record = Table(
    "address_record",
    metadata,
    own_id(),
    to("person"),
    to("case"),
    Column("ordinal", Integer, nullable=False),
    Column("origin", CODE),
    Column("basis", CODE),
    Column("recorded_on", Date),
    Column("expires_on", Date),
    Column("owner_role", CODE),
    Column("place", HASH),  # blind index of the place key
    Column("place_keys", JSON),  # blind indexes of the prefix keys, coarse to fine: comparable, not readable
    Column("adcode", String(6)),
    Column("level", CODE),
    Column("place_type", CODE),  # village | dormitory | work | flat | street
    Column("completeness", Float),
    Column("confidence", Float),
    Column("issues", JSON),
    Column("quality", JSON),  # which levels were stated and which are known, for the report
)

#: What may be compared of a contact, who stands sealed in the case: codes and a blind index, no name and no number.
contact_record = Table(
    "contact_record",
    metadata,
    own_id(),
    to("person"),  # the debtor
    to("case"),
    Column("ordinal", Integer, nullable=False),
    Column("number", HASH),  # blind index
    Column("relation", CODE),
    Column("named_by", CODE),
    Column("number_state", CODE),
    Column("answer", CODE),
    Column("same_surname", Boolean),
    Column("known_region", Boolean),  # the number belongs to a province of the debtor's addresses
)

letter = Table(
    "letter",
    metadata,
    own_id(),
    to("tenant"),
    to("batch"),
    to("person"),
    Column("kind", CODE, nullable=False),
    Column("letter_no", String(60)),
    Column("letter_date", Date),
    *life(),
    Column("role", CODE),  # of the addressee, as in the cases of the letter
    to("address_record", nullable=True),  # the address decided on
    Column("amount_fen", BigInteger, nullable=False),
    to("approval", nullable=True),  # the approval that holds
    Column("content_sha256", HASH),
    Column("template_sha256", HASH),
    Column("check_token_hash", HASH, unique=True),
    Column("reasons", JSON, nullable=False, default=list),
    Column("grade", String(4)),
    Column("flags", JSON, nullable=False, default=list),
    Column("revision", Integer, nullable=False, default=0),
    Column("closed_on", Date),
    UniqueConstraint("tenant_id", "letter_no"),
)

letter_case = Table("letter_case", metadata, to("letter"), to("case"), UniqueConstraint("letter_id", "case_id"))

#: A court's written entrustment to forward one document to its addressee. The PDF lies sealed in a file of this row's id.
entrustment = Table(
    "entrustment",
    metadata,
    own_id(),
    to("tenant"),
    *life(),  # recorded | confirmed | withdrawn
    Column("document_sha256", HASH, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("entrusted_on", Date, nullable=False),
    Column("valid_until", Date, nullable=False),
    Column(
        "sealed", LargeBinary, nullable=False
    ),  # court, docket number, number of the entrustment, name of the document
    Column("recorded_by", String(80), nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
    Column("confirmed_by", String(80)),  # another person
    Column("confirmed_at", INSTANT),
)

#: Letters that forward a court's document.
forwarded = Table("forwarded", metadata, to("letter"), to("entrustment"), UniqueConstraint("letter_id"))

attempt = Table(
    "attempt",
    metadata,
    own_id(),
    to("letter"),
    Column("n", Integer, nullable=False),
    *life(),
    to("address_record"),
    Column("place", HASH, nullable=False),
    Column("product", CODE),
    Column("envelope", CODE),
    Column("sheets", Integer),
    Column("pages", Integer),
    Column("weight_g", Integer),
    Column("price_fen", Integer),
    Column("zone", CODE),  # for which the price holds: local | other
    Column("record_sha256", HASH),  # of the PDF of record
    Column("segment", String(80)),  # sealed file that holds it
    Column("offset", BigInteger),
    Column("length", Integer),
    Column("model_length", Integer),  # of the segment's first blob, against which the record is packed
    Column("posted_on", Date),
    Column("asked_at", INSTANT),  # when the carrier last spoke of it, asked or by itself
    Column("look_at", INSTANT, index=True),  # from when on it is to be folded again; null: not before there is news
    Column("provisional_grade", String(4)),
    Column("grade", String(4)),
    UniqueConstraint("letter_id", "n"),
)

piece = Table(
    "piece",
    metadata,
    own_id(),
    to("attempt"),
    to("run", nullable=True),
    Column("copy", Integer, nullable=False),
    Column("seq", Integer),
    *life(),
    Column("order_no", String(60), nullable=False, unique=True),
    Column("waybill_no", String(40), unique=True),
    Column("print_sha256", HASH),
    UniqueConstraint("attempt_id", "copy"),
)

run = Table(
    "run",
    metadata,
    own_id(),
    to("tenant"),
    to("batch"),
    Column("number", Integer, nullable=False),
    Column("day", Date, nullable=False),
    *life(),
    Column("pieces", Integer, nullable=False),
    Column("manifest_sha256", HASH),
    UniqueConstraint("batch_id", "number"),
)

#: A call that leaves the house, written before it leaves.
intent = Table(
    "intent",
    metadata,
    Column("order_no", String(60), primary_key=True),
    to("piece"),
    Column("kind", CODE, nullable=False),
    *life(),  # written | answered | refused | unresolved
    Column("asked_at", INSTANT, nullable=False),
    Column("answer", JSON),
)

#: Something that only a person can settle.
task = Table(
    "task",
    metadata,
    own_id(),
    Column("kind", CODE, nullable=False),
    Column("object_id", ID, nullable=False, index=True),
    *life(),
    Column("reason", String(200), nullable=False),
    Column("opened_on", Date, nullable=False),
)

#: A standing no. What it found at each letter stands in the decisions (stage "stop").
stop_order = Table(
    "stop_order",
    metadata,
    own_id(),
    to("tenant"),
    Column("scope", CODE, nullable=False),  # letter | case | person | tenant
    Column("object_id", ID, nullable=False, index=True),
    Column("reason", CODE, nullable=False),
    *life(),
    Column("given_at", INSTANT, nullable=False),
)

#: What an institution has decided about its rules, by two persons. Reason and document lie sealed; the hash is the document's.
rule_change = Table(
    "rule_change",
    metadata,
    own_id(),
    to("tenant"),
    Column("number", Integer, nullable=False),  # within the tenant; labels of rule sets name it
    *life(),  # proposed | approved | ended | withdrawn
    Column("document_sha256", HASH, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),  # last day; null: until further notice
    Column("proposed_by", String(80), nullable=False),
    Column("proposed_at", INSTANT, nullable=False),
    Column("approved_by", String(80)),  # another person
    Column("approved_at", INSTANT),
    UniqueConstraint("tenant_id", "number"),
)

#: What a carrier said, stored before it is understood. The outcome of an attempt is a fold over these.
recipient_answer = Table(
    "recipient_answer",
    metadata,
    own_id(),
    to("tenant"),
    to("letter"),
    Column("kind", CODE, nullable=False),
    Column("sealed", LargeBinary),  # what the recipient wrote
    Column("given_at", INSTANT, nullable=False),
)
fact = Table(
    "fact",
    metadata,
    own_id(),
    to("attempt"),
    Column("event_key", HASH, nullable=False),
    Column("op_time", INSTANT, nullable=False),
    Column("received_at", INSTANT, nullable=False),
    Column("arrival", Integer, nullable=False),
    Column("event", JSON, nullable=False),  # codes and office, no person
    Column("office", String(16)),  # of the event, to find what lies there
    Column("raw", LargeBinary, nullable=False),  # sealed
    Column("raw_sha256", HASH, nullable=False),
    UniqueConstraint("attempt_id", "event_key"),
)

#: What became of an item at the door, as the delivery office's team or the carrier's own program reported it. What it says
#: is a fact; here stands who said it, so that it is taken once.
courier_report = Table(
    "courier_report",
    metadata,
    own_id(),
    to("tenant"),
    to("attempt"),
    Column("client_id", String(64), nullable=False),  # given by the reporter's device
    Column("body", HASH, nullable=False),  # blind index of what was reported under it
    Column("event_key", HASH, nullable=False),  # of the fact
    Column("outcome", CODE, nullable=False),
    Column("office", String(16), nullable=False),
    Column("holder", String(80), nullable=False),  # of the link or the key
    Column("happened_at", INSTANT, nullable=False),
    Column("received_at", INSTANT, nullable=False),
    Column("slip_sha256", HASH),  # of the photo as it was taken in, sealed in a file of this row's id
    UniqueConstraint("tenant_id", "client_id"),
)

#: Why an automatic decision came out as it did.
decision = Table(
    "decision",
    metadata,
    own_id(),
    Column("object_id", ID, nullable=False, index=True),
    Column("stage", CODE, nullable=False),
    Column("outcome", CODE, nullable=False),
    Column("inputs_sha256", HASH, nullable=False),
    Column("versions", JSON, nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("on_day", Date, nullable=False),
)

approval = Table(
    "approval",
    metadata,
    own_id(),
    to("batch"),
    Column("lawyer", HASH, nullable=False),  # blind index of the licence number
    Column("day", Date, nullable=False),
    Column("letters", Integer, nullable=False),
    Column("list_sha256", HASH, nullable=False),
    Column("document", LargeBinary, nullable=False),  # sealed: signature over template hashes, list and exceptions
    Column("by_itself", Boolean, nullable=False),
)

#: What an approval covers: one line a letter and place to which it may go, in the order in which they are tried.
approved = Table(
    "approved",
    metadata,
    to("approval"),
    to("letter"),
    Column("n", Integer, nullable=False),
    to("address_record"),
    Column("content_sha256", HASH, nullable=False),
    Column("template_sha256", HASH, nullable=False),
    Column("basis", CODE, nullable=False),
    UniqueConstraint("approval_id", "letter_id", "n"),
)

#: Every change of state, in order: the history of each object.
transition = Table(
    "transition",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("object", CODE, nullable=False),
    Column("object_id", ID, nullable=False, index=True),
    Column("source", CODE, nullable=False),
    Column("target", CODE, nullable=False),
    Column("version", Integer, nullable=False),
    Column("actor", CODE, nullable=False),
    Column("reason", String(200), nullable=False),
    Column("at", INSTANT, nullable=False),
    UniqueConstraint("object_id", "version"),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", String(40), nullable=False),
    Column("actor", String(80), nullable=False),
    Column("action", CODE, nullable=False),
    Column("object_id", ID, nullable=False),
    Column("details", JSON, nullable=False),
    Column("hash", HASH, nullable=False),
)

Index("ix_letter_batch_state", letter.c.batch_id, letter.c.state)
Index("ix_fact_office_op_time", fact.c.office, fact.c.op_time)
Index("ix_decision_stage_on_day", decision.c.stage, decision.c.on_day)
