"""Numbers of one range are given once, also to institutions that order at the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from posted import BOTH
from sqlalchemy import Engine, select

from songda.dispatch.intents import set_waybill
from songda.dispatch.numbers import next_numbers
from songda.store import tables

RANGE = ("1100000000001", "1100000000099")


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_who_orders_at_the_same_time_gets_other_numbers(database: Engine, fill: Callable[..., None]) -> None:
    fill(4)
    start = threading.Barrier(4)

    def take(piece: str) -> None:
        start.wait()
        with database.begin() as connection:
            (number,) = next_numbers(connection, RANGE, 1)
            time.sleep(0.05)
            set_waybill(connection, {piece: number})

    threads = [threading.Thread(target=take, args=(f"pie_{n:03d}",)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.connect() as connection:
        given = set(connection.scalars(select(tables.piece.c.waybill_no)))
    assert given == {f"110000000000{n}" for n in range(1, 5)}
