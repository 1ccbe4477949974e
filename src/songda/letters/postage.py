"""Envelope, weight and postage of a letter, from its pages.

    products = load_products()
    choose(sheets=sheets_of(pages=3, duplex=True), zone="local", on=date(2026, 11, 24), products=products).envelope   # "zl"

Prices and limits are data (products.toml, valid-from days); this module only applies them.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from songda.base.errors import SongdaError


class TooHeavy(SongdaError):
    """`sheets`, `zone`: no envelope or product of the table carries them on that day."""

    zh = "没有可以承运 {sheets} 张纸的信封或邮寄产品（{zone}）"
    remedy = "请减少附件页数，或者在邮资表中补充产品"
    exit_code = 78


@dataclass(frozen=True, slots=True)
class Envelope:
    code: str
    name_zh: str
    empty_g: float
    max_sheets: int


@dataclass(frozen=True, slots=True)
class Product:
    code: str
    name_zh: str
    zone: str
    valid_from: date
    max_g: int
    first_g: int
    first_fen: int
    step_g: int
    step_fen: int

    def price_fen(self, weight_g: int) -> int:
        """What `weight_g` costs; each step begun is paid."""
        steps = max(0, math.ceil((weight_g - self.first_g) / self.step_g))
        return self.first_fen + steps * self.step_fen


@dataclass(frozen=True, slots=True)
class Products:
    sheet_g: float
    duplex: bool
    #: Smallest first.
    envelopes: tuple[Envelope, ...]
    products: tuple[Product, ...]


@dataclass(frozen=True, slots=True)
class Postage:
    #: Code of the envelope.
    envelope: str
    #: Code of the carrier's product.
    product: str
    sheets: int
    #: Envelope and sheets, grams, rounded up.
    weight_g: int
    #: What the carrier charges, fen, tax included.
    price_fen: int
    #: Zone of the tariff for which that holds.
    zone: str


def load_products(path: Path = Path(__file__).parent / "products.toml") -> Products:
    data = tomllib.loads(path.read_text("utf-8"))
    envelopes = sorted((Envelope(**row) for row in data["envelope"]), key=lambda envelope: envelope.max_sheets)
    return Products(
        sheet_g=data["paper"]["sheet_g"],
        duplex=data["paper"]["duplex"],
        envelopes=tuple(envelopes),
        products=tuple(Product(**row) for row in data["product"]),
    )


def sheets_of(*, pages: int, duplex: bool) -> int:
    return math.ceil(pages / 2) if duplex else pages


def weigh(*, sheets: int, products: Products) -> tuple[Envelope, int]:
    """The smallest envelope that takes `sheets`, and the weight of both in grams, rounded up. Raises TooHeavy."""
    for envelope in products.envelopes:
        if sheets <= envelope.max_sheets:
            return envelope, math.ceil(round(envelope.empty_g + sheets * products.sheet_g, 6))
    raise TooHeavy(sheets=sheets, zone="")


def choose(*, sheets: int, zone: str, on: date, products: Products) -> Postage:
    """The cheapest product that carries `sheets` A4 sheets to `zone` on day `on`; a price holds from its `valid_from` on.

    Raises TooHeavy when none does.
    """
    envelope, weight_g = weigh(sheets=sheets, products=products)
    in_force: dict[str, Product] = {}
    for product in sorted(products.products, key=lambda product: product.valid_from):
        if product.zone == zone and product.valid_from <= on:
            in_force[product.code] = product
    fitting = [product for product in in_force.values() if weight_g <= product.max_g]
    if not fitting:
        raise TooHeavy(sheets=sheets, zone=zone)
    cheapest = min(fitting, key=lambda product: (product.price_fen(weight_g), product.code))
    return Postage(envelope.code, cheapest.code, sheets, weight_g, cheapest.price_fen(weight_g), zone)
