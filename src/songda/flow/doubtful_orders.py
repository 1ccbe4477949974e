"""What the carrier's people say about orders whose answer was lost: the number that they gave, or that they never got it.

for order in open_orders(connection, tenant): ...
settle(engine, tenant, "01m8…-1", waybill_no="9800000000006", by="ops-7", at=now)
"""

from __future__ import annotations

import unicodedata
from datetime import datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from songda.base.errors import SongdaError
from songda.carriers import waybill_fault
from songda.dispatch import DoubtfulOrder, WaybillTaken, doubtful_orders, settle_order
from songda.flow.audit import write_audit
from songda.flow.tenants import Tenant

_FAULTS_ZH = {"shape": "格式与合同约定的不符", "check_digit": "校验位不对"}


class BadWaybill(SongdaError):
    zh = "运单号有误：{fault}"
    remedy = "请照承运商给出的运单号逐位核对；合同的号码格式见机构档案 [carrier] number_pattern"
    exit_code = 65


def open_orders(connection: Connection, tenant: Tenant) -> list[DoubtfulOrder]:
    """The tenant's orders that wait for a person, the oldest first."""
    return doubtful_orders(connection, tenant_id=tenant.id)


def settle(
    engine: Engine, tenant: Tenant, order_no: str, *, waybill_no: str | None, by: str, at: datetime
) -> DoubtfulOrder:
    """Takes down what the carrier said: its number for the order, or None: it never got it, and the order leaves again.

    `by`: id of the one who answers for it; kept in the audit log. Raises BadWaybill, UnknownOrder, OtherWaybill,
    WaybillTaken, and Conflict when a run has just settled it.
    """
    number = None if waybill_no is None else _clean(waybill_no)
    if number is not None and (fault := waybill_fault(number, pattern=tenant.profile.carrier.number_pattern)):
        raise BadWaybill(fault=_FAULTS_ZH[fault])
    try:
        with engine.begin() as connection:
            order = settle_order(connection, tenant_id=tenant.id, order_no=order_no, waybill_no=number, at=at)
            write_audit(
                connection,
                at=at,
                actor=by,
                action="order.settled",
                object_id=order_no,
                details={"outcome": "not_accepted" if number is None else "found", "waybill_no": number},
            )
    except IntegrityError:
        # Another settled one with the same number in this very moment.
        raise WaybillTaken(waybill_no=number) from None
    return order


def _clean(text: str) -> str:
    """As the number is written: people paste it in groups, in small letters or in full-width digits."""
    return "".join(unicodedata.normalize("NFKC", text).split()).upper()
