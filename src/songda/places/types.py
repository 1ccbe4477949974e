"""What kind of place an address names, told from its parts: who may be met there, and who takes letters.

>>> place_type(village="李家村", group="3", poi=None, room="12", text="…")
'village'
>>> place_type(village=None, group=None, poi="宏达电子厂宿舍", room="301", text="…")
'dormitory'
>>> place_type(village=None, group=None, poi="宏达科技有限公司", room=None, text="…")
'work'
>>> place_type(village=None, group=None, poi="阳光花园", room="501", text="…")
'flat'
"""

from __future__ import annotations

import re

_DORMITORY = re.compile("宿舍|员工公寓|职工楼|工棚|集体户")
_WORK = re.compile(
    "公司|工厂|(?<!路)厂$|厂区|工业园|产业园|科技园|软件园|写字楼|大厦|商务|商场|市场|超市|商行|门市|门店|专卖店|经营部|店$|酒店|宾馆|饭店|餐厅|"
    "医院|学校|大学|中学|小学|银行|办公|事务所|单位|中心$|广场$"
)


def place_type(*, village: str | None, group: str | None, poi: str | None, room: str | None, text: str | None) -> str:
    """village | dormitory | work | flat | street: the parts of `songda.address`; `text` is its canonical line."""
    line = f"{poi or ''}"
    if _DORMITORY.search(line) or _DORMITORY.search(text or ""):
        return "dormitory"
    if _WORK.search(line) or (not room and _WORK.search(text or "")):
        return "work"
    if group or (village and not poi and not room):
        return "village"
    if room or poi:
        return "village" if village and not poi else "flat"
    return "village" if village else "street"
