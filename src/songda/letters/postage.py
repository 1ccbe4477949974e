"""Envelope, weight and postage of a letter, from its pages.

    products = load_products()
    choose(sheets=sheets_of(pages=3, duplex=True), zone="local", on=date(2026, 11, 24), products=products).envelope   # "zl"

Prices and limits are data (products.toml, valid-from days); this module only applies them.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from songda.base.errors import SongdaError
from songda.letters.windows import hides_address
from songda.letters.zones import A4_MM, Zone

ZONES = ("local", "other")


class TooHeavy(SongdaError):
    """`sheets`, `zone`: no envelope or product of the table carries them on that day."""

    zh = "没有可以承运 {sheets} 张纸的信封或邮寄产品（{zone}）"
    remedy = "请减少附件页数，或者在邮资表中补充产品"
    exit_code = 78


class BadProducts(SongdaError):
    """`reason`: what is wrong in the table."""

    zh = "信封与邮资表 {file} 不可用：{reason}"
    remedy = "请按提示修改；样例为 songda/letters/products.toml，见 docs/press.zh-CN.md"
    exit_code = 78


@dataclass(frozen=True, slots=True)
class Envelope:
    code: str
    name_zh: str
    empty_g: float
    max_sheets: int
    #: Inside, millimetres.
    width: float = 230.0
    height: float = 120.0
    #: What of page 1 lies in front once the sheet is folded, from its upper edge, millimetres.
    panel: float = 99.0
    #: Cut-outs, millimetres from the upper left corner inside; none: a label is stuck on the closed envelope.
    windows: tuple[Zone, ...] = ()


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
    """The table at `path`. Raises BadProducts."""
    try:
        data = tomllib.loads(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise BadProducts(file=path.name, reason="读不了，或不是有效的 TOML") from None
    try:
        envelopes = sorted((_envelope(row) for row in data["envelope"]), key=lambda envelope: envelope.max_sheets)
        products = Products(
            sheet_g=float(data["paper"]["sheet_g"]),
            duplex=bool(data["paper"]["duplex"]),
            envelopes=tuple(envelopes),
            products=tuple(Product(**row) for row in data["product"]),
        )
        reason = next(_wrong(products), "")
    except (KeyError, TypeError, ValueError, AttributeError):
        reason = "应有 paper、envelope 和 product，各项名称与样例一致"
    if reason:
        raise BadProducts(file=path.name, reason=reason)
    return products


def _envelope(row: Mapping[str, Any]) -> Envelope:
    windows = tuple(Zone(**{name: float(value) for name, value in window.items()}) for window in row.get("windows", ()))
    return Envelope(**{**row, "windows": windows})


def _wrong(products: Products) -> Iterator[str]:
    """What nobody can have meant."""
    if not products.envelopes or not products.products or products.sheet_g <= 0:
        yield "至少要有一种信封、一种产品，纸张克重应大于零"
    for envelope in products.envelopes:
        if envelope.empty_g <= 0 or envelope.max_sheets < 1:
            yield f"信封 {envelope.code} 的克重和张数应大于零"
        if envelope.width < A4_MM[0] or not 0 < envelope.panel <= min(envelope.height, A4_MM[1]):
            yield f"信封 {envelope.code} 装不下折好的纸：内宽至少 210 毫米，panel 不大于内高"
        if hides_address(envelope):
            yield f"信封 {envelope.code} 的窗口会挡住收件地址：纸张在信封中可以滑动，请加大窗口或折页高度"
    for product in products.products:
        if product.zone not in ZONES or type(product.valid_from) is not date:
            yield f"产品 {product.code} 的 zone 应为 local 或 other，valid_from 应为日期"
        if min(product.max_g, product.first_g, product.step_g) < 1 or min(product.first_fen, product.step_fen) < 0:
            yield f"产品 {product.code} 的克数应大于零，价格不能为负"


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
