"""Facts for the rules, as flat columns named with dots: what the case file, the profile and the record say about each action.

A fact that nobody stated stays null, and the rule that needs it then blocks. Nothing here decides anything.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from songda.compliance import NEVER, hits
from songda.flow.court import FACTS as COURT
from songda.flow.stationery import products_of
from songda.flow.tenants import Tenant
from songda.letters import shows_body

if TYPE_CHECKING:
    from collections.abc import Iterable

#: General limitation period (Civil Code 188).
LIMITATION_YEARS = 3

LAWFUL_ORIGINS = ("contract", "id_card", "debtor_update", "reserved", "earlier_letter", "court", "public_register")


def accept_facts(links: pl.DataFrame, tenant: Tenant, *, on: date, lawyer: str | None) -> pl.DataFrame:
    """One row a (case, address record) for the gate *accept*.

    In: columns of the tables `case` (prefix none), `address_record` (prefix `address_`), birth_year and `last_days`
    (days since the last letter that may have reached the person; null = never); of letters that forward a court's
    document, those of songda.flow.court.FACTS.
    """
    limitation_from = pl.max_horizontal("limitation_event_on", "due_on", "overdue_since")
    # Rules that persons have released for the letter (flow/reviewing.py).
    released = [pl.col("released")] if "released" in links.columns else []
    return with_profile(
        links.select(
            "action_id",
            *released,
            *_of_court(links),
            _purpose(links).alias("a.purpose"),
            pl.col("role").alias("a.role"),
            pl.lit("post").alias("a.delivery"),
            pl.lit("rule").alias("a.decided_by"),
            pl.lit("overdue claim within the tenant's limits").alias("a.reason"),
            pl.col("address_origin").alias("person.origin"),
            (pl.lit(on.year) - pl.col("birth_year") - 1).cast(pl.Int64).alias("person.age"),
            pl.when(pl.col("address_origin").is_in(LAWFUL_ORIGINS)).then("address_origin").alias("addr.origin"),
            pl.col("address_basis").alias("addr.basis"),
            # A record without an expiry date does not expire by itself; its age is judged by the choice of the address.
            (pl.col("address_expires_on").fill_null(date.max) < on).alias("addr.expired"),
            pl.col("address_owner_role").alias("addr.owner_role"),
            pl.lit(tenant.id).alias("addr.tenant"),
            pl.lit(tenant.id).alias("case.tenant"),
            pl.col("annual_cost").alias("case.annual_cost"),
            pl.col("assigned").alias("case.assigned"),
            pl.col("assignment_notice_arrived").alias("case.assignment_notice_arrived"),
            pl.col("credit_notice_given").alias("case.credit_notice_given"),
            pl.col("dispute_open").alias("case.dispute_open"),
            pl.col("state").alias("case.state"),
            (limitation_from.dt.offset_by(f"{LIMITATION_YEARS}y") - pl.lit(on))
            .dt.total_days()
            .alias("case.limitation_days_left"),
            pl.col("debtor_state").alias("debtor.state"),
            pl.col("debtor_flags").alias("debtor.flags"),
            pl.col("last_days").fill_null(NEVER).cast(pl.Int64).alias("last_days.letter_sent.debtor+institution"),
        ),
        tenant,
        on=on,
        lawyer=lawyer,
    )


def approve_facts(actions: pl.DataFrame, tenant: Tenant, *, on: date, lawyer: str) -> pl.DataFrame:
    """One row a (letter, address, case) for the gate *approve*: what `accept_facts` says, and what the letter says.

    In, besides the columns of `accept_facts`: stated_fen (total on the letter), ledger_fen (owed on its cases now),
    parts_fen (the sum of the parts that their file states),
    amount_on, fields (items of rule C06 that it carries), template_hash and approved_template_hash, batch_id and
    approved_batch, hits_… (wording found by the linter, one column a list).
    """
    said = actions.select(
        pl.col("stated_fen").alias("a.amount"),
        pl.col("ledger_fen").alias("case.ledger_amount"),
        (pl.lit(on) - pl.col("amount_on")).dt.total_days().alias("a.amount_age_days"),
        # What the letter asks for beyond the ledger's own parts would be a fee of somebody else.
        pl.max_horizontal(pl.col("stated_fen") - pl.col("parts_fen"), pl.lit(0)).alias("a.fee_extra"),
        pl.col("fields").alias("a.fields"),
        pl.col("template_hash").alias("a.template_hash"),
        pl.col("approved_template_hash").alias("lawyer.approved_template_hash"),
        pl.col("batch_id").alias("a.batch"),
        pl.concat_list("approved_batch").alias("lawyer.approved_batches"),
        *(pl.col(f"hits_{name}").alias(f"text_hits.{name}") for name in hits("")),
    )
    return pl.concat([accept_facts(actions, tenant, on=on, lawyer=lawyer), said], how="horizontal")


def lock_facts(actions: pl.DataFrame, tenant: Tenant, *, on: date, lawyer: str) -> pl.DataFrame:
    """As `approve_facts`, for the gate *lock*. In, besides: letter_no, content_hash, archived, item, cover_hits."""
    printed = actions.select(
        pl.col("letter_no").alias("a.letter_no"),
        pl.col("content_hash").alias("a.content_hash"),
        pl.col("archived").alias("a.archived"),
        # Preflight holds the band white that a window may show; whether ours shows more is a matter of sizes.
        pl.lit(any(map(shows_body, products_of(tenant).envelopes))).alias("a.window_shows_body"),
        pl.col("item").alias("w.item"),
        pl.col("cover_hits").alias("cover_hits.debt_words"),
    )
    return pl.concat([approve_facts(actions, tenant, on=on, lawyer=lawyer), printed], how="horizontal")


def stop_facts(cases: pl.DataFrame) -> pl.DataFrame:
    """One row a (piece, case) for the gate *hand_over*, where only stop orders count.

    In: action_id and the columns role, state, dispute_open, debtor_state, debtor_flags of the table `case`; of letters
    that forward a court's document, those of songda.flow.court.FACTS.
    """
    return cases.select(
        "action_id",
        *_of_court(cases),
        _purpose(cases).alias("a.purpose"),
        pl.col("role").alias("a.role"),
        pl.col("dispute_open").alias("case.dispute_open"),
        pl.col("state").alias("case.state"),
        pl.col("debtor_state").alias("debtor.state"),
        pl.col("debtor_flags").alias("debtor.flags"),
    )


def _of_court(frame: pl.DataFrame) -> list[pl.Expr]:
    return [pl.col(name) for name in COURT if name in frame.columns]


def _purpose(frame: pl.DataFrame) -> pl.Expr:
    """Who forwards a court's document asks for nothing."""
    return pl.lit("inform" if _of_court(frame) else "demand")


def with_profile(facts: pl.DataFrame, tenant: Tenant, *, on: date, lawyer: str | None) -> pl.DataFrame:
    """Adds what holds for the whole batch: licences, mandate, evidence pack, entrusted processing, assessment, carrier."""
    stated = {
        name: value
        for name, value in tenant.profile.facts(on, lawyer=lawyer).items()
        if name in _BATCH_FACTS and value is not None and name not in facts.columns
    }
    return facts.with_columns(*(constant(name, value) for name, value in stated.items()))


def constant(name: str, value: object) -> pl.Expr:
    """A column that holds `value` in every row; a list of texts becomes a list column."""
    if isinstance(value, list):
        texts: Iterable[str] = value
        return pl.lit(pl.Series([list(texts)], dtype=pl.List(pl.String))).first().alias(name)
    return pl.lit(value).alias(name)


_BATCH_FACTS = frozenset(
    (
        *(
            "firm.licence",
            "lawyer.licence",
            "lawyer.assigned",
            "lawyer.conflict",
            "case.mandate_valid",
            "case.evidence",
        ),
        *("chain.present", "chain.sub_consent", "a.pia_id", "a.human_route", "a.region", "w.carrier"),
        *("w.sender_name", "w.sender_address", "w.sender_phone"),
        *("w.name_hidden", "w.phone_hidden", "w.room_hidden"),
    )
)
