"""Names between the numbers: which stretch is a village, a road, an estate or institution, and which only says what is nearby.

>>> [(name.kind, name.text) for name in read_names("仲景北路车管所北460米路西昭阳科技", home="")]
[('road', '仲景北路'), ('landmark', '车管所北460米路西'), ('poi', '昭阳科技')]
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from songda.address.numerals import CHINESE


@dataclass(frozen=True, slots=True)
class Name:
    #: village group road poi landmark noise
    kind: str
    text: str


#: A road name and its class word; what follows must not make it the name of something else.
_NOT_ROAD = (
    rf"(?![道])(?!坊|上(?!$)|边|口(?!$|\s)|桥头|灯|政|小学|中学|学校|幼儿园|支行|分行|分理处|营业|派出所|小区|家属"
    rf"|社区|居委|村|(?:\d{{1,2}}|{CHINESE})区|菜市|办事|农贸|新村|[一-龥]{{0,4}}店(?:$|\s)|电厂|车站|站)"
)
_ROAD = re.compile(
    rf"(?P<road>(?![^路街道巷]{{0,9}}\d+多?米)[一-龥A-Za-z0-9·]{{1,9}}?(?:大道|大街|正街|胡同|高速公路|公路|高速|快速路|国道|省道|县道|环路|[东西南北]?[二三四五六]环(?![路一二三四])|路|街|巷|里弄|(?<=[一-龥])弄|(?<=[一-龥]{{2}})道(?!口|教|观|班|理)|(?<=[一-龥]{{2}})线(?=$|\d))"
    rf"{_NOT_ROAD}(?:[东西南北中]段|(?:\d|{CHINESE})段|(?:\d|{CHINESE})[巷弄](?!\d))?)"
)
#: A zone of the city before a road says nothing that the road does not (高新区科技路); 新区大道 is the road's own name.
_ZONE_BEFORE = re.compile(
    r"(?:[一-龥]{2})?(?:高新区|经开区|经济开发区|开发区|新区)(?=[一-龥A-Za-z0-9]{2,}(?:路|街|道|巷)$)"
)
_MAP_ROAD = re.compile(r"([GSXY]\d{2,4})(?![0-9A-Za-z-])(?:国道|省道|县道|乡道|高速公路|高速)?")
_CROSSING = re.compile(
    r"(?:的)?(?:交叉路?口|交汇处?|交接处|交界处|交口|交叉处|路口|口(?=$|[\s东西南北]))(?:往|向)?[东西南北]?[侧边角面]?(?:约?\d+米)?(?:路?[东西南北])?"
)
_ROAD_SIDE = re.compile(r"(?:路|街)?[东西南北](?:侧|边|面)(?!门|街|路)|[东西南北]段|出口|沿线|沿街|路段|上(?=$)")
_VILLAGE = re.compile(
    r"(?P<village>[一-龥0-9]{1,9}?(?:村民委员会|居民委员会|村委会|居委会|村委|社区居委会|社区(?!卫生|医院|服务)|行政村|自然村|嘎查|(?<!新)(?<!农)村(?!镇|口|民|东路|西路|南路|北路|路|街|道|卫生|小学|中学|委|大道)))"
)
_HAMLET = re.compile(
    r"[一-龥]{1,5}(?:庄|屯|寨|沟|坪|堡|营|岗|湾|坳|塘|坡|岭|洼|圩|垭|坝|冲|店|窑|峪|堰|畈|垸|埠|集|台|坞|埭|浜|泾|垅|垄|坨|窝|峒|岔|涧|口子|房子|家)"
)
_NEAR = re.compile(
    r"(?P<what>[^\s,]{1,24}?)(?P<how>(?:斜|正)?对[面过]|附近|旁边?|后面|前面|隔壁|楼下|路口|"
    r"(?:大?门口?|[东南西北]门)?(?:往|向|路)?[东西南北](?:面|侧|边)?约?\d+多?米(?:路?[东西南北])?(?:处|左右)?|大?门口[东西南北]?|(?:往|向)[东西南北].{0,6}$|东侧|西侧|南侧|北侧|[东西南北]边|往[东西南北]\S{0,3}$|(?<=[站院学店厦场])[东西南北]$)"
)
_REMARK = re.compile(
    r"(?:电联|到付|急件?|加急|请?放?送?(?:到|至)?(?:大堂|门卫|保安|物业|前台|传达室|快递柜|丰巢|菜鸟驿站)|自提|代收|周末|工作日|节假日|不要?送|请?电话联系|打电话|谢谢|收(?=$)|镇上|街上|村里|乡里|县里|(?<![一-龥])家里|[a-f0-9]*(?:[a-f][0-9]|[0-9][a-f])[a-f0-9]{7,})"
)
_PHASE = re.compile(
    r"(?:第)?(?:\d+|"
    + CHINESE
    + r"|[A-Za-z]|[东西南北中])(?:期|区|组团|街坊|苑|园)$|[一-龥]{0,2}(?:\d+|"
    + CHINESE
    + r")期"
)
_BREAK = re.compile(
    r"(?<=[一-龥])(?:商场|商城|广场|集团|有限公司|小区|住宅区|新村|大楼|大厦|家属院|宿舍|开发区|工业园区?|产业园|科技园|学校|大学|医院|菜市场|监狱|园区)(?=[一-龥]{3})"
    r"(?!附近|对面|[东西南北][区门苑院]|[一二三四五六七八九十\dA-Za-z]{1,2}[期区栋幢号]|分公司|有限|物业|住宅|家属|职工|宿舍|教学|门诊|住院|公寓)"
)
_ESTATE_END = re.compile(
    r"(?:小区|花园|花苑|家园|公寓|大厦|广场|新村|大楼|商场|商城|超市|公司|集团|宿舍|学校|小学|中学|大学|医院|卫生院|卫生所|幼儿园|酒店|宾馆|饭店|银行|支行|邮局|支局|厂|店|馆|城|府|园|苑|庭|邸|墅|国际|中心"
    r"|市场|站|局|所|院|楼|部队|政府|别墅|名都|华府|山庄|豪庭|雅居|郡|轩|阁|公园|码头|加油站|法院|大院|家属院|家属楼|号院|仓库|基地|期|区|里|坊|单位|社|吧|网)$"
)
#: Behind the name of a known village these make it the name of something else (田村路, 张家花园).
_NOT_VILLAGE = re.compile(
    r"[路街道巷弄镇乡桥]|大[道街厦楼]|[东西南北中]?[一二三四]?[路街巷]|小区|花园|花苑|新村|广场|公寓|家园|[小中大]学|市场|商|国际|苑|城|附近|旁|对面|[东西南北]区"
)
#: Behind a village, its class word included, these make it the name of something else (石马村住宅小区, 田村邮电局).
_NOT_AFTER_VILLAGE = re.compile(
    r"(?:住宅)?小区|花园|花苑|家属|市场|卫生|小学|中学|党群|文化|便利|超市|门口|邮[政电局]|信用社|派出所|政府"
)
_GROUP = re.compile(r"[一-龥]{1,5}(?:村民小组|小组|组|生产队|队|社)")
_VICINITY = frozenset(("附近", "旁", "旁边", "对面", "斜对面", "里面"))
_VILLAGE_CLASS = re.compile(
    r"村民委员会|居民委员会|社区居委会|村委会|居委会|村委|社区(?!卫生|医院|服务)|村(?!镇|口|民|[东西南北]?路|街|道|卫生|小学|中学|大道)"
)


def read_names(text: str, *, home: str, numbered: bool = False) -> list[Name]:
    """Names in `text` in order. `home`: the village names that count (see `villages_of`); `numbered`: a door number follows."""
    found: list[Name] = []
    pieces = [piece for piece in re.split(r"[\s,]+", text) if piece]
    for i, piece in enumerate(pieces):
        if found and piece in _VICINITY:
            continue
        if i and _PHASE.fullmatch(piece) and found and found[-1].kind == "poi":
            found[-1] = Name("poi", found[-1].text + piece)
            continue
        last = i == len(pieces) - 1
        found.extend(_piece(piece, home, numbered=numbered and last))
    return found


def _piece(text: str, home: str, *, numbered: bool) -> list[Name]:
    found: list[Name] = []
    while text:
        text = text.strip(" ,|-/:.·_*+=<>&%$@~、")
        if found and text in _VICINITY:
            return found  # the road is nearby: it stays the road
        remark = _REMARK.match(text)
        if remark:
            found.append(Name("noise", remark[0]))
            text = text[remark.end() :]
            continue
        step = (
            _map_road(text)
            or _known_village(text, home)
            or _road(text, found)
            or _village(text, home, numbered=numbered)
            or _near(text)
        )
        if step is None:
            break
        name, rest = step
        if name.text:
            found.append(name)
        text = rest
    if text:
        if found and found[-1].kind == "village" and _GROUP.fullmatch(text):
            found.append(Name("group", text))
        else:
            found.extend(_rest(text, numbered=numbered))
    return found


def _map_road(text: str) -> tuple[Name, str] | None:
    match = _MAP_ROAD.match(text)
    return (Name("road", match[1]), text[match.end() :]) if match else None


def _road(text: str, found: list[Name]) -> tuple[Name, str] | None:
    after_road = bool(found) and found[-1].kind == "road"
    # The second road of a crossing only: 和平路 begins with the same character.
    text = text.lstrip("与和及") if after_road else text
    match = _ROAD.match(text)
    if not match:
        crossing = _CROSSING.match(text) if after_road else None
        side = _ROAD_SIDE.match(text) if after_road else None
        matched = crossing or side
        return (Name("road", ""), text[matched.end() :]) if matched else None
    road = match["road"]
    rest = text[match.end() :]
    near = _NEAR.match(text)
    if near and near.end() < match.end():
        return Name("landmark", near["what"]), text[near.end() :]
    if near and near["what"] == road and rest.startswith(("附近", "旁")):
        return Name("road", road), text[near.end() :]
    zone = _ZONE_BEFORE.match(road)
    if zone:
        return Name("noise", zone[0]), text[zone.end() :]
    split = _VILLAGE.match(road)
    if split and 2 < split.end() < len(road) - 1:
        return Name("village", split[0]), text[split.end() :]
    return Name("road", road), rest


def _known_village(text: str, home: str) -> tuple[Name, str] | None:
    """A village by the official list, with or without its class word; a road or estate of its name is none."""
    if f"|{text[:2]}" not in home:
        return None
    for length in range(min(8, len(text)), 1, -1):
        name = text[:length]
        # Only a village goes without its class word: 万科新里程 is the estate, not the community named after it.
        if f"|{name}|" not in home and f"|{name}村|" not in home:
            continue
        word = _VILLAGE_CLASS.match(text, length)
        if _NOT_AFTER_VILLAGE.match(text, word.end() if word else length):
            continue
        if word:
            return Name("village", name + word[0]), text[word.end() :]
        if name[-1] in "路街巷弄道" or _NOT_VILLAGE.match(text, length):
            continue
        rest = text[length:]
        if length == 2 and rest and not rest[0].isdigit() and not _VILLAGE.match(rest):
            continue
        return Name("village", name), rest
    return None


def _village(text: str, home: str, *, numbered: bool) -> tuple[Name, str] | None:
    match = _VILLAGE.match(text)
    if not match:
        return None
    rest, village = text[match.end() :], match["village"]
    if _NEAR.match(text) and _NEAR.match(text)["what"] == village and rest:  # type: ignore[index]
        return None
    if _NOT_AFTER_VILLAGE.match(rest):
        return None
    return Name("village", village), rest


def _near(text: str) -> tuple[Name, str] | None:
    match = _NEAR.match(text)
    if not match:
        return None
    what, how = match["what"], match["how"]
    keep = how not in ("附近", "旁", "旁边", "对面", "斜对面", "正对面", "后面", "前面", "隔壁", "楼下", "对过")
    return Name("landmark", what + how if keep else what), text[match.end() :]


def _rest(text: str, *, numbered: bool) -> list[Name]:
    """What no rule took: hamlets by their last character when no door number follows, else estates, split where one clearly ends."""
    if not numbered and _HAMLET.fullmatch(text) and not _ESTATE_END.search(text):
        return [Name("village", text)]
    if re.fullmatch(r"[^一-龥]*", text):
        return [Name("noise", text)] if len(text) > 1 else []
    parts: list[Name] = []
    while True:
        cut = _BREAK.search(text)
        if not cut:
            break
        parts.append(Name("poi", text[: cut.end()]))
        text = text[cut.end() :]
    if text:
        parts.append(Name("poi", text))
    return parts


def names_an_estate(text: str) -> bool:
    """True when the last word is one of an estate, institution or building."""
    return _ESTATE_END.search(text) is not None
