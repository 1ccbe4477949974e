"""Which accounts bear a letter, and what of them is left.

A batch has its own account with what the profile allows for one run (`budget.max_fen_per_run`); where the profile also states
`max_fen_per_month`, the calendar month in which a letter is first reserved bears it too. A drill costs nothing outside and
touches no month. Reserving at the decision is by the dearest first step of the tariff, at the rendering by the exact quote;
both happen in the transaction that moves the letter (songda.store.money). A piece in place of a lost one is quoted and paid for
by itself, in the month in which it is made (decision 008).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select, update

from songda.base.days import business_day
from songda.base.errors import SongdaError
from songda.flow.tenants import Tenant
from songda.letters import Products, TooHeavy, choose
from songda.store import Cost, chunks, grant, read_accounts, reserve, tables


class UnknownAccount(SongdaError):
    zh = "没有账户 {account}"
    remedy = "账户编号可用 songda money show 查看"
    exit_code = 65


#: Reason of letters for which no money is left.
OVER_BUDGET = "over_budget"

_n, _r = tables.attempt.c, tables.reservation.c


def open_accounts(connection: Connection, tenant: Tenant, batch: Any, *, at: datetime) -> tuple[str, ...]:
    """Ids of the accounts that bear letters of the batch from `at` on, with what the profile grants now; none: no limit stated."""
    budget = tenant.profile.budget
    granted = []
    if budget.max_fen_per_run is not None:
        granted.append(("batch", batch.id, budget.max_fen_per_run))
    if budget.max_fen_per_month is not None and not batch.drill:
        granted.append(("month", f"{business_day(at):%Y-%m}", budget.max_fen_per_month))
    return tuple(
        grant(connection, tenant.id, scope=scope, period=period, fen=fen, at=at) for scope, period, fen in granted
    )


def left_fen(connection: Connection, tenant: Tenant, accounts: Collection[str], batch_id: str) -> int | None:
    """What letters of the batch may still cost, with what is reserved for them already; None: the tenant states no budget."""
    standing = [each for each in read_accounts(connection, tenant.id) if each.id in accounts]
    if not any(each.scope == "batch" for each in standing):
        return None
    own = (
        select(_r.account_id, func.sum(_r.fen))
        .join(tables.letter, tables.letter.c.id == _r.letter_id)
        .where(tables.letter.c.batch_id == batch_id, _r.state == "reserved")
        .group_by(_r.account_id)
    )
    reserved = {account: int(fen) for account, fen in connection.execute(own)}
    return min(each.free_fen + reserved.get(each.id, 0) for each in standing)


def zone_of(tenant: Tenant, province: str) -> str:
    """The zone of the tariff for an address in `province`."""
    return "local" if province == tenant.profile.carrier.sender.prov else "other"


class _Quoted(NamedTuple):
    id: str
    letter_id: str
    sheets: int
    zone: str
    product: str
    price_fen: int


def recheck(
    connection: Connection, attempts: Sequence[str], *, products: Products, on: date, at: datetime
) -> frozenset[str]:
    """Quotes the attempts anew by the tariff of the day `on`; returns those whose new price no account bears.

    An attempt whose price has changed gets the new price and its reservation the new amount.
    """
    columns = (_n.id, _n.letter_id, _n.sheets, _n.zone, _n.product, _n.price_fen)
    refused: set[str] = set()
    changed: list[tuple[_Quoted, str, int]] = []
    for part in chunks(attempts):
        query = select(*columns).where(_n.id.in_(part), _n.zone.is_not(None), _n.sheets.is_not(None)).order_by(_n.id)
        for row in connection.execute(query):
            quoted = _Quoted(*row)
            try:
                now = choose(sheets=quoted.sheets, zone=quoted.zone, on=on, products=products)
            except TooHeavy:
                refused.add(quoted.id)
                continue
            if (now.product, now.price_fen) != (quoted.product, quoted.price_fen):
                changed.append((quoted, now.product, now.price_fen))
    costs = [Cost(quoted.id, quoted.letter_id, fen) for quoted, _, fen in changed]
    refused |= reserve(connection, costs, accounts=(), at=at)
    rows = [
        {"the_id": quoted.id, "product": product, "price_fen": fen}
        for quoted, product, fen in changed
        if quoted.id not in refused
    ]
    if rows:
        connection.execute(update(tables.attempt).where(_n.id == bindparam("the_id")), rows)
    return frozenset(refused)


def pay_again(
    connection: Connection,
    tenant: Tenant,
    batch_id: str,
    lost: Mapping[str, Any],
    *,
    products: Products,
    on: date,
    at: datetime,
) -> frozenset[str]:
    """Reserves what pieces in place of lost ones cost on the day `on`; returns those that no account bears.

    `lost`: new piece → row of its attempt (letter_id, sheets, zone, price_fen).
    """
    if not lost:
        return frozenset()
    batch = connection.execute(select(tables.batch).where(tables.batch.c.id == batch_id)).one()
    accounts = open_accounts(connection, tenant, batch, at=at)
    refused: set[str] = set()
    costs = []
    for piece, attempt in lost.items():
        try:
            costs.append(Cost(piece, attempt.letter_id, _price_fen(attempt, products=products, on=on)))
        except TooHeavy:
            refused.add(piece)
    return reserve(connection, costs, accounts=accounts, at=at) | refused


def _price_fen(attempt: Any, *, products: Products, on: date) -> int:
    """What the attempt's envelope costs on that day. Raises TooHeavy."""
    if attempt.sheets is None or attempt.zone is None:
        return attempt.price_fen or 0
    return choose(sheets=attempt.sheets, zone=attempt.zone, on=on, products=products).price_fen
