"""Whether a letter whose attempt is over is tried at another place, and if not, why not.

A second attempt goes only to a place that the lawyer's approval covers, in the order in which it was approved, and that
differs from every place of the letter's attempts by what the texts say, not by how they are spelt; and only after an
attempt that cannot have reached the person (grades E and F): any other counts against the interval (T07). Nothing is tried
again once somebody has paid, disputed, answered or stopped it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import polars as pl
from sqlalchemy import Connection, select

from songda.base.days import business_day
from songda.dispatch import STOP_REQUESTED, AtEnd
from songda.flow.decide import rules_on, write_decisions
from songda.flow.sealed import open_person
from songda.flow.stopped import who_is_stopped
from songda.flow.tenants import Tenant
from songda.store import chunks, tables

#: Grades of attempts that made no demand.
_NOT_REACHED = frozenset({"E", "F"})
#: What of an outcome forbids to write again, wherever to → reason.
_ENOUGH = {STOP_REQUESTED: "stopped", "deceased": "deceased", "wrong_person": "wrong_person", "refused": "refused"}
#: Grades that are a proof.
_PROVEN = frozenset({"A1", "A2", "B1", "B2"})


@dataclass(frozen=True, slots=True)
class _Place:
    letter_id: str
    record_id: str
    place: str


def another_place(
    connection: Connection, tenant: Tenant, ends: Sequence[AtEnd], *, at: datetime
) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """Of letters at their end: letter → (address record, place) for those tried again, letter → reason for the others.

    Both are kept as decisions (stage "further").
    """
    if not ends:
        # Most days: reading the rules alone costs as much as all the rest of such a day.
        return {}, {}
    on = business_day(at)
    over = {end.letter_id: why for end in ends if (why := _enough(end, tenant))}
    open_ends = [end for end in ends if end.letter_id not in over]
    stopped = who_is_stopped(connection, tenant, [end.letter_id for end in open_ends], on=on)
    over |= dict.fromkeys(stopped, "stopped")
    places, none_left = _untried(connection, tenant, [end for end in open_ends if end.letter_id not in over])
    over |= none_left
    rows: list[tuple[str, str, str | None, list[str]]] = []
    for end in ends:
        why, rules = over.get(end.letter_id, "other_place"), stopped.get(end.letter_id, ([], ""))[0]
        outcome = "next" if end.letter_id in places else "none"
        rows.append((end.letter_id, outcome, _inputs(end), [why, *rules]))
    write_decisions(connection, tenant, rows, stage="further", versions={"rules": rules_on(tenant, on).label}, on=on)
    return places, over


def _enough(end: AtEnd, tenant: Tenant) -> str | None:
    """Why the letter is not tried again, whatever places there are."""
    if flag := next((flag for flag in _ENOUGH if flag in end.flags), None):
        return _ENOUGH[flag]
    if end.state != "settled":
        return "failed_before_posting"
    if (end.grade or "F") not in _NOT_REACHED or end.last_grade not in _NOT_REACHED:
        return "proven" if end.grade in _PROVEN else "may_have_reached"
    if end.posted >= (tenant.profile.policy.max_attempts or 1):
        return "max_attempts"
    return None


def _untried(
    connection: Connection, tenant: Tenant, ends: Sequence[AtEnd]
) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """The first approved place that differs from all that were tried; or why there is none."""
    candidates = _approved(connection, {end.letter_id: {record for record, _ in end.tried} for end in ends})
    texts = _texts(connection, tenant, ends)
    pairs = [
        (place, texts.get(place.record_id), texts.get(record))
        for end in ends
        for place in candidates.get(end.letter_id, ())
        for record, _ in end.tried
    ]
    said = _compare([(one, other) for _, one, other in pairs])
    verdicts: dict[_Place, set[str]] = defaultdict(set)
    for (place, *_), verdict in zip(pairs, said, strict=True):
        verdicts[place].add(verdict)
    found: dict[str, tuple[str, str]] = {}
    none_left: dict[str, str] = {}
    for end in ends:
        every = candidates.get(end.letter_id, [])
        # A place that contradicts none of the former ones may be one of them, told less precisely.
        new = next((place for place in every if verdicts[place] == {"conflict"}), None)
        if new is not None:
            found[end.letter_id] = (new.record_id, new.place)
        else:
            none_left[end.letter_id] = _why_none(verdicts[place] for place in every)
    return found, none_left


def _why_none(verdicts: Iterable[Collection[str]]) -> str:
    """No other place on the approval; only the same ones; or one that cannot be told apart."""
    every = list(verdicts)
    if not every:
        return "no_other_place"
    return "place_unclear" if any("unknown" in said for said in every) else "place_the_same"


def _approved(connection: Connection, tried: dict[str, set[str]]) -> dict[str, list[_Place]]:
    """Letter → approved places of which no record was tried, in their order."""
    t, p, r = tables.letter.c, tables.approved.c, tables.address_record.c
    found: dict[str, list[_Place]] = defaultdict(list)
    for part in chunks(sorted(tried)):
        query = (
            select(p.letter_id, p.address_record_id, r.place)
            .join(tables.letter, (t.id == p.letter_id) & (t.approval_id == p.approval_id))
            .join(tables.address_record, r.id == p.address_record_id)
            .where(p.letter_id.in_(part), r.place.is_not(None))
            .order_by(p.letter_id, p.n)
        )
        for row in connection.execute(query):
            if row.address_record_id not in tried[row.letter_id]:
                found[row.letter_id].append(_Place(*row))
    return found


def _texts(connection: Connection, tenant: Tenant, ends: Sequence[AtEnd]) -> dict[str, str]:
    """Address record → its text, of the letters' persons; opened in memory for this comparison."""
    p, found = tables.person.c, dict[str, str]()
    for part in chunks(sorted({end.person_id for end in ends}), 500):
        tenant.key.of_persons(part)
        for row in connection.execute(select(p.id, p.sealed).where(p.id.in_(part))):
            addresses = open_person(tenant.key, row.id, row.sealed)["addresses"]
            found |= {record: address["text"] for record, address in addresses.items()}
    return found


def _compare(pairs: Sequence[tuple[str | None, str | None]]) -> list[str]:
    """Verdicts of `songda.address.same_places` on pairs of texts."""
    if not pairs:
        return []
    from songda.address import same_places, standardize

    texts = sorted({text for pair in pairs for text in pair if text})
    keys = dict(zip(texts, standardize(texts)["place_key"], strict=True))
    one, other = ([keys.get(pair[side] or "") for pair in pairs] for side in (0, 1))
    said = same_places(pl.Series(one, dtype=pl.String), pl.Series(other, dtype=pl.String))
    return said["verdict"].to_list()


def _inputs(end: AtEnd) -> str:
    parts = (end.letter_id, str(end.n), end.state, end.last_grade or "-", end.grade or "-", str(end.posted), *end.flags)
    return sha256("\x1f".join(parts).encode()).hexdigest()
