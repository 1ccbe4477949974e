"""Which town (街道, 镇, 乡) a text names, and what it says about the county.

A town is read in the county known so far. Only the class word may differ from today's (高岳镇 → 高岳街道); a town that the county does not
have is kept as stated and marked. Without a county, a full name that one county of the city alone has tells the county.
"""

from __future__ import annotations

import re

from songda.address.gazetteer import TOWN_CLASS, gazetteer, town_stem, towns_of
from songda.address.reading import Reading

_STATED = re.compile(rf"(?P<stem>[一-龥]{{1,6}}?)(?P<kind>{TOWN_CLASS})(?![上村口])")
#: Inside the stem of an unknown town these show that it is something else.
_NO_STEM = re.compile(
    r"[路街巷号楼栋幢室]|小区|花园|社区|大道|^[东西南北]?(?:乡|镇)$|村.|公司|市场|附近|对面|医院|学校|^城$|小$|^[东西南北]$"
)
#: Two characters and 镇 are a town even when the second one is the word for a road (后巷镇).
_SHORT = re.compile(r"[一-龥][街巷路号室]镇")
#: A bare stem is a town only when nothing that would make it another name follows.
_AFTER_STEM = re.compile(r"\s|,|】|\)|$")
_INSIDE = re.compile(r"(?P<stem>[一-龥]{2,5})(?:街道|镇|乡)(?![上村口政])")
#: What shows that a town's name is part of an institution's (前山镇政府).
SEAT = re.compile(
    r"(?=(?:人民)?政府|(?:初级|中心|第[一二三])?[中小]学|卫生院|医院|派出所|邮政|供销|财政|信用社|幼儿园|敬老院|法庭)"
)


def read_town(reading: Reading, text: str, pos: int) -> int:
    """End of the town at `pos`, 0 when there is none; sets `town`, `town_code` of the reading."""
    if not reading.leaves:
        return _alone(reading, text, pos)
    best = max(reading.leaves.values())
    parents = [code for code, score in reading.leaves.items() if score >= best - 1e-6]
    found = _official(text, pos, parents)
    if found:
        end, code, written = found
        return _take(reading, text, pos, end, code, written)
    stated = _STATED.match(text, pos)
    if stated:
        end = _other_class(reading, text, pos, stated, parents)
        if end:
            return end
    if not stated or (_NO_STEM.search(stated["stem"]) and not _SHORT.fullmatch(stated[0])):
        return _bare(reading, text, pos, parents)
    return _as_stated(reading, stated, parents)


def longer_town(reading: Reading, text: str, pos: int, end: int) -> bool:
    """True when an official town name at `pos` reaches beyond `end`: 嘉定工业区 is not 嘉定 and a 工业区."""
    best = max(reading.leaves.values())
    found = _official(text, pos, [code for code, score in reading.leaves.items() if score >= best - 1e-6])
    return found is not None and found[0] > end


def find_town(reading: Reading, text: str) -> str:
    """A town named later in the text (羊锅村附近余杭街道…, 建设路曲梁镇…): it is set and cut out of what is returned."""
    for stated in _INSIDE.finditer(text):
        parents = [reading.code] if reading.code else []
        for start in range(stated.start("stem"), stated.end("stem") - 1):
            found = _official(text, start, parents)
            if found and found[0] >= stated.end() and not SEAT.match(text, found[0]):
                reading.town, reading.town_code = found[2], found[1]
                return text[:start] + " " + text[found[0] :]
    return text


def _official(text: str, pos: int, parents: list[str]) -> tuple[int, str, str] | None:
    """(end, code, name) of the longest official town name at `pos` below `parents`; several towns: the parents decide later."""
    best: tuple[int, str, str] | None = None
    head = text[pos : pos + 2]
    for parent in _homes(parents):
        towns = towns_of(parent)
        for length in towns.name_lengths.get(head, ()):
            name = text[pos : pos + length]
            code = towns.names.get(name)
            if code and (best is None or length > best[0] - pos):
                best = (pos + length, code, name)
                break
    if best and text.startswith("办事处", best[0]):
        best = (best[0] + 3, best[1], best[2])
    if best and best[2].endswith("街道") and text.startswith("办", best[0]):
        best = (best[0] + 1, best[1], best[2])
    return best


def _homes(parents: list[str]) -> list[str]:
    """Counties to search: those known, or all counties of the one city that is known."""
    place = gazetteer()
    homes: list[str] = []
    for parent in parents:
        homes.append(parent)
        if place.division[parent].level == 2 or (
            place.division[parent].level == 1 and place.division[parent].kind != "省"
        ):
            homes.extend(place.counties.get(parent, ()))
    return homes if len(homes) < 60 else homes[:60]


def _take(reading: Reading, text: str, pos: int, end: int, code: str, written: str) -> int:
    place = gazetteer()
    town = place.division[code]
    if reading.town and reading.town_code != code and not reading.town_open:
        # A second town is another one's name, but for the first being unknown (map and person disagree).
        return 0
    if _in_several_counties(reading, town.name, code):
        reading.issue("ambiguous_town")
        reading.town = town.name
        return end
    return _again(reading, end, code, written)


def _again(reading: Reading, end: int, code: str, written: str) -> int:
    """Set the town; its county gains in the competition."""
    town = gazetteer().division[code]
    reading.town, reading.town_code, reading.town_open = town.name, code, False
    reading.correct("town", written, town.name, "class changed")
    parent, best = town.chain[-2], max(reading.leaves.values(), default=0.0)
    if reading.leaves.get(parent, 0.0) < best:
        reading.leaves[parent] = best + 0.5
    return end


def _in_several_counties(reading: Reading, name: str, code: str) -> bool:
    """True when the county is open and more than one county of the known city has a town of this name."""
    place = gazetteer()
    best = max(reading.leaves.values())
    parents = [leaf for leaf, score in reading.leaves.items() if score >= best - 1e-6]
    if (
        any(leaf in place.division[code].chain and place.division[leaf].level == 3 for leaf in parents)
        and len(parents) == 1
    ):
        return False
    homes = set(_homes(parents))
    return sum(place.division[other].chain[-2] in homes for other in place.town_names[name]) > 1


def _other_class(reading: Reading, text: str, pos: int, stated: re.Match[str], parents: list[str]) -> int:
    """高岳镇 → 高岳街道 by the stem, 安宁西路街道 → 西路街道 without the county's name before it; 0 when there is no such town."""
    place, stem = gazetteer(), stated["stem"]
    for parent in _homes(parents):
        towns = towns_of(parent)
        if stem in towns.stems and len(stem) > 1:
            return _take(reading, text, pos, stated.end(), towns.stems[stem], stated[0])
        county = re.sub(r"[区县市]$", "", place.division[parent].name)
        if stated[0].startswith(county) and stated[0][len(county) :] in towns.names:
            return _take(reading, text, pos, stated.end(), towns.names[stated[0][len(county) :]], stated[0])
    return 0


def _as_stated(reading: Reading, stated: re.Match[str], parents: list[str]) -> int:
    """A town that the county does not have by name or stem: one of another successor of an old county, or kept as stated."""
    place = gazetteer()
    name, end = stated[0], stated.end()
    if len(stated["stem"]) < 2 and stated["kind"] in ("乡", "镇", "地区"):
        return 0
    sibling = _sibling(reading, name, parents)
    if sibling:
        return _again(reading, end, sibling, name)
    known = all(place.division[parent].level == 3 or not place.counties.get(parent) for parent in parents)
    if (
        stated["kind"] == "地区"
        or not known
        or (reading.town and not reading.town_open and town_stem(reading.town) != stated["stem"])
    ):
        return 0
    if reading.town_code and town_stem(reading.town) == stated["stem"]:
        return end
    current = re.sub(r"(街道)办(?:事处)?$|(?<!街道)办事处$", lambda match: "街道", name)
    reading.town, reading.town_code, reading.town_open = current, "", False
    reading.correct("town", name, current, "class word")
    reading.issue("unknown_town")
    return end


def _sibling(reading: Reading, name: str, parents: list[str]) -> str:
    """The one town of this full name in the same city, when the county known is one of several successors of an old one."""
    place = gazetteer()
    if len(parents) != 1 or place.division[parents[0]].level != 3:
        return ""
    others = {other for _, hits in reading.mentions for hit in hits if hit.code == parents[0] for other in hit.others}
    found = [code for code in place.town_names.get(name, ()) if place.division[code].chain[-2] in others]
    return found[0] if len(found) == 1 else ""


def _bare(reading: Reading, text: str, pos: int, parents: list[str]) -> int:
    """A town named without its class word: 坂田 where a blank or the end follows, or one of its villages (干冲儒兰村)."""
    if reading.town or len(parents) != 1:
        return 0
    place = gazetteer()
    towns = towns_of(parents[0])
    for length in towns.stem_lengths.get(text[pos : pos + 2], ()):
        stem = text[pos : pos + length]
        code = towns.stems.get(stem)
        if not code or length < 2 or stem[-1] in "路街道巷":
            continue
        end, street = pos + length, place.division[code].name.endswith("街道")
        if street and text.startswith("街", end) and re.match(r"街(?:\s|[一-龥]{2})", text[end : end + 3]):
            return _again(reading, end + 1, code, text[pos : end + 1])
        if _AFTER_STEM.match(text, end) or _village_follows(text, end, code):
            return _again(reading, end, code, text[pos:end])
    return 0


def _village_follows(text: str, pos: int, town: str) -> bool:
    names = gazetteer().villages.get(town, "")
    return any(
        f"|{text[pos : pos + length]}|" in names
        for length in range(3, 9)
        if pos + length <= len(text) and text[pos + length - 1] in "村区"
    )


def _alone(reading: Reading, text: str, pos: int) -> int:
    """A town before any division: accepted when only one town of China bears the name."""
    if pos:
        return 0
    place = gazetteer()
    stated = _STATED.match(text, pos)
    codes = place.town_names.get(stated[0], ()) if stated else ()
    if not stated or not codes:
        return 0
    reading.town = stated[0]
    if len(codes) == 1:
        reading.town_code = codes[0]
        reading.leaves[place.division[codes[0]].chain[-2]] = 0.5
        reading.issue("division_from_town")
    else:
        reading.issue("ambiguous_town")
        reading.alternatives = [
            "".join(dict.fromkeys(place.division[c].name for c in place.division[code].chain)) for code in codes[:10]
        ]
    return stated.end()


def stem(name: str) -> str:
    """Town name without class word, for keys."""
    return town_stem(name)
