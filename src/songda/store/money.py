"""Money that a tenant allows for letters, in fen: granted, reserved, spent; every booking in a journal that is only added to.

    account = grant(connection, tenant_id, scope="batch", period=batch_id, fen=5_000_000, at=now)
    refused = reserve(connection, [Cost("att_…", "ltr_…", 1200)], accounts=[account], at=now)

An account has three parts: free, reserved and spent; what is granted is their sum, and none is ever negative: the database
holds it. A booking takes fen from one part to another:

    grant     limit    → free          reserve   free     → reserved
    withdraw  free     → limit         commit    reserved → spent
                                       release   reserved → free

Reserving is asked for; commit and release follow the transitions of attempts, pieces and letters (`follow_money`, called by
`move`), in their transaction: no crash parts the money from the letter. Repeating any of it books nothing.

An attempt pays for its first envelope. A piece that goes in place of one that the carrier has lost pays for itself; one that
is printed anew because the factory spoiled the last takes over what that had (`take_over`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, select, update

from songda.base import ids
from songda.store import tables
from songda.store.rows import chunks, insert_missing

#: (object, state to which it goes) → to which part its reservations go.
FOLLOWS: Mapping[tuple[str, str], str] = {
    ("attempt", "locked"): "spent",
    ("piece", "handed_over"): "spent",
    **dict.fromkeys((("piece", state) for state in ("pulled", "spoiled")), "released"),
    **dict.fromkeys((("attempt", state) for state in ("dropped", "failed", "no_place")), "released"),
    **dict.fromkeys(
        (("letter", state) for state in ("rejected", "held", "not_sent", "withdrawn", "closed")), "released"
    ),
}
_PARTS = ("limit", "free", "reserved", "spent")

_c, _r, _b = tables.account.c, tables.reservation.c, tables.booking.c


class Cost(NamedTuple):
    """What something will cost."""

    #: The attempt, or the piece that goes in place of a lost one.
    object_id: str
    letter_id: str
    fen: int


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    #: batch | month
    scope: str
    #: Id of the batch, or 2026-11.
    period: str
    granted_fen: int
    reserved_fen: int
    spent_fen: int

    @property
    def free_fen(self) -> int:
        return self.granted_fen - self.reserved_fen - self.spent_fen


@dataclass(frozen=True, slots=True)
class Booking:
    """One line of the journal."""

    seq: int
    account_id: str
    #: What is paid for, or the account itself.
    object_id: str
    source: str
    target: str
    fen: int
    at: datetime


def grant(connection: Connection, tenant_id: str, *, scope: str, period: str, fen: int, at: datetime) -> str:
    """The account of the tenant for `period`, with `fen` granted in all; returns its id.

    A smaller grant than before takes back what is free, and not more: what is reserved or spent stays.
    """
    own = {"tenant_id": tenant_id, "scope": scope, "period": period}
    nothing = dict.fromkeys(("granted_fen", "reserved_fen", "spent_fen"), 0)
    insert_missing(connection, tables.account, [{"id": ids.new("acc")} | own | nothing])
    which = (_c.tenant_id == tenant_id) & (_c.scope == scope) & (_c.period == period)
    account = _locked(connection, which)[0]
    change = max(fen, account.reserved_fen + account.spent_fen) - account.granted_fen
    if change:
        done = connection.scalar(select(func.count()).where(_b.account_id == account.id, _b.object_id == account.id))
        source, target = ("limit", "free") if change > 0 else ("free", "limit")
        line = (account.id, account.id, done or 0, source, target, abs(change))
        _book(connection, [line], at=at)
    return account.id


def reserve(connection: Connection, costs: Sequence[Cost], *, accounts: Sequence[str], at: datetime) -> frozenset[str]:
    """Reserves in each of `accounts` what things will cost, in the order given; returns the ids of those that do not fit.

    What has a reservation already gets the new amount in the accounts that bear it, and keeps the old one where the new one
    does not fit. What is spent stays as it is. Another may still fit behind one that does not.
    """
    objects = [each.object_id for each in costs]
    bearing = {account for account, _ in _reservations(connection, objects)}
    free = {each.id: each.free_fen for each in _locked(connection, _c.id.in_(bearing.union(accounts)))}
    # Read again: they may have been released before their accounts were held.
    standing = _reservations(connection, objects)
    own: dict[str, list[str]] = defaultdict(list)
    for (account, object_id), row in sorted(standing.items()):
        if row.state != "released":
            own[object_id].append(account)
    refused: set[str] = set()
    lines: list[tuple[str, str, int, str, str, int]] = []
    fresh: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for object_id, letter_id, fen in costs:
        rows = {account: standing.get((account, object_id)) for account in own.get(object_id, accounts)}
        more = {
            account: 0 if row and row.state == "spent" else fen - (row.fen if row and row.state == "reserved" else 0)
            for account, row in rows.items()
        }
        if any(more[account] > free[account] for account in rows):
            refused.add(object_id)
            continue
        for account, row in rows.items():
            change = more[account]
            if change == 0 and row:
                continue
            free[account] -= change
            round_ = row.round + 1 if row else 0
            if change:
                parts = ("free", "reserved") if change > 0 else ("reserved", "free")
                lines.append((account, object_id, round_, *parts, abs(change)))
            # What costs nothing is noted too: once it is spent, no price comes after it.
            now = {"fen": fen, "state": "reserved", "round": round_}
            if row:
                changed.append({"the_account": account, "the_object": object_id, **now})
            else:
                fresh.append({"account_id": account, "object_id": object_id, "letter_id": letter_id, **now})
    if fresh:
        connection.execute(insert(tables.reservation), fresh)
    _change(connection, changed)
    _book(connection, lines, at=at)
    return frozenset(refused)


def follow_money(connection: Connection, object: str, ids_: Sequence[str], *, target: str, at: datetime) -> None:
    """Commits or releases what is reserved for the things `ids_` that have just gone to the state `target`."""
    state = FOLLOWS.get((object, target))
    if state is None:
        return
    if object == "piece":
        ids_ = _paying(connection, ids_)
    key = _r.letter_id if object == "letter" else _r.object_id
    for part in chunks(ids_):
        which = key.in_(part) & (_r.state == "reserved")
        touched = list(connection.scalars(select(_r.account_id).where(which).distinct()))
        if not touched:
            continue
        # The accounts first, in one order: two workers that booked on each other's would wait for ever.
        _locked(connection, _c.id.in_(touched))
        rows = connection.execute(select(tables.reservation).where(which).order_by(_r.account_id, _r.object_id)).all()
        _change(
            connection,
            [
                {"the_account": row.account_id, "the_object": row.object_id, "fen": row.fen, "state": state}
                | {"round": row.round + 1}
                for row in rows
            ],
        )
        to = "spent" if state == "spent" else "free"
        _book(
            connection,
            [(row.account_id, row.object_id, row.round + 1, "reserved", to, row.fen) for row in rows if row.fen],
            at=at,
        )


def take_over(connection: Connection, successors: Mapping[str, str], *, at: datetime) -> None:
    """Reserves for pieces made anew what was released for the spoiled ones, in the same accounts (spoiled → new piece).

    In the transaction of the release: the account is held, so that nobody else can have taken it meanwhile.
    """
    bearing: dict[str, list[Any]] = defaultdict(list)
    for (_, object_id), row in sorted(_reservations(connection, _paying(connection, sorted(successors))).items()):
        bearing[object_id].append(row)
    for object_id, rows in bearing.items():
        cost = Cost(successors[object_id], rows[0].letter_id, rows[0].fen)
        if reserve(connection, [cost], accounts=[row.account_id for row in rows], at=at):
            raise AssertionError("money that this transaction has released is gone")


def read_accounts(connection: Connection, tenant_id: str) -> list[Account]:
    """All accounts of the tenant, months first, then batches in the order in which they were opened."""
    query = select(tables.account).where(_c.tenant_id == tenant_id).order_by(_c.scope.desc(), _c.id)
    return [_account(row) for row in connection.execute(query)]


def reserved_for(connection: Connection, account_id: str, attempt_ids: Collection[str]) -> int:
    """Fen that are reserved in the account for these attempts."""
    total = 0
    for part in chunks(sorted(attempt_ids)):
        query = select(func.sum(_r.fen)).where(
            _r.account_id == account_id, _r.object_id.in_(part), _r.state == "reserved"
        )
        total += int(connection.scalar(query) or 0)
    return total


def read_journal(connection: Connection, account_id: str) -> list[Booking]:
    """Every booking on the account, first to last."""
    query = (
        select(_b.seq, _b.account_id, _b.object_id, _b.source, _b.target, _b.fen, _b.at)
        .where(_b.account_id == account_id)
        .order_by(_b.seq)
    )
    rows = connection.execute(query).all()
    return [Booking(*row[:-1], row.at if row.at.tzinfo else row.at.replace(tzinfo=UTC)) for row in rows]


def out_of_balance(connection: Connection, tenant_id: str) -> dict[str, dict[str, tuple[int, int]]]:
    """Accounts whose parts are not what journal and reservations come to: id → part → (stands, should); none: all balance."""
    wrong: dict[str, dict[str, tuple[int, int]]] = {}
    for account in read_accounts(connection, tenant_id):
        parts: dict[str, int] = defaultdict(int)
        sums = select(_b.source, _b.target, func.sum(_b.fen)).where(_b.account_id == account.id)
        for source, target, fen in connection.execute(sums.group_by(_b.source, _b.target)):
            parts[source] -= int(fen)
            parts[target] += int(fen)
        by_state = select(_r.state, func.sum(_r.fen)).where(_r.account_id == account.id).group_by(_r.state)
        held = {state: int(fen) for state, fen in connection.execute(by_state)}
        stands = {
            "free": (account.free_fen, parts["free"]),
            "reserved": (account.reserved_fen, parts["reserved"]),
            "spent": (account.spent_fen, parts["spent"]),
            "granted": (account.granted_fen, -parts["limit"]),
            "reservations": (account.reserved_fen, held.get("reserved", 0)),
            "commitments": (account.spent_fen, held.get("spent", 0)),
        }
        differing = {name: pair for name, pair in stands.items() if pair[0] != pair[1]}
        if differing:
            wrong[account.id] = differing
    return wrong


def _locked(connection: Connection, which: Any) -> list[Account]:
    """The accounts, held until the transaction ends, in the order of their ids."""
    query = select(tables.account).where(which).order_by(_c.id).with_for_update()
    return [_account(row) for row in connection.execute(query).all()]


def _reservations(connection: Connection, object_ids: Sequence[str]) -> dict[tuple[str, str], Any]:
    return {
        (row.account_id, row.object_id): row
        for part in chunks(object_ids)
        for row in connection.execute(select(tables.reservation).where(_r.object_id.in_(part)))
    }


def _paying(connection: Connection, piece_ids: Sequence[str]) -> list[str]:
    """Those of the pieces that may have a reservation of their own: an attempt's first never has."""
    p = tables.piece.c
    return [
        piece
        for part in chunks(piece_ids)
        for piece in connection.scalars(select(p.id).where(p.id.in_(part), p.copy > 1).order_by(p.id))
    ]


def _change(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        one = (_r.account_id == bindparam("the_account")) & (_r.object_id == bindparam("the_object"))
        connection.execute(update(tables.reservation).where(one), list(rows))


def _book(connection: Connection, lines: Iterable[tuple[str, str, int, str, str, int]], *, at: datetime) -> None:
    """Writes the journal, and the sums of its accounts."""
    lines = list(lines)
    if not lines:
        return
    instant = at.astimezone(UTC)
    names = ("account_id", "object_id", "round", "source", "target", "fen")
    connection.execute(
        insert(tables.booking), [dict(zip(names, line, strict=True)) | {"at": instant} for line in lines]
    )
    changes: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(_PARTS, 0))
    for account, _, _, source, target, fen in lines:
        changes[account][source] -= fen
        changes[account][target] += fen
    for account, parts in sorted(changes.items()):
        connection.execute(
            update(tables.account)
            .where(_c.id == account)
            .values(
                granted_fen=_c.granted_fen - parts["limit"],
                reserved_fen=_c.reserved_fen + parts["reserved"],
                spent_fen=_c.spent_fen + parts["spent"],
            )
        )


def _account(row: Any) -> Account:
    return Account(row.id, row.scope, row.period, row.granted_fen, row.reserved_fen, row.spent_fen)
