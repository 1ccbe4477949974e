"""Second stage: which person gets a letter about which cases, at which address, and which rule or limit says no.

All cases of one person in one role become one letter with several lines. The whole batch is judged in memory (ids, codes
and amounts only) and written in chunks; the judgement is a pure function of the record, so a run that was cut off
comes to the same letters when it continues.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, Connection, Engine, func, select, update

from songda.base import ids
from songda.compliance import Change, RuleSet, load_rules
from songda.flow.choosing import Chooser, open_chooser
from songda.flow.facts import accept_facts
from songda.flow.links import read_links
from songda.flow.money import OVER_BUDGET, left_fen, open_accounts
from songda.flow.predictions import keep_predictions
from songda.flow.produce import attempt_id
from songda.flow.tenants import Tenant
from songda.flow.worth import UNWEIGHED, decide_worth
from songda.letters.content import WITHOUT_DEBT
from songda.models import sending
from songda.places import DOOR_LEVELS
from songda.planning import SEND_VERSION, Limits, decide_send
from songda.store import Cost, chunks, insert_missing, move, reserve, tables

#: Letters a transaction.
CHUNK = 1000
_LETTER = [
    *("letter", "person_id", "role", "record", "cases", "amount_fen", "outcome", "reasons", "inputs_hash", "rule_set"),
]


#: What the order of the addresses says of the first one; and with it all that models, or the rules in their place, have said.
_ORDERED = ("chance", "propensity", "explored", "why")
_SAID = (*_ORDERED, "value_fen", "sending", "inputs")


@dataclass(frozen=True, slots=True)
class Matter:
    """What the letters of a batch are about."""

    kind: str
    #: Condition on the table `case`.
    cases: ColumnElement[bool]
    #: Facts that are the same for all of them and that only this kind's rules ask for.
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def states_debt(self) -> bool:
        return self.kind not in WITHOUT_DEBT


def decide(engine: Engine, tenant: Tenant, batch_id: str, *, price_fen: int, at: datetime) -> None:
    """Moves the batch from `received` to `decided`; its letters then stand at ready, held or not_sent.

    `price_fen`: what a letter may cost at most, for the budget; the exact price follows from weight and zone.
    """
    matter = Matter(kind_of(tenant), tables.case.c.batch_id == batch_id)
    decide_on(engine, tenant, batch_id, matter, price_fen=price_fen, at=at)


def decide_on(engine: Engine, tenant: Tenant, batch_id: str, matter: Matter, *, price_fen: int, at: datetime) -> None:
    """As `decide`, about the cases of `matter`, which may lie in other batches."""
    with engine.begin() as connection:
        batch = connection.execute(select(tables.batch).where(tables.batch.c.id == batch_id)).one()
        if batch.state != "received":
            return
        accounts = open_accounts(connection, tenant, batch, at=at)
    with engine.connect() as connection:
        chooser = open_chooser(connection, tenant, salt=batch.id)
        judged, labels = _judge(connection, tenant, batch, matter, price_fen, accounts, chooser)
        done = set(connection.scalars(select(tables.letter.c.id).where(tables.letter.c.batch_id == batch_id)))
        serial = _last_serial(connection, tenant, batch)
    # Numbers are dealt in the order of the judgement, so they are the same after a crash.
    letters = judged.to_dicts()
    for letter in letters:
        numbered = letter["outcome"] in ("ready", "held")
        serial += numbered
        letter["letter_no"] = letter_number(tenant, batch.as_of, serial) if numbered else None
    for part in chunks([letter for letter in letters if letter["id"] not in done], CHUNK):
        with engine.begin() as connection:
            _write(connection, tenant, batch, part, at, accounts=accounts, price_fen=price_fen, labels=labels)
    with engine.begin() as connection:
        move(
            connection,
            "batch",
            [(batch_id, batch.version)],
            source="received",
            target="decided",
            actor="planning",
            reason="judged",
            at=at,
        )


def letter_number(tenant: Tenant, day: date, serial: int) -> str:
    """`LH2026-000123`: the firm's series, the year, the serial within the year."""
    return f"{tenant.profile.firm.letter_series or ''}{day.year}-{serial:06d}"


def rules_on(tenant: Tenant, day: date) -> RuleSet:
    """The rules of `day` with what the tenant made stricter, in its profile or by two persons (songda.flow.rule_changes)."""
    return _rules(day, tenant.profile.policy.interval_days, tenant.rule_changes)


@lru_cache(maxsize=64)
def _rules(day: date, interval_days: int | None, changes: tuple[Change, ...]) -> RuleSet:
    # Read again it takes 20 ms, and a bundle of evidence asks for the day of every decision.
    return load_rules(day, _overrides(interval_days), changes=changes)


def overrides_of(tenant: Tenant) -> dict[str, dict[str, object]]:
    """What the tenant's profile makes stricter: rule → parameter → value."""
    return _overrides(tenant.profile.policy.interval_days)


def _overrides(interval_days: int | None) -> dict[str, dict[str, object]]:
    return {"T07": {"min_days": interval_days}} if interval_days else {}


def kind_of(tenant: Tenant) -> str:
    """The kind of letter that the tenant sends."""
    return (tenant.profile.policy.kinds or ("lawyer_letter",))[0]


def scope_of(kind: str) -> str:
    """What the rules call it. All that a firm sends is held to the rules of a lawyer letter: a lawyer answers for it too."""
    return "court_forward" if kind == "court_forward" else "lawyer_letter"


def deliverable() -> pl.Expr:
    """Whether a courier can find the address of a link."""
    return pl.col("address_level").is_in(DOOR_LEVELS).fill_null(value=False)


def may_be_written_to() -> pl.Expr:
    """Whether nothing stands against the person of a link, or its case, whatever the address."""
    return (pl.col("person_state") == "active") & pl.col("stop").is_null()


def _judge(
    connection: Connection,
    tenant: Tenant,
    batch: Any,
    matter: Matter,
    price_fen: int,
    accounts: Sequence[str],
    chooser: Chooser,
) -> tuple[pl.DataFrame, dict[str, str]]:
    """One row a letter: id, person_id, role, kind, amount_fen, outcome, reasons, record, cases, evidence of the decision.

    And the labels of what decided: model or rule, by kind.
    """
    kind = matter.kind
    rules = rules_on(tenant, batch.as_of)
    links = read_links(connection, tenant, matter.cases, on=batch.as_of, batch_id=batch.id)
    if not matter.states_debt:
        # It asks for nothing, so an open demand to the same person is no second one.
        links = links.with_columns(owed_fen=pl.lit(0, pl.Int64), open_letter=pl.lit(value=False))
    links = links.with_columns(pl.lit(value, pl.String).alias(name) for name, value in matter.facts.items())
    facts = accept_facts(links, tenant, on=batch.as_of, lawyer=None)
    verdicts = rules.evaluate(facts, scope=scope_of(kind), gate="accept")
    links = links.join(verdicts, on="action_id", how="left", maintain_order="left")
    passes = (pl.col("verdict") == "pass") & deliverable() & may_be_written_to()
    features = chooser.features(connection, select(tables.case.c.person_id).where(matter.cases), on=batch.as_of)
    order = chooser.order(links, passes, features)
    chosen = order.filter(pl.col("n") == 1).drop("n")
    going = links.join(chosen, on=["letter", "record"], maintain_order="left").filter(pl.col("verdict") == "pass")
    letters = going.group_by("letter", maintain_order=True).agg(
        pl.first("person_id", "role", "record", "inputs_hash", "rule_set", "open_letter", *_ORDERED),
        pl.col("case_id").alias("cases"),
        pl.col("owed_fen").sum().alias("amount_fen"),
    )
    once = letters.filter(~pl.col("open_letter"))
    limits = _limits(connection, tenant, batch, accounts, matter)
    priced = once.with_columns(price_fen=pl.lit(price_fen))
    if matter.states_debt:
        weighed, label = decide_worth(connection, tenant, priced, limits, cases=matter.cases, on=batch.as_of)
    else:
        # Whether a document that a court has entrusted is forwarded is nobody's to weigh.
        weighed, label = decide_send(priced, limits).with_columns(**UNWEIGHED), SEND_VERSION
    decided = weighed.with_columns(
        outcome=pl.when("send").then(pl.lit("ready")).otherwise(pl.lit("not_sent")),
        reasons=pl.concat_list(pl.col("reason")),
    )
    open_already = letters.filter("open_letter").with_columns(
        outcome=pl.lit("not_sent"), reasons=pl.concat_list(pl.lit("open_letter"))
    )
    refused = _refused(links.join(letters, on="letter", how="anti", maintain_order="left"))
    everything = pl.concat([decided, open_already, refused], how="diagonal").select(*_LETTER, *_SAID)
    secret = tenant.key.id_secret()
    judged = (
        everything.join(chooser.alive(features), on="record", how="left", maintain_order="left")
        .with_columns(
            kind=pl.lit(kind),
            id=pl.col("letter").map_elements(
                lambda key: ids.derive("ltr", batch.as_of, secret, batch.id, kind, key), pl.String
            ),
        )
        .sort("letter")
    )
    return judged, {**chooser.labels, sending.KIND: label}


def _refused(links: pl.DataFrame) -> pl.DataFrame:
    """Letters that no (case, address) pair may carry: the pair with the fewest objections says why."""
    none = pl.lit([], pl.List(pl.String))
    fired = pl.col("rules").list.len()
    reasons = pl.concat_list(
        pl.when(pl.col("stop").is_not_null()).then(pl.concat_list("stop")).otherwise(none),
        pl.when(pl.col("person_state") != "active").then(pl.lit(["name_conflict"])).otherwise(none),
        pl.when(fired > 0).then("rules").otherwise(none),
        pl.when((fired == 0) & ~deliverable()).then(pl.lit(["address_not_deliverable"])).otherwise(none),
    )
    held = pl.col("stop").is_null() & ((pl.col("verdict") == "review") | (pl.col("person_state") != "active"))
    return (
        links.with_columns(reasons=reasons)
        .with_columns(_count=pl.col("reasons").list.len())
        .sort("letter", "_count", "record")
        .group_by("letter", maintain_order=True)
        .agg(
            pl.first("person_id", "role", "record", "inputs_hash", "rule_set", "reasons"),
            pl.when(held).then(pl.lit("held")).otherwise(pl.lit("not_sent")).first().alias("outcome"),
            pl.col("case_id").unique(maintain_order=True).alias("cases"),
            pl.struct("case_id", "owed_fen").unique().struct.field("owed_fen").sum().alias("amount_fen"),
        )
    )


def _limits(connection: Connection, tenant: Tenant, batch: Any, accounts: Sequence[str], matter: Matter) -> Limits:
    """What budget and capacity of the day are left after the other batches of the same day."""
    t, budget = tables.letter, tenant.profile.budget
    going = connection.scalar(
        select(func.count()).where(
            t.c.tenant_id == tenant.id,
            t.c.batch_id != batch.id,
            t.c.letter_date == batch.as_of,
            t.c.state.in_(("received", "ready", "approved", "active", "closed")),
        )
    )
    per_day = budget.max_letters_per_day
    return Limits(
        budget_fen=left_fen(connection, tenant, accounts, batch.id),
        capacity=None if per_day is None else max(0, per_day - (going or 0)),
        min_amount_fen=budget.min_amount_fen if matter.states_debt else 0,
    )


def _last_serial(connection: Connection, tenant: Tenant, batch: Any) -> int:
    """The last serial of the year that a letter of another batch bears."""
    t = tables.letter
    prefix = letter_number(tenant, batch.as_of, 0)[:-6]
    last = connection.scalar(
        select(func.max(t.c.letter_no)).where(
            t.c.tenant_id == tenant.id, t.c.batch_id != batch.id, t.c.letter_no.like(f"{prefix}%")
        )
    )
    return int(last[-6:]) if last else 0


def _write(
    connection: Connection,
    tenant: Tenant,
    batch: Any,
    letters: Any,
    at: datetime,
    *,
    accounts: Sequence[str],
    price_fen: int,
    labels: Mapping[str, str],
) -> None:
    insert_missing(
        connection,
        tables.letter,
        [
            {
                "id": letter["id"],
                "tenant_id": tenant.id,
                "batch_id": batch.id,
                "person_id": letter["person_id"],
                "kind": letter["kind"],
                "letter_no": letter["letter_no"],
                "letter_date": batch.as_of,
                "state": "received",
                "version": 0,
                "amount_fen": letter["amount_fen"],
                "reasons": letter["reasons"],
                "address_record_id": letter["record"] if letter["outcome"] == "ready" else None,
                "role": letter["role"],
            }
            for letter in letters
        ],
    )
    insert_missing(
        connection,
        tables.letter_case,
        [{"letter_id": letter["id"], "case_id": case} for letter in letters for case in letter["cases"]],
    )
    _reserve(connection, tenant, letters, at, accounts=accounts, price_fen=price_fen)
    write_decisions(
        connection,
        tenant,
        [(letter["id"], letter["outcome"], letter["inputs_hash"], letter["reasons"]) for letter in letters],
        stage="accept",
        versions={"rules": letters[0]["rule_set"], **labels},
        on=batch.as_of,
    )
    keep_predictions(connection, tenant, letters, labels, on=batch.as_of)
    for outcome in ("ready", "held", "not_sent"):
        rows = [(letter["id"], 0) for letter in letters if letter["outcome"] == outcome]
        move(
            connection,
            "letter",
            rows,
            source="received",
            target=outcome,
            actor="planning",
            reason="gate_accept",
            at=at,
        )


def _reserve(
    connection: Connection, tenant: Tenant, letters: Any, at: datetime, *, accounts: Sequence[str], price_fen: int
) -> None:
    """Reserves what the letters that go may cost; one for which another batch has taken the money meanwhile does not go."""
    going = {attempt_id(tenant, letter["id"], 1): letter for letter in letters if letter["outcome"] == "ready"}
    costs = [Cost(attempt, letter["id"], price_fen) for attempt, letter in going.items()]
    for attempt in reserve(connection, costs, accounts=accounts, at=at):
        going[attempt] |= {"outcome": "not_sent", "reasons": [OVER_BUDGET]}
        why = {"reasons": [OVER_BUDGET], "address_record_id": None}
        connection.execute(update(tables.letter).where(tables.letter.c.id == going[attempt]["id"]).values(**why))


def write_decisions(
    connection: Connection,
    tenant: Tenant,
    rows: list[tuple[str, str, str | None, list[str]]],
    *,
    stage: str,
    versions: dict[str, str],
    on: date,
) -> None:
    """One record a decision: (object id, outcome, inputs' hash, reasons). Repeats of the same day meet themselves."""
    secret = tenant.key.id_secret()
    insert_missing(
        connection,
        tables.decision,
        [
            {
                "id": ids.derive("dec", on, secret, object_id, stage, outcome),
                "object_id": object_id,
                "stage": stage,
                "outcome": outcome,
                "inputs_sha256": inputs or "",
                "versions": versions,
                "reasons": reasons,
                "on_day": on,
            }
            for object_id, outcome, inputs, reasons in rows
        ],
    )
