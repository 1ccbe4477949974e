"""What shadow looks through: history as it stood on its days, without a change and with it (songda.flow.shadow)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import polars as pl
from sqlalchemy import Connection, func, select

from songda.compliance import read_change
from songda.contacts import last_letters
from songda.flow.rule_changes import with_change
from songda.flow.tenants import Tenant
from songda.store import chunks, tables

#: Letters that forward a court's document are left out at all gates.
COURT = "court_forward"

_t, _n = tables.letter.c, tables.attempt.c


@dataclass(frozen=True, slots=True)
class Seen:
    """A letter, attempt, piece or permit as it would come out."""

    #: accept | approve | lock | hand_over | contact
    gate: str
    object_id: str
    #: None: it was never numbered.
    letter_no: str | None
    day: date
    #: pass | review | block; of a letter, at the address where it fares best. At the later gates pass or block.
    before: str
    after: str
    #: Ids of the rules that fire only with the change, at any address.
    rules: tuple[str, ...]
    #: Whether the facts made again are those that were judged.
    same_inputs: bool


@dataclass(frozen=True, slots=True)
class Left:
    """What could not be judged again."""

    gate: str
    #: court | erased | void | held | not_composed | no_facts | never_judged
    why: str
    #: None: not a number of things, but all of them, or the rule `what`.
    count: int | None
    what: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    tenant: Tenant
    document: Mapping[str, Any]
    number: int

    def on(self, day: date) -> tuple[Tenant, Tenant]:
        """The institution on a day without the change, and with it."""
        others = tuple(each for each in self.tenant.rule_changes if each.number != self.number)
        without = replace(self.tenant, rule_changes=others)
        return without, with_change(without, read_change(self.document, number=self.number, valid_from=day))


#: What a gate found: what was judged again, and what could not be.
Found = tuple[list[Seen], list[Left]]


def as_it_stood(connection: Connection, tenant: Tenant, links: pl.DataFrame, on: date, batch_id: str) -> pl.DataFrame:
    """`links` with the days since the last letter as they were counted on `on`: what was posted later is not there yet."""
    earlier = (_n.posted_on < on) | ((_n.posted_on == on) & (_t.batch_id != batch_id))
    query = (
        select(_t.person_id, func.max(_n.posted_on))
        .join(tables.attempt, _n.letter_id == _t.id)
        .where(_t.tenant_id == tenant.id, earlier, func.coalesce(_n.grade, "").not_in(("E", "F")))
        .group_by(_t.person_id)
    )
    last = {person: (on - day).days for person, day in connection.execute(query)}
    persons = links["person_id"].unique().to_list()
    for part in chunks(persons):
        for person, day in last_letters(connection, tenant.id, part).items():
            if day <= on:
                last[person] = min(last.get(person, (on - day).days), (on - day).days)
    known = pl.col("person_id").replace_strict(last, default=None, return_dtype=pl.Int64)
    return links.with_columns(last_days=known if last else pl.lit(None, pl.Int64))
