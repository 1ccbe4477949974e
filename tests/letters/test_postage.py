from dataclasses import replace
from datetime import date, timedelta

import pytest

from songda.letters import TooHeavy, choose, load_products, sheets_of, weigh
from songda.letters.postage import Envelope, Product, Products

DAY = date(2026, 11, 25)
PRODUCTS = Products(
    sheet_g=5.0,
    duplex=True,
    envelopes=(Envelope("small", "小", 8.0, 6), Envelope("large", "大", 20.0, 16)),
    products=(
        Product("slow", "慢", "local", date(2026, 1, 1), 50, 20, 120, 10, 50),
        Product("fast", "快", "local", date(2026, 1, 1), 90, 100, 900, 100, 0),
        Product("slow", "慢", "local", date(2026, 12, 1), 50, 20, 150, 10, 50),
    ),
)


@pytest.mark.parametrize(("pages", "duplex", "sheets"), [(1, True, 1), (2, True, 1), (3, True, 2), (3, False, 3)])
def test_both_sides_of_a_sheet_are_printed(pages: int, duplex: bool, sheets: int) -> None:
    assert sheets_of(pages=pages, duplex=duplex) == sheets


@pytest.mark.parametrize(("sheets", "envelope", "weight"), [(1, "small", 13), (6, "small", 38), (7, "large", 55)])
def test_37_the_smallest_envelope_that_takes_the_sheets_is_used(sheets: int, envelope: str, weight: int) -> None:
    chosen, grams = weigh(sheets=sheets, products=PRODUCTS)
    assert (chosen.code, grams) == (envelope, weight)


def test_weight_is_rounded_up_but_not_by_the_error_of_a_float() -> None:
    assert weigh(sheets=1, products=replace(PRODUCTS, sheet_g=0.1 + 0.2 - 0.3 + 5))[1] == 13
    assert weigh(sheets=1, products=replace(PRODUCTS, sheet_g=5.01))[1] == 14


@pytest.mark.parametrize(("weight", "price"), [(1, 120), (20, 120), (21, 170), (30, 170), (40, 220), (41, 270)])
def test_each_step_of_weight_begun_is_paid(weight: int, price: int) -> None:
    assert PRODUCTS.products[0].price_fen(weight) == price


def test_the_cheapest_product_that_carries_the_weight_is_chosen() -> None:
    assert choose(sheets=2, zone="local", on=DAY, products=PRODUCTS).product == "slow"
    heavy = choose(sheets=8, zone="local", on=DAY, products=PRODUCTS)
    assert (heavy.product, heavy.envelope, heavy.weight_g, heavy.price_fen) == ("fast", "large", 60, 900)


def test_a_price_holds_from_its_day_on() -> None:
    def price(on: date) -> int:
        return choose(sheets=2, zone="local", on=on, products=PRODUCTS).price_fen

    changed = date(2026, 12, 1)
    assert (price(changed - timedelta(1)), price(changed)) == (120, 150)


@pytest.mark.parametrize(
    ("sheets", "zone", "on"),
    [(17, "local", DAY), (15, "local", DAY), (1, "other", DAY), (1, "local", date(2025, 12, 31))],
    ids=["no envelope", "too many grams", "no product for the zone", "before the first price"],
)
def test_what_nothing_carries_is_too_heavy(sheets: int, zone: str, on: date) -> None:
    with pytest.raises(TooHeavy) as held:
        choose(sheets=sheets, zone=zone, on=on, products=PRODUCTS)
    assert held.value.data["sheets"] == sheets


def test_the_shipped_table_carries_a_letter_everywhere_and_stops_somewhere() -> None:
    products = load_products()
    one = choose(sheets=1, zone="local", on=DAY, products=products)
    assert (one.envelope, one.weight_g) == ("zl", 13)
    assert [weigh(sheets=sheets, products=products)[0].code for sheets in (6, 7, 12, 13, 60)] == [
        "zl",
        "c5",
        "c5",
        "c4",
        "c4",
    ]
    with pytest.raises(TooHeavy):
        weigh(sheets=61, products=products)
    assert choose(sheets=1, zone="other", on=DAY, products=products).price_fen > one.price_fen
