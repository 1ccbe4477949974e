"""How the name of a division is spoken: without its class word (石林彝族自治县 → 石林县, 石林), and what kind of town it names.

>>> aliases_of("石林彝族自治县", 3), town_class("潘家湾土家族乡")
(['石林县', '石林'], ('乡', ['潘家湾乡', '潘家湾']))
"""

from __future__ import annotations

import re

_ETHNIC = (
    "蒙古|回|藏|维吾尔|苗|彝|壮|布依|朝鲜|满|侗|瑶|白|土家|哈尼|哈萨克|傣|黎|傈僳|佤|"
    "畲|高山|拉祜|水|东乡|纳西|景颇|柯尔克孜|土|达斡尔|仫佬|羌|布朗|撒拉|毛南|仡佬|锡伯|阿昌|普米|塔吉克|"
    "怒|乌孜别克|俄罗斯|鄂温克|德昂|保安|裕固|京|塔塔尔|独龙|鄂伦春|赫哲|门巴|珞巴|基诺|各"
)
_ETHNICS = f"(?:(?:{_ETHNIC})族)"
_AUTONOMOUS = re.compile(rf"(?P<stem>.+?)(?:{_ETHNICS}+|蒙古|哈萨克|柯尔克孜|维吾尔)*自治(?P<kind>区|州|县|旗)$")
ETHNIC_TOWN = re.compile(
    rf"(?P<stem>.+?)(?:{_ETHNICS}|蒙古|哈萨克|塔吉克|柯尔克孜|乌孜别克|民族)+(?P<kind>乡|镇|苏木)$"
)
_TOWN = re.compile(r"(?:街道办事处|地区办事处|办事处|街道|地区|民族苏木|苏木|民族乡|乡|镇)$")

#: Class words of towns, longest first, and what they are called in the `kind` column.
TOWN_KINDS = {
    "街道办事处": "街道",
    "地区办事处": "地区",
    "办事处": "街道",
    "街道": "街道",
    "地区": "地区",
    "民族苏木": "苏木",
    "苏木": "苏木",
    "民族乡": "乡",
    "镇": "镇",
    "乡": "乡",
    "农场": "农场",
    "林场": "林场",
    "牧场": "牧场",
    "管理区": "管理区",
    "园区": "园区",
    "开发区": "园区",
    "工业区": "园区",
}

#: Spoken forms that no rule derives.
_SPOKEN = {"内蒙古自治区": ["内蒙古", "内蒙"], "香港特别行政区": ["香港"], "澳门特别行政区": ["澳门"]}

#: Short forms of the trade and of the region itself, beside those of `aliases_of`.
SHORT_FORMS = {
    "管城回族区": "管城区", "顺河回族区": "顺河区", "瀍河回族区": "瀍河区", "旅顺口区": "旅顺", "前郭尔罗斯蒙古族自治县": "前郭县|前郭",
    "喀喇沁左翼蒙古族自治县": "喀左县|喀左", "阜新蒙古族自治县": "阜蒙县", "杜尔伯特蒙古族自治县": "杜蒙县",
    "围场满族蒙古族自治县": "围场县", "科尔沁右翼前旗": "科右前旗", "科尔沁右翼中旗": "科右中旗", "科尔沁左翼中旗": "科左中旗",
    "科尔沁左翼后旗": "科左后旗", "西乌珠穆沁旗": "西乌旗", "东乌珠穆沁旗": "东乌旗", "达尔罕茂明安联合旗": "达茂旗",
    "察哈尔右翼前旗": "察右前旗", "察哈尔右翼中旗": "察右中旗", "察哈尔右翼后旗": "察右后旗", "新巴尔虎左旗": "新左旗",
    "新巴尔虎右旗": "新右旗", "莫力达瓦达斡尔族自治旗": "莫旗", "土默特左旗": "土左旗", "土默特右旗": "土右旗", "乌拉特前旗": "乌前旗",
    "乌拉特中旗": "乌中旗", "乌拉特后旗": "乌后旗", "鄂托克前旗": "鄂前旗", "阿拉善左旗": "阿左旗", "阿拉善右旗": "阿右旗",
    "锡林郭勒盟": "锡盟", "克孜勒苏柯尔克孜自治州": "克州", "博尔塔拉蒙古自治州": "博州", "巴音郭楞蒙古自治州": "巴州",
    "塔什库尔干塔吉克自治县": "塔县", "和布克赛尔蒙古自治县": "和丰县", "察布查尔锡伯自治县": "察县",
}  # fmt: skip


def aliases_of(name: str, level: int) -> list[str]:
    """Spoken forms of an official name of level 1 to 3. One-character stems (泾县) are no alias."""
    if name in _SPOKEN:
        return _SPOKEN[name]
    found: list[str] = []
    autonomous = _AUTONOMOUS.match(name)
    if autonomous:
        stem = autonomous["stem"]
        if autonomous["kind"] != "区":
            found.append(stem + autonomous["kind"])
    else:
        suffix = {1: "省|市", 2: "市|地区|盟", 3: "新区|矿区|(?<=神农架)林区|区|县|市|旗"}[level]
        stem = re.sub(rf"(?:{suffix})$", "", name)
        stem = stem if len(stem) > 1 else name[:-1]
    if len(stem) > 1 and stem != name:
        found.append(stem)
    if name.endswith(("新区", "矿区")) and level == 3:
        found.append(name[:-1])
    return [alias for alias in dict.fromkeys(found) if alias != name]


def stem_of(name: str) -> str:
    """Name of a division of level 1 to 3 without its class word; the name itself when one character would be left."""
    autonomous = _AUTONOMOUS.match(name)
    stem = autonomous["stem"] if autonomous else re.sub(r"(?:地区|林区|特区|[省市区县旗盟])$", "", name)
    return stem if len(stem) > 1 else name


def town_class(name: str) -> tuple[str, list[str]]:
    """(kind, spoken forms) of a town."""
    for suffix, kind in TOWN_KINDS.items():
        if name.endswith(suffix) and len(name) > len(suffix):
            ethnic = ETHNIC_TOWN.match(name)
            stem = ethnic["stem"] if ethnic else name.removesuffix(suffix)
            spoken = [f"{stem}{ethnic['kind']}"] if ethnic else [f"{stem}街道"] if suffix == "办事处" else []
            if kind in ("农场", "林场", "牧场", "管理区", "园区"):
                return kind, []
            return kind, spoken + ([stem] if len(stem) > 1 else [])
    return "其他", []


def town_stem(name: str) -> str:
    """Name of a town without its class word; the name itself when one character would be left."""
    stem = _TOWN.sub("", name)
    return stem if len(stem) > 1 else name
