"""Letters after the printing, and the carrier's events about them, without a carrier: for tests of facts and states."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import Engine, select, update

from songda.base import days
from songda.carriers import Event
from songda.dispatch import (
    HandOver,
    Settled,
    Told,
    accept_outcomes,
    doubts_of,
    hand_over,
    load_deadlines,
    settle,
    store_events,
)
from songda.store import history, tables
from songda.vault import DataKey

#: For tests that ask again and again.
EVERY_TIME = replace(load_deadlines(), ask_every_hours=dict.fromkeys(load_deadlines().ask_every_hours, 0))

BATCH, RUN, TENANT = "bat_1", "run_1", "ten_1"
POSTED = days.at(date(2026, 11, 24), 17)

#: For `pytest.mark.parametrize("database", BOTH, indirect=True)`.
BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


def waybill(number: int) -> str:
    return f"98{number:011d}"


def after(days_after: float, hour: float = 12) -> datetime:
    """An instant so many days after the posting."""
    return days.at(POSTED.date(), 0) + timedelta(days=days_after, hours=hour)


@dataclass
class House:
    database: Engine
    key: DataKey
    fill: Callable[..., None]

    def printed(self, count: int, **letter: Any) -> None:
        """`count` letters in their envelopes, the run balanced."""
        self.fill(count, letter=letter or None)
        p = tables.piece
        with self.database.begin() as connection:
            for number in range(1, count + 1):
                connection.execute(
                    update(p).where(p.c.id == f"pie_{number:03d}").values(state="enveloped", waybill_no=waybill(number))
                )
            connection.execute(update(tables.run).values(state="balanced"))

    def posted(self, count: int, at: datetime = POSTED, **letter: Any) -> HandOver:
        self.printed(count, **letter)
        return self.hand_over(at)

    def hand_over(self, at: datetime = POSTED) -> HandOver:
        return hand_over(self.database, run_id=RUN, at=at)

    def tell(self, number: int, *events: tuple[Any, ...], received_at: datetime | None = None) -> int:
        """Stores events about a letter: (days after the posting, hour, code[:qualifier], further fields)."""
        told = [Told(f"att_{number:03d}", event(number, *each), json.dumps(each[:3]).encode()) for each in events]
        with self.database.begin() as connection:
            return store_events(connection, key=self.key, told=told, received_at=received_at or after(30))

    def settle(self, days_after: float, hour: float = 12, **changes: Any) -> Settled:
        return settle(self.database, tenant_id=TENANT, at=after(days_after, hour), **changes)

    def rows(self, table: str, *names: str, where: str | None = None) -> list[Any]:
        """Columns of the rows, in the order of ids."""
        t = tables.metadata.tables[table]
        (first,) = t.primary_key.columns
        query = select(*(t.c[name] for name in names)).order_by(first)
        with self.database.connect() as connection:
            rows = connection.execute(query if where is None else query.where(first == where)).all()
        return [row[0] if len(names) == 1 else tuple(row) for row in rows]

    def attempt(self, number: int = 1) -> tuple[str, str | None, str | None]:
        """State, provisional grade, grade."""
        found: tuple[str, str | None, str | None]
        (found,) = self.rows("attempt", "state", "provisional_grade", "grade", where=f"att_{number:03d}")
        return found

    def way(self, object_id: str) -> list[str]:
        """The states that a thing went through."""
        with self.database.connect() as connection:
            return [step.target for step in history(connection, object_id)]

    def tasks(self, kind: str) -> list[tuple[str, str]]:
        """(state, reason) of the tasks of a kind, in their order."""
        return [(state, reason) for each, state, reason in self.rows("task", "kind", "state", "reason") if each == kind]

    def done(self, kind: str) -> None:
        """A person settles the open tasks of this kind."""
        t = tables.task
        with self.database.begin() as connection:
            connection.execute(update(t).where(t.c.kind == kind, t.c.state == "open").values(state="done"))

    def accept(self) -> None:
        """A person passes every outcome in doubt."""
        with self.database.begin() as connection:
            accept_outcomes(connection, doubts_of(connection, tenant_id=TENANT), at=after(40))

    def change(self, table: str, where: str | Iterable[str] | None = None, **values: Any) -> None:
        t = tables.metadata.tables[table]
        (first,) = t.primary_key.columns
        wanted = [where] if isinstance(where, str) else where
        change = update(t).values(**values)
        with self.database.begin() as connection:
            connection.execute(change if wanted is None else change.where(first.in_(list(wanted))))


def event(number: int, days_after: float, hour: float, code: str, more: dict[str, Any] | None = None) -> Event:
    op_code, _, qualifier = code.partition(":")
    fields: dict[str, Any] = {"waybill_no": waybill(number), "op_time": after(days_after, hour), "op_code": op_code}
    if qualifier:
        fields["deliver_code" if op_code == "704" else "attempt_code"] = qualifier
    return Event(**fields | {"office": "31000100"} | (more or {}))


def ship(desk: Any, at: datetime = POSTED) -> HandOver:
    """Orders, prints and posts what `fill` made, and gives it to the stand-in."""
    desk.order()
    desk.change("piece", state="enveloped")
    desk.change("run", state="balanced")
    handed = hand_over(desk.database, run_id=RUN, at=at)
    assert desk.stand_in.hand_over(handed.waybills, at=at) == []
    return handed


def pushed(contract: Any, serial_no: str, item: dict[str, str], *, form: bool = False) -> bytes:
    """The body of a push of one event, as the carrier makes it."""
    sealed = contract.envelope().seal_push(json.dumps(item, ensure_ascii=False).encode())
    fields = {"senderNo": contract.sender_no, "method": "040002", "serialNo": serial_no, "logitcsInterface": sealed}
    return urlencode(fields).encode() if form else json.dumps(fields).encode()
