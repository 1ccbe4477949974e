"""An order whose answer is lost, under a contract that allots numbers itself and takes every order anew: a person asks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from songda.base import days
from songda.sim.carrier import SimContract, StandIn

ON = ("--as-of", "2026-11-24")
BY = ("--by", "ops-7")
FIRST = "9800000000006"


@pytest.fixture
def carrier() -> Iterator[StandIn]:
    with StandIn(SimContract(allots_from=FIRST, starts_at=days.at(date(2026, 11, 24), 8))) as post:
        yield post


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def house(request: pytest.FixtureRequest, desk: Any, carrier: StandIn) -> Any:
    """A desk with approved letters and the carrier's contract."""
    if request.param == "postgresql":
        import psycopg

        server = request.getfixturevalue("postgres_server")
        with psycopg.connect(f"{server.replace('+psycopg', '')}/postgres", autocommit=True) as admin:
            admin.execute("CREATE DATABASE doubtful_orders")
        desk.environ["SONGDA_DATABASE_URL"] = f"{server}/doubtful_orders"
    desk.environ |= {
        "SONGDA_EMS_AUTHORIZATION": carrier.contract.authorization,
        "SONGDA_EMS_SIGN_KEY": carrier.contract.sign_key or "",
    }
    desk.profile(desk.key(), ("@endpoint@", carrier.url))
    batch = desk.songda("run", desk.cases(12), "--out", "out", *ON, "--json").json["batch"]
    desk.songda("letters", "approve", batch, "--key", desk.folder / "lawyer.pem", "--yes", *ON)
    return desk


def resume(desk: Any) -> Any:
    return desk.songda("run", "--resume", "--out", "out", *ON, "--json").json


def doubts(desk: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk.songda("carrier", "doubts", "--json").json["orders"]
    return found


def runs(desk: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk.songda("press", "list", "--json").json["runs"]
    return sorted(found, key=lambda run: run["number"])


def test_a_lost_order_is_listed_asked_about_and_printed_under_the_number_that_the_carrier_gave(
    house: Any, carrier: StandIn
) -> None:
    carrier.fault("reset_after", api_code="020003", count=2)
    printed = resume(house)
    assert printed["waybills"] == printed["letters"] - 2 > 2
    assert printed["tasks"] == 2
    first, second = doubts(house)
    assert (first["remedy"], first["waybill_no"], first["known"]) == ("settle", None, "ReadError")
    said = house.songda("carrier", "doubts", environ={"COLUMNS": "250"}).out
    assert all(text in said for text in (first["order_no"], first["letter_no"], "连接中断", "songda carrier settle"))

    # Nothing is repeated meanwhile.
    assert resume(house)["waybills"] == printed["waybills"]
    assert carrier.stats()["orders"] == printed["letters"]

    posting = (house.folder / "out" / "runs" / "000001" / "manifest.csv").read_text("utf-8-sig")
    allotted = {str(int(FIRST) + n) for n in range(printed["letters"])}
    known = {number for number in allotted if number in posting}
    lost, other = sorted(allotted - known)
    settle = ("carrier", "settle", first["order_no"], *BY)

    # What cannot be true is refused, in Chinese, and changes nothing.
    house.songda(*settle, code=64)
    assert "只能写一个" in house.songda(*settle, "--waybill", lost, "--not-accepted", code=64).err
    assert "格式" in house.songda(*settle, "--waybill", lost[:-1], code=65).err
    assert "校验位" in house.songda(*settle, "--waybill", "LZ290346176CN", code=65).err
    assert "已用于另一件" in house.songda(*settle, "--waybill", min(known), code=65).err
    assert "没有待核实的订单" in house.songda("carrier", "settle", "nobody-1", "--waybill", lost, *BY, code=65).err
    assert "编号" in house.songda("carrier", "settle", first["order_no"], "--not-accepted", "--by", "张三", code=64).err
    assert len(doubts(house)) == 2

    # As people paste it: in groups, full-width.
    pasted = f"{lost[:4]} {lost[4:8]} " + "".join(chr(ord(digit) + 0xFEE0) for digit in lost[8:])
    found = house.songda(*settle, "--waybill", pasted, "--json").json
    assert (found["letter_no"], found["outcome"]) == (first["letter_no"], "found")
    house.songda(*settle, "--waybill", lost, code=65)
    assert "重新下单" in house.songda("carrier", "settle", second["order_no"], "--not-accepted", *BY).out
    assert doubts(house) == []

    # One is printed under the number that was found; the other leaves again, once.
    again = resume(house)
    assert (again["waybills"], again["tasks"]) == (printed["letters"], 0)
    assert [run["pieces"] for run in runs(house)] == [printed["letters"] - 2, 2]
    manifest = (house.folder / "out" / "runs" / "000002" / "manifest.csv").read_text("utf-8-sig")
    assert lost in manifest
    assert other not in manifest
    audit = house.songda("audit", "verify", "--json").json
    assert audit["breaks"] == []


def test_another_institution_neither_sees_nor_settles_the_order(desk: Any, carrier: StandIn) -> None:
    desk.environ |= {
        "SONGDA_EMS_AUTHORIZATION": carrier.contract.authorization,
        "SONGDA_EMS_SIGN_KEY": carrier.contract.sign_key or "",
    }
    public = desk.key()
    desk.profile(public, ("@endpoint@", carrier.url))
    desk.profile(public, ("@endpoint@", carrier.url), name="other")
    bank, other = ("--tenant", "bank"), ("--tenant", "other")
    batch = desk.songda("run", desk.cases(4), "--out", "out", *ON, *bank, "--json").json["batch"]
    desk.songda("letters", "approve", batch, "--key", desk.folder / "lawyer.pem", "--yes", *ON, *bank)
    carrier.fault("html_after", api_code="020003", count=1)
    desk.songda("run", "--resume", "--out", "out", *ON, *bank)
    (order,) = desk.songda("carrier", "doubts", *bank, "--json").json["orders"]
    assert desk.songda("carrier", "doubts", *other, "--json").json["orders"] == []
    desk.songda("carrier", "settle", order["order_no"], "--not-accepted", *BY, *other, code=65)
    assert desk.songda("carrier", "doubts", *bank, "--json").json["orders"] == [order]
    settled = "SELECT actor, details FROM audit WHERE action = 'order.settled'"
    assert desk.record(settled) == []
    desk.songda("carrier", "settle", order["order_no"], "--waybill", FIRST, *BY, *bank)
    ((actor, details),) = desk.record(settled)
    assert actor == "ops-7"
    assert FIRST in details
