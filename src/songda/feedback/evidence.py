"""Frames that models learn from and judge by, read from the ledger: ids, codes, days and amounts only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl
from sqlalchemy import Connection, Select, func, select

from songda.models import place_features
from songda.places import group_places
from songda.store import tables

_a, _c, _l, _n, _p = tables.address_record.c, tables.case.c, tables.letter.c, tables.attempt.c, tables.person.c
_RECORDS = pl.Schema(
    {
        "record": pl.String(),
        "person_id": pl.String(),
        "place": pl.String(),
        "place_keys": pl.List(pl.String()),
        "origin": pl.String(),
        "recorded_on": pl.Date(),
        "adcode": pl.String(),
        "level": pl.String(),
        "place_type": pl.String(),
        "completeness": pl.Float64(),
        "confidence": pl.Float64(),
        "issues": pl.List(pl.String()),
    }
)
_ENDED = pl.Schema(
    {
        "attempt": pl.String(),
        "letter": pl.String(),
        "person_id": pl.String(),
        "record": pl.String(),
        "grade": pl.String(),
        "posted_on": pl.Date(),
        "n": pl.Int64(),
    }
)


def address_evidence(
    connection: Connection, tenant_id: str, persons: Select[tuple[str]], *, on: date | None = None
) -> pl.DataFrame:
    """One row an address record of the persons, with what `place_features` takes, as of the day `on`.

    Without a day: one row a record and ended attempt of its person (columns attempt, letter, chosen, grade, n), as of the day on which
    that was posted; records and outcomes of later days are left out, so that nothing is learnt from what was not known.
    """
    records = _records(connection, persons)
    overdue = _overdue(connection, persons)
    ended = _ended(connection, tenant_id, persons)
    if on is not None:
        known = records.with_columns(as_of=pl.lit(on), attempt=pl.lit(None, pl.String), letter=pl.lit(None, pl.String))
    else:
        known = ended.select("attempt", "letter", "person_id", "n", "grade", as_of="posted_on", chosen="record").join(
            records, on="person_id", how="inner"
        )
        known = known.filter(pl.col("recorded_on").is_null() | (pl.col("recorded_on") <= pl.col("as_of")))
    return (
        known.join(overdue, on="person_id", how="left", maintain_order="left")
        .with_columns(overdue_days=(pl.col("as_of") - pl.col("overdue_since")).dt.total_days())
        .join(_own_outcomes(records, ended), on=["person_id", "place"], how="left", maintain_order="left")
        .with_columns(
            signed_here=_before("signed_on"),
            returned_here=_before("returned_on"),
        )
        .drop("overdue_since", "signed_on", "returned_on")
    )


def _before(days: str) -> pl.Expr:
    """How many of the days of a row lie before its own."""
    return (
        pl.struct(days, "as_of")
        .map_elements(lambda row: sum(day < row["as_of"] for day in row[days] or ()), return_dtype=pl.Int64)
        .fill_null(0)
    )


def _records(connection: Connection, persons: Select[tuple[str]]) -> pl.DataFrame:
    columns = (
        *(_a.id.label("record"), _a.person_id, _a.place, _a.place_keys, _a.origin, _a.recorded_on, _a.adcode, _a.level),
        *(_a.place_type, _a.completeness, _a.confidence, _a.issues),
    )
    rows = connection.execute(select(*columns).where(_a.person_id.in_(persons)).order_by(_a.id)).all()
    return group_places(pl.DataFrame([tuple(row) for row in rows], schema=_RECORDS, orient="row"))


def _overdue(connection: Connection, persons: Select[tuple[str]]) -> pl.DataFrame:
    query = select(_c.person_id, func.min(_c.overdue_since)).where(_c.person_id.in_(persons)).group_by(_c.person_id)
    rows = [tuple(row) for row in connection.execute(query)]
    return pl.DataFrame(rows, schema={"person_id": pl.String(), "overdue_since": pl.Date()}, orient="row")


def _ended(connection: Connection, tenant_id: str, persons: Select[tuple[str]]) -> pl.DataFrame:
    """Attempts that have come to their end, with the grade that holds."""
    columns = (_n.id, _n.letter_id, _l.person_id, _n.address_record_id, _n.grade, _n.posted_on, _n.n)
    query = (
        select(*columns)
        .join(tables.letter, _l.id == _n.letter_id)
        .where(_l.tenant_id == tenant_id, _l.person_id.in_(persons), _n.grade.is_not(None), _n.posted_on.is_not(None))
        .order_by(_n.id)
    )
    return pl.DataFrame([tuple(row) for row in connection.execute(query)], schema=_ENDED, orient="row")


def _own_outcomes(records: pl.DataFrame, ended: pl.DataFrame) -> pl.DataFrame:
    """Days on which letters of ours were signed for, or came back, by person and place."""
    return (
        ended.join(records.select("record", "place"), on="record", how="inner")
        .group_by("person_id", "place")
        .agg(
            signed_on=pl.col("posted_on").filter(pl.col("grade").is_in(["A1", "A2"])),
            returned_on=pl.col("posted_on").filter(pl.col("grade") == "E"),
        )
    )


def debtor_evidence(
    connection: Connection, tenant_id: str, cases: Any, *, on: date, reach: Mapping[str, float] | None = None
) -> pl.DataFrame:
    """One row a person with a case that `cases` (a condition on the table `case`) picks.

    Columns: person_id, amount_fen and songda.models.sending.FEATURES.

    `reach`: person → expected chance of a signature at the address chosen; unknown where it is not given.
    """
    columns = (
        *(
            _c.person_id,
            _c.loan_amount_fen,
            _c.principal_fen,
            _c.interest_fen,
            _c.penalty_fen,
            _c.fees_fen,
            _c.paid_fen,
        ),
        *(_c.overdue_since, _c.disbursed_on, _c.annual_cost, _c.promises_made, _c.promises_kept, _c.last_answered_on),
        _p.birth_year,
    )
    query = select(*columns).join(tables.person, _p.id == _c.person_id).where(cases).order_by(_c.id)
    schema = {
        "person_id": pl.String(),
        **dict.fromkeys(("loan", "principal", "interest", "penalty", "fees", "paid"), pl.Int64()),
        **dict.fromkeys(("overdue", "disbursed"), pl.Date()),
        "cost": pl.Float64(),
        **dict.fromkeys(("promises", "kept"), pl.Int64()),
        "answered": pl.Date(),
        "born": pl.Int64(),
    }
    frame = pl.DataFrame([tuple(row) for row in connection.execute(query)], schema=schema, orient="row")
    served = _served_before(connection, tenant_id, on)
    owed = pl.sum_horizontal(*(pl.col(part).fill_null(0) for part in ("principal", "interest", "penalty", "fees")))
    return (
        frame.with_columns(owed=owed)
        .group_by("person_id", maintain_order=True)
        .agg(
            amount_fen=pl.col("owed").sum(),
            repaid_share=(pl.col("paid") / pl.col("loan")).mean(),
            days_overdue=(pl.lit(on) - pl.col("overdue").min()).dt.total_days(),
            months_on_book=((pl.col("overdue") - pl.col("disbursed")).dt.total_days() / 30.4375).mean(),
            annual_cost=pl.max("cost"),
            cases=pl.len(),
            promises_made=pl.max("promises"),
            promises_kept_share=(pl.col("kept").max() / pl.col("promises").max()),
            days_since_answer=(pl.lit(on) - pl.col("answered").max()).dt.total_days(),
            age_years=on.year - pl.max("born"),
        )
        .with_columns(
            amount_log=(pl.col("amount_fen") / 100).log1p(),
            promises_kept_share=pl.when(pl.col("promises_made") > 0).then("promises_kept_share"),
            reach=pl.col("person_id").replace_strict(dict(reach or {}), default=None, return_dtype=pl.Float64),
            letters_before=pl.col("person_id").replace_strict(served, default=0, return_dtype=pl.Int64),
        )
    )


def _served_before(connection: Connection, tenant_id: str, on: date) -> dict[str, int]:
    query = (
        select(_l.person_id, func.count())
        .join(tables.attempt, _n.letter_id == _l.id)
        .where(_l.tenant_id == tenant_id, _n.grade.in_(("A1", "A2")), _n.posted_on < on)
        .group_by(_l.person_id)
    )
    return {person: int(count) for person, count in connection.execute(query)}


def contact_evidence(connection: Connection, tenant_id: str) -> pl.DataFrame:
    """One row a contact of the institution's cases: what `contact_features` takes, and person_id, ordinal, named_by."""
    k = tables.contact_record.c
    names = (
        *("number", "relation", "number_state", "answer", "same_surname", "known_region"),
        *("person_id", "ordinal", "named_by"),
    )
    query = (
        select(k.id, k.case_id, *(k[name] for name in names))
        .join(tables.case, _c.id == k.case_id)
        .where(_c.tenant_id == tenant_id)
        .order_by(k.id)
    )
    schema = {
        "contact": pl.String(),
        "case": pl.String(),
        **dict.fromkeys(names, pl.String()),
        "same_surname": pl.Boolean(),
        "known_region": pl.Boolean(),
        "ordinal": pl.Int64(),
    }
    return pl.DataFrame([tuple(row) for row in connection.execute(query)], schema=schema, orient="row")


def features_of(evidence: pl.DataFrame) -> pl.DataFrame:
    """Features of each row of `address_evidence`, in order; records of one attempt are one debtor's view of that day."""
    keyed = evidence.with_columns(person_id=pl.coalesce("attempt", "person_id"))
    return place_features.place_features(keyed)
