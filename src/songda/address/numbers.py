"""The number grammar of the fine parts: house numbers, buildings, units, floors, rooms, groups, and chains such as 17-1-202.

>>> [(token.kind, token.values) for token in tokens("海德公园48-7625")]
[('name', ('海德公园',)), ('chain', ('48', '7625'))]
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from songda.address.numerals import CHINESE as C
from songda.address.numerals import DIGITS, UNITS


@dataclass(frozen=True, slots=True)
class Token:
    #: name lane house building unit floor room group brigade chain bare side shop
    kind: str
    #: What was cut out: one value, or the members of a chain.
    values: tuple[str, ...]
    #: The characters as written.
    written: str


_N = r"[0-9][0-9A-Za-z]{0,5}|[A-Za-z][0-9]{0,4}|[A-Za-z]{1,2}[0-9]{1,3}"
_SIDE = "东西南北中左右"
_CHAIN_PART = rf"[0-9]+[{_SIDE}](?=户)|[0-9]+[A-Za-z]?|[A-Za-z]{{1,2}}[0-9]*|[{_SIDE}](?=-)"

_PATTERN = re.compile(
    # The first character decides for most positions that no number begins there.
    rf"(?=[0-9A-Za-z第约负地底门商甲乙丙丁{_SIDE}{DIGITS}{UNITS}])(?:"
    + "|".join(
        (
            # Distances and numbers that belong to a name: 北70米, 二期, 76街坊, 59976部队, 八一路, 5路车.
            rf"(?P<name>(?:约?\d+多?米|(?:\d{{1,4}}|\d{{5,6}}(?=部队|仓库|厂)|{C}|[A-Za-z])(?:期|区|段|组团|街坊|苑|路|街|道(?!门)|里|村|庄|屯|厂|队部|部队|团|师|连|中学?|小(?!队|组)学?|国道|省道|县道|环|马路"
            rf"|经路|纬路|桥|站|公里|医院|完小|机|块|分)(?!楼)|{C}巷|[GSXY]\d{{2,4}}(?=$|[^0-9A-Za-z-])|{C}(?![楼层室号栋幢单座户门组队社口梯\d-])))",
            rf"(?P<brigade>(?:\d{{1,3}}|{C})大队)",
            rf"(?P<group>(?:第)?(?:\d{{1,3}}|{C})(?:村民小组|生产队|小组|小队|组(?!团)|队(?!部|伍)|社(?!区)))",
            r"(?P<lane>\d+(?:-\d+)?[弄巷](?:\d+支弄)?(?:-?\d+(?:-\d+)?号(?!楼|院|室|房|商铺|铺)[甲乙丙丁]?(?![0-9A-Za-z]?座))?)",
            rf"(?P<building>(?:第)?(?:(?P<b>{_N}|\d+-\d+(?=号楼|[栋幢#])|{C}|[{_SIDE}](?=座|幢|号楼|栋))(?:号?楼(?=\d+单元)|号楼|号栋|号幢|#楼|#栋|#|栋楼|栋|幢|座(?!落))))",
            rf"(?P<unit>(?P<u>{_N}|{C}|[{_SIDE}](?=单元|梯))(?:单元|号门(?!口)|门(?![口市诊面店卫前外])|梯(?!田)))",
            rf"(?P<floor>(?P<f>(?:负|地下)?(?:\d{{1,2}}|{C})|[Bb]\d)(?:楼|层)(?:(?P<side>[{_SIDE}])(?:户|侧|边|门|$))?)",
            rf"(?P<room>(?P<r>[0-9][0-9A-Za-z]{{0,5}}|[A-Za-z]\d{{0,4}}|{C}|\d{{1,5}}[{_SIDE}]|[{_SIDE}])(?:号?室|号?房(?![地产])|户|号?商铺|号铺|号店|铺位|号车库|车库))",
            rf"(?P<chain>(?:{_CHAIN_PART})(?:-+(?:{_CHAIN_PART}|[{_SIDE}]|{C})){{1,4}}(?P<after>号?室|号?房|户|号(?!楼|院)|号楼|栋|幢|单元|#|[楼层](?P<cside>[{_SIDE}])?)?)",
            rf"(?P<house>(?:[甲乙丙丁]|[东西南北])?(?:\d+|{C})(?:排\d+)?号(?:院(?!落)|大院|之[一二三四五六七八九\d]+|附\d+号?|-\d+(?!\d*[室单])|公馆(?!)|[甲乙丙丁](?![0-9A-Za-z]))?)",
            r"(?P<shop>底商|门市房?|门面房?|商铺)",
            r"(?P<bare>\d+[A-Za-z]?(?![0-9A-Za-z])|[A-Za-z]\d+|(?<![A-Za-z])[A-Za-z](?=$|[\s,)]))",
        )
    )
    + ")"
)
_HOUSE_TAIL = re.compile(r"\s+(?=号|室|弄|栋|幢|单元|楼|层|组)|(?<=[0-9])\s+(?=-)|(?<=-)\s+(?=[0-9])")


def tokens(text: str) -> list[Token]:
    """Tokens of a folded segment; everything that no pattern reads is `name`."""
    text = _HOUSE_TAIL.sub("", text) if " " in text else text
    found: list[Token] = []
    name = ""
    last = 0
    for match in _PATTERN.finditer(text):
        name += text[last : match.start()]
        last = match.end()
        kind = str(match.lastgroup)
        if kind == "name" or (kind == "bare" and _in_a_name(text, match)):
            name += match[0]
            continue
        if name.strip(_EDGE):
            found.append(Token("name", (name.strip(_EDGE),), name))
        name = ""
        found.extend(_read(kind, match))
    name += text[last:]
    if name.strip(_EDGE):
        found.append(Token("name", (name.strip(_EDGE),), name))
    return found


_EDGE = " ,|-/:.·_*+=<>&%$@~"


def _in_a_name(text: str, match: re.Match[str]) -> bool:
    """A letter run inside Latin text, or a number before 米 or 公里, is no number of a door."""
    before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
    return (
        (before.isascii() and before.isalpha())
        or (after.isascii() and after.isalpha())
        or (after != "" and after in "米点年月日元路")
        or len(match[0]) > 6
    )


def _read(kind: str, match: re.Match[str]) -> list[Token]:
    written = match[0]
    if kind == "building":
        return [Token(kind, (match["b"],), written)]
    if kind == "unit":
        return [Token(kind, (match["u"],), written)]
    if kind == "floor":
        side = [Token("side", (match["side"],), match["side"])] if match["side"] else []
        return [Token(kind, (match["f"],), written), *side]
    if kind == "room":
        return [Token(kind, (match["r"],), written)]
    if kind == "chain":
        return _read_chain(match)
    return [Token(kind, (written,), written)]


def _read_chain(match: re.Match[str]) -> list[Token]:
    """17-1-202室 is one chain; 4-2-1楼中 ends with a floor and a side; 54-48号 keeps its 号 for the road that may come before."""
    after = match["after"] or ""
    parts = tuple(part for part in re.split(r"-+", match[0].removesuffix(after)) if part)
    if after[:1] in ("楼", "层"):
        side = [Token("side", (match["cside"],), match["cside"])] if match["cside"] else []
        return [Token("chain", (*parts[:-1], ""), match[0]), Token("floor", (parts[-1],), parts[-1] + after), *side]
    if after in ("号楼", "栋", "幢", "#"):
        return [Token("building", ("-".join(parts),), match[0])]
    if after == "单元":
        return [Token("chain", (*parts, ""), match[0])]
    return [Token("chain", parts, match[0])]
