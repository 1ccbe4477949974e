"""One tenant's contract with China Post / EMS: everything that a contract, not the published format, decides.

Product codes, number ranges and the idempotency of orders were found in no public source: none of them is a constant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from songda.carriers.endpoint import endpoint_fault
from songda.carriers.envelope import Envelope
from songda.carriers.errors import BadContract
from songda.carriers.waybill import waybill_numbers

#: Setting → pattern of its whole value (values of 《中小电商企业接口规范 V2.7》 where it names them), and what to say.
_SHAPES = {
    "sender_no": (r"[0-9A-Za-z_-]{1,32}", "应为字母或数字"),
    "biz_product_no": (r"[0-9A-Za-z]{1,16}", "应为字母或数字"),
    "product_code": (r"[0-9]{15}", "应为 15 位数字"),
    "contents_attribute": (r"[1-4]", "应为 1 文件、2 信函、3 物品、4 包裹之一"),
    "pickup_type": (r"[01]", "应为 0 自送或 1 上门揽收"),
    "payment_mode": (r"[1-7]", "应为 1 至 7"),
    "label_type": (r"129|149|179", "应为 129、149 或 179"),
    "project_id": (r"[0-9A-Za-z_-]{1,50}", "应为字母或数字"),
    "user_code": (r"[0-9A-Za-z_-]{1,50}", "应为字母或数字"),
}
_BOUNDS = {
    "timeout_s": (0.05, 300),
    "query_attempts": (1, 20),
    "calls_per_s": (0.01, 10_000),
    "cut_after_calls": (1, 10_000),
    "cut_seconds": (0.01, 3600),
    "clock_tolerance_s": (1, 86_400),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractConfig:
    """Raises BadContract for a setting that cannot be used. Secrets stay out of `repr`."""

    #: URL of the open platform. https, or any scheme on the loopback interface (a stand-in).
    endpoint: str
    #: 协议客户号.
    sender_no: str
    authorization: str = field(repr=False)
    #: Newer accounts have a sign key of their own; older ones sign with the authorization.
    sign_key: str | None = field(default=None, repr=False)
    #: `bizProductNo` of the orders: 1 特快专递, 2 快递包裹, 11 国内标快, … as contracted for letters.
    biz_product_no: str
    #: 15-digit sellable product, for estimates of postage (050005); None: estimates are not contracted.
    product_code: str | None = None
    #: 1 文件, 2 信函, 3 物品, 4 包裹.
    contents_attribute: str = "1"
    #: 0 we bring the items, 1 the carrier collects.
    pickup_type: str = "1"
    #: 1 the sender pays.
    payment_mode: str = "1"
    #: Id of a special project (government and legal mail), if the contract names one.
    project_id: str | None = None
    #: `userCode`, if the contract names one.
    user_code: str | None = None
    #: 129 → 76×129 mm, 149 → 76×149 mm, 179 → 100×180 mm.
    label_type: str = "129"
    #: What a waybill number of this contract looks like (regular expression, whole number).
    number_pattern: str = "[0-9]{13}"
    #: First and last of the numbers handed out to us in advance; None: the carrier allots numbers.
    number_range: tuple[str, str] | None = None
    #: Whether the contract promises that an order repeated under the same order number is one order.
    orders_idempotent: bool = False
    #: Seconds to wait for an answer.
    timeout_s: float = 15.0
    #: How often a read-only query is tried in all.
    query_attempts: int = 4
    #: Calls a second, all operations together; None: as fast as the carrier answers. The platform's limit is in no
    #: public source.
    calls_per_s: float | None = None
    #: Calls in a row without an answer after which the carrier is left alone, and for how many seconds.
    cut_after_calls: int = 20
    cut_seconds: float = 30.0
    #: Seconds by which our clock and the carrier's may differ. The platform's own window is in no public source.
    clock_tolerance_s: float = 120.0

    def __post_init__(self) -> None:
        if fault := endpoint_fault(self.endpoint):
            raise BadContract(setting="endpoint", reason=fault)
        for setting in ("sender_no", "authorization", "biz_product_no"):
            if not getattr(self, setting):
                raise BadContract(setting=setting, reason="不能为空")
        for setting, (pattern, told) in _SHAPES.items():
            value = getattr(self, setting)
            if value is not None and not re.fullmatch(pattern, value):
                raise BadContract(setting=setting, reason=told)
        for setting, (least, most) in _BOUNDS.items():
            value = getattr(self, setting)
            if value is not None and not least <= value <= most:
                raise BadContract(setting=setting, reason=f"应在 {least:g} 与 {most:g} 之间")
        try:
            number = re.compile(self.number_pattern)
        except re.error:
            raise BadContract(setting="number_pattern", reason="不是有效的正则表达式") from None
        if self.number_range is not None:
            try:
                waybill_numbers(*self.number_range)
            except ValueError:
                raise BadContract(setting="number_range", reason="号段首尾不成一段") from None
            if not all(number.fullmatch(end) for end in self.number_range):
                raise BadContract(setting="number_range", reason="号段与运单号格式不符")
        self.envelope()

    def envelope(self) -> Envelope:
        """The envelope under this contract's key."""
        return _envelope_under(self.sign_key or self.authorization)


@lru_cache(maxsize=64)
def _envelope_under(key: str) -> Envelope:
    return Envelope(key)
