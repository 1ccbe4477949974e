"""Frames of what the rules judge: one row a (case, address record of its person), ids, codes and amounts only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, Connection, Select, func, select

from songda.contacts import last_letters
from songda.dispatch import STOP, in_force
from songda.flow.tenants import Tenant
from songda.places import group_places
from songda.store import tables

#: Parts of what is owed, columns `…_fen` of a case.
OWED = ("principal", "interest", "penalty", "fees")

_DTYPES: Mapping[str, pl.DataType] = {
    "BigInteger": pl.Int64(),
    "Integer": pl.Int64(),
    "Float": pl.Float64(),
    "Boolean": pl.Boolean(),
    "Date": pl.Date(),
}
_LISTS = frozenset(("debtor_flags", "place_keys", "issues"))


def read_frame(connection: Connection, query: Select[Any]) -> pl.DataFrame:
    """The rows of `query` with the types of its columns; JSON columns of known name are lists of texts."""
    columns = list(query.selected_columns)
    schema: dict[str, pl.DataType] = {
        column.name: pl.List(pl.String)
        if column.name in _LISTS
        else _DTYPES.get(type(column.type).__name__, pl.String())
        for column in columns
    }
    rows = connection.execute(query).all()
    return pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")


def read_links(
    connection: Connection, tenant: Tenant, chosen: ColumnElement[bool], *, on: date, batch_id: str
) -> pl.DataFrame:
    """Links of the cases that `chosen` (a condition on the table `case`) picks, in the order of their rows.

    Columns: those of `case` (id as case_id, without sealed ones), those of `address_record` with the prefix `address_`
    (id as record; `place` is the place of its group), birth_year, person_state, last_days (since the last letter that
    may have reached the person; null = never), open_letter (of another batch), letter (person/role), owed_fen (as the file states
    it), moved_fen (paid since, songda.flow.payments), action_id,
    stop (`stop:reason` of a standing order to case, person or institution; null = none).
    """
    c, a, p = tables.case, tables.address_record, tables.person
    cases = read_frame(connection, select(*_without(c, "sealed", "lookup")).where(chosen).order_by(c.c.row_no, c.c.id))
    own = select(c.c.person_id).where(chosen)
    records = read_frame(
        connection, select(*_without(a, "case_id", "quality")).where(a.c.person_id.in_(own)).order_by(a.c.id)
    )
    persons = read_frame(
        connection,
        select(p.c.id.label("person_id"), p.c.birth_year, p.c.state.label("person_state")).where(p.c.id.in_(own)),
    )
    grouped = group_places(records.rename({"id": "record"}))
    return (
        cases.rename({"id": "case_id"})
        .join(grouped.rename(_prefixed(grouped)), on="person_id", how="left", maintain_order="left")
        .join(persons, on="person_id", how="left", maintain_order="left")
        .join(_last_letters(connection, tenant, own, on, batch_id), on="person_id", how="left", maintain_order="left")
        .with_columns(
            letter=pl.concat_str("person_id", "role", separator="/", ignore_nulls=True),
            action_id=pl.concat_str("case_id", "record", separator="/", ignore_nulls=True),
            owed_fen=pl.sum_horizontal(*(pl.col(f"{part}_fen").fill_null(0) for part in OWED)),
            moved_fen=_moved(connection, select(c.c.id).where(chosen)),
            open_letter=pl.col("open_letter").fill_null(value=False),
            stop=_stops(connection, tenant),
        )
    )


def _moved(connection: Connection, cases: Select[tuple[str]]) -> pl.Expr:
    moved = moved_fen(connection, cases)
    return pl.col("case_id").replace_strict(moved, default=0, return_dtype=pl.Int64) if moved else pl.lit(0, pl.Int64)


def moved_fen(connection: Connection, cases: Select[tuple[str]] | Collection[str]) -> dict[str, int]:
    """Case → what was paid on it after the day whose amounts its file states; cases without any are left out."""
    p, c = tables.payment.c, tables.case.c
    query = (
        select(p.case_id, func.sum(p.amount_fen))
        .join(tables.case, c.id == p.case_id)
        .where(p.case_id.in_(cases), (c.amount_on.is_(None)) | (p.paid_on > c.amount_on))
        .group_by(p.case_id)
    )
    return {case: int(moved) for case, moved in connection.execute(query)}


def _stops(connection: Connection, tenant: Tenant) -> pl.Expr:
    orders = in_force(connection, tenant.id)
    if orders.tenant is not None:
        return pl.lit(f"{STOP}{orders.tenant}")
    by_person, by_case = (
        pl.col(column).replace_strict(
            {each: f"{STOP}{reason}" for each, reason in found.items()}, default=None, return_dtype=pl.String
        )
        for column, found in (("person_id", orders.persons), ("case_id", orders.cases))
    )
    return pl.coalesce(by_person, by_case)


def _without(table: Any, *names: str) -> list[Any]:
    return [column for column in table.c if column.name not in names]


def _prefixed(records: pl.DataFrame) -> dict[str, str]:
    keep = {"record", "person_id", "place"}
    return {name: name if name in keep else f"address_{name}" for name in records.columns}


def _last_letters(
    connection: Connection, tenant: Tenant, own: Select[tuple[str]], on: date, batch_id: str
) -> pl.DataFrame:
    """A row a person who was written to: days since the last letter that may have arrived, and whether one is open.

    Letters that others of the institution were permitted to send to the persons `own` count like ours.
    """
    t, n = tables.letter, tables.attempt
    posted = connection.execute(
        select(t.c.person_id, func.max(n.c.posted_on))
        .join(n, n.c.letter_id == t.c.id)
        # A letter that came back or was lost made no demand (proof grades E and F).
        .where(t.c.tenant_id == tenant.id, n.c.posted_on.is_not(None), func.coalesce(n.c.grade, "").not_in(("E", "F")))
        .group_by(t.c.person_id)
    ).all()
    last = {person: (on - day).days for person, day in posted}
    for person, day in last_letters(connection, tenant.id, own).items():
        days = max((on - day).days, 0)
        last[person] = min(last.get(person, days), days)
    open_now = set(
        connection.scalars(
            select(t.c.person_id).where(
                t.c.tenant_id == tenant.id,
                # Letters of this batch are what is being decided on.
                t.c.batch_id != batch_id,
                t.c.state.in_(("received", "ready", "approved", "active")),
            )
        )
    )
    rows = [(person, last.get(person), person in open_now) for person in sorted(open_now | last.keys())]
    return pl.DataFrame(
        rows, schema={"person_id": pl.String, "last_days": pl.Int64, "open_letter": pl.Boolean}, orient="row"
    )
