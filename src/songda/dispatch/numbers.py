"""Giving numbers of a pre-allocated range to pieces: each number once, in order, never again.

The highest number that any piece holds is the end of what is used: numbers of refused or spoiled pieces stay used.
"""

from __future__ import annotations

from itertools import islice

from sqlalchemy import Connection, func, select

from songda.carriers import waybill_numbers
from songda.store import tables


def next_numbers(connection: Connection, bounds: tuple[str, str], count: int) -> list[str]:
    """The next `count` unused numbers of the range, or fewer when it ends before.

    Until the transaction ends nobody else is given numbers of this range: institutions may share a contract.
    """
    first, last = bounds
    if connection.dialect.name == "postgresql":
        # SQLite has one writer anyway.
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"waybills:{first}", 0))))
    number = tables.piece.c.waybill_no
    # Numbers of one range have one length and one prefix, so their order as text is their order.
    used = select(func.max(number)).where(number.between(first, last), func.length(number) == len(first))
    highest: str | None = connection.scalar(used)
    if highest is None:
        return list(islice(waybill_numbers(first, last), count))
    return list(islice(waybill_numbers(highest, last), 1, count + 1))
