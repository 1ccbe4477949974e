"""How often somebody was reached: counted from the ledger of permits, which is its own counter.

    hold(connection, names)                       # nobody else decides about them until the transaction ends
    tally = read_tally(connection, tenant_id, persons=…, numbers=…, on=day)
    tally.facts(person_id=…, number=…, on=day)    # cnt.*: facts for the rules
    tally.add(use)                                # a permit granted just now

A permit counts from the moment at which it is granted. What it counts as shrinks when its outcome is told in time, and never
grows: a permit that is open, never told of or told of too late may have been any outcome and counts as each of them.

| outcome | effective call | call put through | unanswered dial | text | letter |
| --- | --- | --- | --- | --- | --- |
| none in time, of a call | 1 | 1 | 1 | | |
| interactive | 1 | 1 | | | |
| informing | | 1 | | | |
| unanswered | | | 1 | | |
| not_dialled, not_sent | | | | | |
| none in time, or sent | | | | 1 | 1 |

Calls, texts and letters count for the debtor whoever of his case is reached, dials for the number whoever's it is; all at the
institution, for all its outsourcers together (docs/decisions/020).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b

from sqlalchemy import Connection, Select, bindparam, func, or_, select, text

from songda.contacts.asking import CALLS
from songda.store import tables

EFFECTIVE = "cnt.effective_call.day.debtor+institution"
CONNECTED = "cnt.connected_call.day.debtor+institution"
DIALS = "cnt.dial.day.debtor+number"
TEXTS = "cnt.text.day.debtor+institution"
TEXTS_7D = "cnt.text.7d.debtor+institution"

#: Calendar days that a week of texts has, today among them.
WEEK = 7
#: Outcome of a call → what it counts as; None: told of not at all, or too late.
_OF_CALL: Mapping[str | None, frozenset[str]] = {
    None: frozenset((EFFECTIVE, CONNECTED, DIALS)),
    "interactive": frozenset((EFFECTIVE, CONNECTED)),
    "informing": frozenset((CONNECTED,)),
    "unanswered": frozenset((DIALS,)),
    "not_dialled": frozenset(),
}
#: They give the count back, when they are told in time.
NOTHING_DONE = frozenset(("not_dialled", "not_sent"))

_p, _o = tables.permit.c, tables.permit_outcome.c
_COLUMNS = (_p.id, _p.person_id, _p.number, _p.channel, _p.on_day, _p.asked_at, _o.outcome, _o.late)
_USES = (
    select(*_COLUMNS)
    .outerjoin(tables.permit_outcome, _o.permit_id == _p.id)
    .where(
        _p.tenant_id == bindparam("tenant"),
        _p.granted.is_(True),
        _p.on_day >= bindparam("since"),
        or_(
            _p.person_id.in_(bindparam("persons", expanding=True)), _p.number.in_(bindparam("numbers", expanding=True))
        ),
        # A permit that nobody used may be asked for any number of times.
        or_(_o.outcome.is_(None), _o.late.is_(True), _o.outcome.not_in(sorted(NOTHING_DONE))),
    )
)


@dataclass(frozen=True, slots=True)
class Use:
    """A granted permit as the counters see it."""

    person_id: str
    number: str | None
    channel: str
    on_day: date
    asked_at: datetime
    #: As told in time; None: not yet, never, or too late.
    outcome: str | None = None

    @property
    def counts(self) -> frozenset[str]:
        if self.channel in CALLS:
            return _OF_CALL[self.outcome]
        if self.outcome in NOTHING_DONE or self.channel != "sms":
            return frozenset()
        return frozenset((TEXTS, TEXTS_7D))


@dataclass(slots=True)
class Tally:
    """Uses of the last days, by debtor and by number."""

    _persons: dict[str, list[Use]] = field(default_factory=lambda: defaultdict(list))
    _numbers: dict[str, list[Use]] = field(default_factory=lambda: defaultdict(list))

    def add(self, use: Use) -> None:
        self._persons[use.person_id].append(use)
        if use.number is not None:
            self._numbers[use.number].append(use)

    def facts(self, *, person_id: str, number: str | None, on: date) -> dict[str, int]:
        """The counters as facts of the rules; dials to a number that nobody named are not known, and not in it."""
        own = self._persons.get(person_id, ())
        counts = {
            name: sum(name in use.counts and use.on_day == on for use in own) for name in (EFFECTIVE, CONNECTED, TEXTS)
        }
        counts[TEXTS_7D] = sum(on - use.on_day < timedelta(WEEK) for use in self.texts(person_id))
        if number is not None:
            counts[DIALS] = sum(DIALS in use.counts and use.on_day == on for use in self._numbers.get(number, ()))
        return counts

    def texts(self, person_id: str) -> Iterator[Use]:
        """Texts of the last week."""
        return (use for use in self._persons.get(person_id, ()) if TEXTS in use.counts)

    def connected_since(self, person_id: str, since: datetime) -> int:
        """Calls put through to the debtor since an instant: the rolling day, which only warns."""
        return sum(CONNECTED in use.counts and use.asked_at >= since for use in self._persons.get(person_id, ()))


def read_tally(
    connection: Connection, tenant_id: str, *, persons: Collection[str], numbers: Collection[str], on: date
) -> Tally:
    """What the ledger says of the debtors and numbers on day `on` and in the week before it."""
    tally = Tally()
    asked = {"tenant": tenant_id, "since": on - timedelta(WEEK - 1)}
    asked |= {"persons": sorted(persons), "numbers": sorted(numbers)}
    for row in connection.execute(_USES, asked):
        outcome = None if row.late else row.outcome
        tally.add(Use(row.person_id, row.number, row.channel, row.on_day, aware(row.asked_at), outcome))
    return tally


def last_letters(
    connection: Connection, tenant_id: str, persons: Collection[str] | Select[tuple[str]]
) -> dict[str, date]:
    """Person → day of the last letter that was permitted and may have been sent; `persons`: ids, or a query for them."""
    query = (
        select(_p.person_id, func.max(_p.on_day))
        .outerjoin(tables.permit_outcome, _o.permit_id == _p.id)
        .where(_p.tenant_id == tenant_id, _p.granted.is_(True), _p.channel == "letter", _p.person_id.in_(persons))
        .where(or_(_o.outcome.is_(None), _o.late.is_(True), _o.outcome != "not_sent"))
        .group_by(_p.person_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def hold(connection: Connection, tenant_id: str, names: Iterable[str]) -> None:
    """Waits until nobody else decides about these debtors, numbers and keys, and keeps them until the transaction ends.

    SQLite has one writer anyway. Everybody takes them in one order, so that nobody waits in a circle.
    """
    if connection.dialect.name != "postgresql":
        return
    keys = sorted({_lock_number(f"{tenant_id}/{name}") for name in names})
    take = text("SELECT count(pg_advisory_xact_lock(k)) FROM unnest(CAST(:keys AS bigint[])) AS k")
    connection.execute(take, {"keys": keys})


def aware(instant: datetime) -> datetime:
    """SQLite forgets the zone: what lies there is always UTC."""
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _lock_number(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
