"""Which province, city and county a text names: mentions are read from the left, and the chain that explains most of them wins.

    >>> reading = Reading("浙江杭州下城区延安路295号")
    >>> walk(reading, reading.raw)
    '延安路295号'
    >>> settle(reading); reading.code
    '330105'

Each mention adds the weight of its reading (official 1.0, old name 0.9, spoken 0.8, other class word 0.7) to every chain it lies on. A tie
between counties is kept as `alternatives`; what all rivals share stays known.
"""

from __future__ import annotations

import re

from songda.address.gazetteer import FORMER, OFFICIAL, SPOKEN, Gazetteer, Hit, gazetteer
from songda.address.reading import Reading
from songda.address.towns import SEAT, longer_town, read_town

#: Words that stand between divisions and say nothing; those of the second list are reported as noise.
_SKIP = re.compile(
    r"[\s,|:/·.\-_*]+|省直辖县级行政(?:区划|单位)|自治区直辖县级行政区划|市辖区(?![一-龥]*路)|(?:null|NULL|None|nan)+"
)
_ZONE = re.compile(
    r"中国(?=[\s,]|[一-龥]{2})|(?:主城区|城区|县城内?|市区|全境|全区|全市|全县)(?![路街道])|[一二三四内外中]环(?:到|至)?[一二三四五内外中]环(?:以内|以外|之间|内|外)"
    r"|[二三四五六内外中]环(?:以内|以外|之内|之外|内(?!环)|外(?!环))|其他区|其它区|海外"
)
#: What may not follow a spoken name: then it is the name of something else (朝阳路, 上海大酒店).
_NOT_AFTER_SPOKEN = re.compile(
    r"(?:[东西南北中新老正]|[一二三四五六七八九十])?"
    r"(?:大?[路街道巷弄]|胡同|大桥|桥|村|庄|屯|小区|花园|花苑|苑|家园|公寓|大厦|广场|新村|新城|楼|酒店|大酒店|饭店|宾馆|商|市场|医院|大学"
    r"|学院|中学|小学|幼儿园|公司|集团|银行|邮政|电信|移动|联通|镇|乡|街道|办事处|社区|站|火车站|机场|码头|铁路|国际|名|一品|湾|府|里|园|坊|山庄)"
)
#: After a full name these make it the name of an institution (新华区政府).
_INSTITUTION = re.compile(r"(?:人民)?政府|公安|人民医院|委员会|法院|检察院|教育局|第[一二三]|实验|财政|国税|地税")
_ORGANISATION = re.compile(
    r"中国(?:邮政|移动|联通|电信|银行|石化|石油|人寿|工商|农业|建设|人民|铁|人保|平安|科学|烟草|电力|农行)"
)
#: A chain this far behind the best one is still in the running: an old name (0.9) beside an official one (1.0), and a spoken one.
_MARGIN = 0.35
#: No real text names more divisions; a hostile one would make the competition of their chains long.
_MOST_MENTIONS = 30
_SKIP_FIRST = " ,|:/·.-_*省自市nN"
_ZONE_FIRST = "中主城县市全一二三四五六内外其海"
_CITY_THEN_COUNTY = ("市中区", "市北区", "市南区")
_STATED_TOWN = re.compile(r"[一-龥]{2,5}?(?:街道|镇|乡|开发区|新区)")


def walk(reading: Reading, text: str) -> str:
    """Read divisions and town from the left of `text`; returns what is left of it."""
    place, pos = gazetteer(), 0
    while pos < len(text) and len(reading.mentions) < _MOST_MENTIONS:
        skipped = _SKIP.match(text, pos) if text[pos] in _SKIP_FIRST else None
        if skipped:
            pos = skipped.end()
            continue
        zone = _ZONE.match(text, pos) if text[pos] in _ZONE_FIRST else None
        if zone and not _ORGANISATION.match(text, pos) and not _named(text, pos, place, reading):
            reading.noise.append(zone[0])
            pos = zone.end()
            continue
        end = _mention(reading, text, pos, place)
        if not end:
            end = read_town(reading, text, pos)
            if end and SEAT.match(text, end):
                break  # 前山镇政府: the town is read, its name stays part of the institution
        if not end:
            break
        pos = end
    return text[pos:].lstrip()


def _named(text: str, pos: int, place: Gazetteer, reading: Reading) -> bool:
    """True when a county is really called 城区 and lies below what is known."""
    hits = place.names.get(text[pos : pos + 2], ()) if text[pos : pos + 2] in ("城区", "郊区", "矿区") else ()
    return any(_related(hit.code, reading, place) for hit in hits)


def _related(code: str, reading: Reading, place: Gazetteer) -> bool:
    """True when `code` competes already, or lies on or below a chain that is still in the running."""
    leaves = reading.leaves
    if code in leaves:
        return True
    floor = max(leaves.values(), default=0.0) - _MARGIN
    division = place.division
    chain = division[code].chain
    for leaf, score in leaves.items():  # noqa: SIM110 -- called several times a text; any() takes twice as long
        if score >= floor and (leaf in chain or code in division[leaf].chain):
            return True
    return False


def _mention(reading: Reading, text: str, pos: int, place: Gazetteer) -> int:
    """End of the division name at `pos`, 0 when there is none; its readings are added to the reading."""
    for length in place.lengths.get(text[pos : pos + 2], ()):
        name = text[pos : pos + length]
        hits = place.names.get(name)
        if hits is None:
            continue
        end = pos + length
        if name[-1] == "市" and text[end - 1 : end + 2] in _CITY_THEN_COUNTY and name[:-1] in place.names:
            continue
        usable = tuple(hit for hit in hits if _plausible(hit, reading, text, end, place))
        if usable:
            if reading.leaves and usable[0].weight == SPOKEN and longer_town(reading, text, pos, end):
                return 0
            add_mention(reading, name, usable)
            return end
    return 0


def _plausible(hit: Hit, reading: Reading, text: str, end: int, place: Gazetteer) -> bool:  # noqa: PLR0911 -- a list of tests
    level = place.division[hit.code].level
    if hit.weight == SPOKEN:
        if _NOT_AFTER_SPOKEN.match(text, end) and not _county_follows(hit.code, text, end, place):
            return False
        if level == 3 or reading.leaves:
            if _related(hit.code, reading, place):
                return not _repeated_in_a_name(hit.code, reading, text, end, place)
            # A spoken county opens a text only when no other division bears the name.
            return not reading.leaves and len(place.names[place.division[hit.code].name]) == 1 and end < len(text)
        return True
    if _INSTITUTION.match(text, end) and _related(hit.code, reading, place):
        return False
    if hit.within and reading.leaves:
        return _related(hit.within, reading, place)
    if hit.weight < OFFICIAL and reading.leaves:
        return _related(hit.code, reading, place)
    return not reading.leaves or level < 3 or _related(hit.code, reading, place) or len(reading.mentions) < 4


def _repeated_in_a_name(code: str, reading: Reading, text: str, end: int, place: Gazetteer) -> bool:
    """上海五金城 after 上海嘉定区: a spoken name that says nothing new and runs on into other words belongs to those words."""
    top = max(reading.leaves.values())
    best, *rivals = (leaf for leaf, score in reading.leaves.items() if score >= top - 1e-6)
    if rivals or place.division[best].level < 3 or code not in place.division[best].chain:
        return False
    if place.division[reading.mentions[-1][1][0].code].level < place.division[code].level:
        return False  # 琼山 after 海南海口 goes on with the prefix; 上海 after 嘉定区 begins something new
    if text[end : end + 1] in ("", " ", ",", "-", "|", "/") or _ZONE.match(text, end) or _STATED_TOWN.match(text, end):
        return False
    return not _prefix_follows(place.division[best].chain, text, end, place)


def _prefix_follows(chain: tuple[str, ...], text: str, pos: int, place: Gazetteer) -> bool:
    """True when a division of `chain`, or one inside it, is named at `pos`: the second 北京 of 北京北京丰台区."""
    for length in place.lengths.get(text[pos : pos + 2], ()):
        hits = place.names.get(text[pos : pos + length], ())
        if any(hit.code in chain or chain[-1] in place.division[hit.code].chain for hit in hits):
            return True
    return False


def _county_follows(code: str, text: str, pos: int, place: Gazetteer) -> bool:
    """True when a division inside `code` is named at `pos`: 河南新乡, 唐山路南区, 邢台桥东区."""
    for length in place.lengths.get(text[pos : pos + 2], ()):
        hits = place.names.get(text[pos : pos + length], ())
        if any(hit.code != code and code in place.division[hit.code].chain for hit in hits):
            return True
    return False


def add_mention(reading: Reading, name: str, hits: tuple[Hit, ...], share: float = 1.0) -> None:
    """Add a mention to the competition: every chain that holds one of its readings gains the reading's weight."""
    division, leaves = gazetteer().division, reading.leaves
    weighed = []
    for hit in hits:
        meant = division[hit.code]
        weighed.append((hit.code, meant.chain, hit.weight * share - (0.0 if meant.official else 0.05)))
    scores: dict[str, float] = {}
    for leaf, score in leaves.items():
        chain, gain = division[leaf].chain, 0.0
        for code, below, weight in weighed:
            if code in chain:
                gain = max(gain, weight)
            elif leaf in below:
                scores[code] = max(scores.get(code, 0.0), score + weight)
        scores[leaf] = max(scores.get(leaf, 0.0), score + gain)
    for code, chain, weight in weighed:
        if code not in scores and not any(code in division[leaf].chain for leaf in leaves):
            scores[code] = weight + _shared(chain, reading)
    reading.mentions.append((name, hits))
    reading.leaves = scores


def _shared(chain: tuple[str, ...], reading: Reading) -> float:
    """What earlier mentions give to a chain that none of the leaves leads to (乐东 after 海口: the province)."""
    return sum(max((hit.weight for hit in hits if hit.code in chain), default=0.0) for _, hits in reading.mentions)


def settle(reading: Reading) -> None:
    """Choose the chain: sets `code`, `rivals`, corrections and issues of the division level."""
    place = gazetteer()
    if not reading.leaves:
        return
    best = max(reading.leaves.values())
    winners = [code for code, score in reading.leaves.items() if score >= best - 1e-6]
    deepest = [
        code for code in winners if not any(code != other and code in place.division[other].chain for other in winners)
    ]
    if len(deepest) > 1 and reading.town_code:
        holding = [code for code in deepest if code in place.division[reading.town_code].chain]
        deepest = holding or deepest
    if len(deepest) == 1:
        reading.code = deepest[0]
    else:
        reading.rivals = sorted(deepest)
        reading.code = _common(reading.rivals, place)
        reading.issue(
            "ambiguous_district" if all(place.division[c].level == 3 for c in deepest) else "ambiguous_division"
        )
        reading.alternatives = [_spelt(code, place) for code in reading.rivals]
    _explain(reading, place)


def _common(codes: list[str], place: Gazetteer) -> str:
    """Deepest division that all `codes` lie in; empty when they share none."""
    chains = [place.division[code].chain for code in codes]
    shared = [code for code in chains[0] if all(code in chain for chain in chains)]
    return shared[-1] if shared else ""


def _spelt(code: str, place: Gazetteer) -> str:
    return "".join(dict.fromkeys(place.division[c].name for c in place.division[code].chain))


def _explain(reading: Reading, place: Gazetteer) -> None:
    """Record old names that were brought to today's, splits that are open, and mentions that contradict the choice."""
    chain = place.division[reading.code].chain if reading.code else ()
    for name, hits in reading.mentions:
        used = next((hit for hit in hits if hit.code in chain), None)
        if used is None:
            # 海南 is the province of the chain, even where the reading took it for a county of that name.
            known = any(hit.code in chain for hit in place.names.get(name, ()))
            strong = max(hit.weight for hit in hits) >= SPOKEN
            if strong and not known and not reading.rivals and not _excused(hits, chain, place):
                reading.issue("contradictory_divisions")
                reading.noise.append(name)
            continue
        current = place.division[used.code]
        if used.reason:
            column = ("province", "city", "district")[current.level - 1]
            reading.correct(column, name, current.name, used.reason)
            reading.successor = reading.successor or (used.code == reading.code and used.weight <= FORMER)
        if used.others and used.code == reading.code and not reading.town_code and not _named_otherwise(reading, name):
            reading.rivals = [used.code, *used.others]
            reading.alternatives = [_spelt(code, place) for code in reading.rivals]
            reading.issue("ambiguous_successor")
            reading.code = _common(reading.rivals, place)


def _named_otherwise(reading: Reading, name: str) -> bool:
    """莱城区 beside 莱芜市: another mention means the chosen county alone, however often it was divided."""
    return any(
        hit.code == reading.code and not hit.others and hit.weight >= SPOKEN
        for other, hits in reading.mentions
        if other != name
        for hit in hits
    )


def _excused(hits: tuple[Hit, ...], chain: tuple[str, ...], place: Gazetteer) -> bool:
    """A city named beside a county that the province administers itself (海口 乐东) is habit, not contradiction."""
    direct = len(chain) == 2 and place.division[chain[1]].level == 3
    return direct and any(
        place.division[hit.code].chain[0] == chain[0] and place.division[hit.code].level == 2 for hit in hits
    )
