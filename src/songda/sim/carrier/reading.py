"""How the stand-in reads a whole address (060001): by the class words of divisions alone, as far as they go.

>>> read_address("浙江省杭州市西湖区文一路1号")["county"], read_address("北京市朝阳区建国路1号")["city"]
('西湖区', '北京市')
"""

from __future__ import annotations

import re

_MUNICIPALITIES = "北京市|天津市|上海市|重庆市"
_DIVISIONS = re.compile(
    rf"\s*(?P<prov>{_MUNICIPALITIES}|[^省市区县]{{2,3}}省|[^省市区县]{{2,8}}自治区|[^省市区县]{{2}}特别行政区)?"
    r"(?P<city>[^省市区县]{2,7}?(?:市|自治州|地区|盟))?(?P<county>[^省市区县]{1,7}?(?:区|县|旗|市))?(?P<address>.*)",
    re.DOTALL,
)


def read_address(text: str) -> dict[str, str]:
    """The fields of one reading, "" for what is not found; codes are left out, as for addresses that are not placed."""
    match = _DIVISIONS.fullmatch(text)
    assert match is not None  # every part may be empty
    found = {name: value or "" for name, value in match.groupdict().items()}
    if found["prov"] in _MUNICIPALITIES.split("|"):
        found["city"] = found["prov"]
    return found | {"proCode": "", "cityCode": "", "countyCode": "", "districtCode": ""}
