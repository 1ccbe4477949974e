"""One tenant's contract with China Post / EMS: everything that a contract, not the published format, decides.

Product codes, number ranges and the idempotency of orders were found in no public source: none of them is a constant.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from songda.carriers.envelope import Envelope
from songda.carriers.errors import BadContract
from songda.carriers.waybill import waybill_numbers


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

    def __post_init__(self) -> None:
        url = urlsplit(self.endpoint)
        if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url.hostname or "")):
            raise BadContract(setting="endpoint", reason="必须使用 https")
        for setting in ("sender_no", "authorization", "biz_product_no"):
            if not getattr(self, setting):
                raise BadContract(setting=setting, reason="不能为空")
        try:
            pattern = re.compile(self.number_pattern)
        except re.error:
            raise BadContract(setting="number_pattern", reason="不是有效的正则表达式") from None
        if self.number_range is not None:
            try:
                waybill_numbers(*self.number_range)
            except ValueError:
                raise BadContract(setting="number_range", reason="号段首尾不成一段") from None
            if not all(pattern.fullmatch(end) for end in self.number_range):
                raise BadContract(setting="number_range", reason="号段与运单号格式不符")
        self.envelope()

    def envelope(self) -> Envelope:
        """The envelope under this contract's key."""
        return Envelope(self.sign_key or self.authorization)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
