"""The reading of an address as a list of named steps: reading the lists is reading the method.

>>> standardize(["杭州下城区延安路２９５号"])["standard"].to_list()
['浙江省杭州市拱墅区延安路295号']
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from songda.address import brackets, persons, place, score, standard
from songda.address.divisions import add_mention, settle, walk
from songda.address.fine import read_fine
from songda.address.fold import LONGEST, fold, is_mojibake
from songda.address.gazetteer import gazetteer, town_stem, villages_of
from songda.address.reading import FINE, Fine, Reading
from songda.address.towns import find_town

if TYPE_CHECKING:
    import polars as pl

    Texts = Sequence[str | None] | pl.Series

_PLACEHOLDER = re.compile(
    r"(?:无|不详|未知|不明|没有|空|暂无|无地址|地址不详|详见|测试|测试地址|test|同上|同前|户籍地址?|身份证地址?|户口所在地|现住址|家庭住址|家里|本地|null|none|nan|n/?a|x+|0+|1+|待补充|待定|其他|其它|保密|如上|略|未填写?)",
    re.IGNORECASE,
)
_SECOND = re.compile(
    r"(?<=[一-龥0-9])[\s,]*(?:或者?|或是|另一?地址[: ]*|二址[: ]*|/{1,2}(?=[一-龥]{2,}[省市区县]))[\s,]*(?=[一-龥]{2})"
)
_JUNK = re.compile(r"(?<![0-9A-Za-z])(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{10,}(?![0-9A-Za-z])")
_VICINITY = re.compile(r"(.*?)(?:附近|旁边?|(?:斜|正)?对面|后面|隔壁|前面)$")
_SURROGATE = re.compile("[\ud800-\udfff]")
#: Rows that live as Python objects at one time.
_CHUNK = 5000
_PROMISES = re.compile(r"^(?:收货地址|详细地址|联系地址|家庭地址|地址|住址|现住|住)[: ]*")


def fold_text(reading: Reading) -> None:
    """Full-width, brackets, dashes, traditional characters, blanks, control characters."""
    if len(reading.raw) > LONGEST:
        reading.issue("too_long")
    if is_mojibake(reading.raw):
        reading.issue("mojibake")
    reading.text = _PROMISES.sub("", fold(reading.raw))


def refuse_placeholders(reading: Reading) -> None:
    """无, 不详, 测试, 同上, 户籍地: no address at all."""
    bare = re.sub(r"[\s()【】,.\-|:/*]", "", reading.text)
    if not bare:
        reading.issue("empty")
        reading.text = ""
    elif _PLACEHOLDER.fullmatch(bare):
        reading.issue("placeholder")
        reading.noise.append(bare)
        reading.text = ""
    elif not re.search(r"[一-龥]", bare):
        reading.issue("no_chinese")
        masked, marks = persons.remove_persons(reading.text)
        reading.noise += [*filter(None, [masked.strip()]), *marks]
        reading.text = ""


def take_persons(reading: Reading) -> None:
    """Names, phones, identity numbers; then strings of hexadecimal junk."""
    reading.text, marks = persons.remove_persons(reading.text)
    reading.noise += marks
    for junk in _JUNK.findall(reading.text):
        reading.noise.append(junk)
        reading.text = reading.text.replace(junk, " ")


def take_second_address(reading: Reading) -> None:
    """或者 between two addresses: the first counts, the second is reported."""
    match = _SECOND.search(reading.text)
    if match and re.search(r"[路街村区镇乡号栋苑园]", reading.text[match.end() :]) and match.start() > 5:
        reading.also = reading.text[match.end() :].strip()
        reading.text = reading.text[: match.start()]
        reading.issue("second_address")


def split_brackets(reading: Reading) -> None:
    """Typed part, hints, the rest."""
    reading.segments = brackets.split(reading.text)


def read_divisions(reading: Reading) -> None:
    """Province, city, county, town, from the left of the main text and of what was typed; then the choice of the chain."""
    for segment in reading.segments:
        if segment.kind != "hint":
            reading.town_open = segment.kind == "typed"
            segment.text = walk(reading, segment.text)
        elif not re.search(r"附近|旁|对面", segment.text) and segment.text in gazetteer().names:
            reading.noise.append(segment.text)
            segment.text = ""
    settle(reading)
    for segment in reading.segments:
        if segment.kind != "hint" and not reading.town:
            segment.text = find_town(reading, segment.text)


def read_fine_parts(reading: Reading) -> None:
    """Village, road, number, estate, building, unit, floor, room: the typed part wins over the map's."""
    home = villages_of(reading.town_code or reading.code)
    typed, main, hints = Fine(), Fine(), Fine()
    for segment in reading.segments:
        if not segment.text:
            continue
        if segment.kind == "hint":
            _read_hint(reading, segment.text, hints, home)
            continue
        into = typed if segment.kind == "typed" else main
        for name, values in read_fine(segment.text, home=home).values.items():
            for value in values:
                into.add(name, value)
    _merge(reading, typed, main, hints)


def _read_hint(reading: Reading, text: str, hints: Fine, home: str) -> None:
    near = _VICINITY.match(text)
    if near:
        hints.add("landmark", near[1].strip())
        return
    for name, values in read_fine(text, home=home).values.items():
        for value in values:
            hints.add(name, value)


def _merge(reading: Reading, typed: Fine, main: Fine, hints: Fine) -> None:
    chosen: dict[str, list[str]] = {}
    for fine in (hints, main, typed):  # the later wins
        chosen |= {name: values for name, values in fine.values.items() if values}
    if (
        "road" in typed
        and "road_no" not in typed
        and "road" in main
        and set(typed.values["road"]).isdisjoint(main.values["road"])
    ):
        chosen["road_no"] = hints.values.get("road_no", [])  # the map's number belongs to the map's road
    if "poi" in typed and "poi" in main:
        reading.landmarks += [poi for poi in main.values["poi"] if not any(poi in other for other in chosen["poi"])]
    if "poi" in hints and chosen["poi"] is not hints.values["poi"]:
        chosen["poi"] = chosen["poi"] + [
            poi for poi in hints.values["poi"] if not any(poi in other or other in poi for other in chosen["poi"])
        ]
    for fine in (typed, main, hints):
        reading.landmarks += fine.values.get("landmark", ())
        reading.noise += fine.values.get("noise", ())
    for name in FINE:
        reading.parts[name] = "|".join(chosen[name]) or None if name in chosen else None


def complete(reading: Reading) -> None:
    """Fill the columns of the division level from the chain; name what the text did not state."""
    gaz, parts = gazetteer(), reading.parts
    chain = gaz.division[reading.code].chain if reading.code else ()
    if reading.town_code and reading.code and reading.code not in gaz.division[reading.town_code].chain:
        reading.town_code = ""
        reading.issue("town_elsewhere")
    stated = {hit.code for _, hits in reading.mentions for hit in hits}
    for column in ("province", "city", "district"):
        parts[column] = None
    for code in chain:
        division = gaz.division[code]
        column = ("province", "city", "district")[division.level - 1]
        parts[column] = division.name
        if code not in stated:
            reading.inferred.append(column)
    if parts["province"] and gaz.division[chain[0]].kind != "省" and chain[0][:2] in ("11", "12", "31", "50"):
        parts["city"] = parts["province"]
    parts["town"] = reading.town or None
    parts["landmark"] = "|".join(dict.fromkeys(filter(None, reading.landmarks))) or None


def refuse_placeholder_rest(reading: Reading) -> None:
    """北京市不详: the division is kept, the rest is refused."""
    rest = reading.parts.get("poi") or reading.parts.get("village")
    if rest and _PLACEHOLDER.fullmatch(rest):
        reading.issue("placeholder")
        reading.noise.append(rest)
        reading.parts["poi"] = reading.parts["village"] = None


CLEANING: tuple[Callable[[Reading], None], ...] = (
    fold_text,
    refuse_placeholders,
    take_persons,
    take_second_address,
    split_brackets,
)
READING: tuple[Callable[[Reading], None], ...] = (read_divisions, read_fine_parts, complete, refuse_placeholder_rest)


def read(text: str | None, *, hints: Sequence[str | None] = ()) -> Reading:
    """Read one text; `hints` are names of province, city and county known from elsewhere. Never raises on any text."""
    reading = Reading(text or "")
    for step in CLEANING:
        step(reading)
    if reading.text:
        _take_hints(reading, hints)
    for step in READING:
        step(reading)
    return reading


def _take_hints(reading: Reading, hints: Sequence[str | None]) -> None:
    """A hint counts half of what the text says itself."""
    for hint in hints:
        hits = gazetteer().names.get(fold(hint)) if hint else None
        if hits:
            add_mention(reading, str(hint), hits, share=0.5)


def standardize(texts: Texts, *, context: pl.DataFrame | None = None) -> pl.DataFrame:
    """Standard form of each text, one row a text in the same order, with the columns of `songda.base.schemas.STANDARD`.

    `context`: optional hints, one row a text, in columns `province`, `city`, `district` (any of them). No text makes it raise.
    """
    import polars as pl

    from songda.base.schemas import STANDARD

    # Half a surrogate pair is no character: Polars would refuse it.
    raw = [text and _SURROGATE.sub("\ufffd", text) for text in texts]
    hints: Iterable[Sequence[str | None]] = ((),) * len(raw)
    if context is not None:
        columns = [name for name in ("province", "city", "district") if name in context.columns]
        hints = context.select(columns).rows() if columns else hints
    pairs = list(zip(raw, hints, strict=True))
    return pl.concat(
        [STANDARD.to_frame(), *(_frame(pairs[start : start + _CHUNK]) for start in range(0, len(pairs), _CHUNK))]
    )


def _frame(pairs: Sequence[tuple[str | None, Sequence[str | None]]]) -> pl.DataFrame:
    import polars as pl

    from songda.base.schemas import STANDARD

    rows = [_row(text, read(text, hints=hint)) for text, hint in pairs]
    columns = {
        name: _lists([row[name] for row in rows]) if isinstance(kind, pl.List) else [row[name] for row in rows]
        for name, kind in STANDARD.items()
    }
    return pl.DataFrame(columns, schema=STANDARD)


def _lists(values: list[list[str]]) -> pl.Series:
    """A column of lists: one joined string a row, split again inside Polars, is four times as fast as lists of Python objects."""
    import polars as pl

    joined = pl.Series(["\x1f".join(value) if value else None for value in values], dtype=pl.String)
    return joined.str.split("\x1f").fill_null([])


def _row(text: str | None, reading: Reading) -> dict[str, Any]:
    gaz, parts = gazetteer(), reading.parts
    town = gaz.division[reading.town_code] if reading.town_code else None
    keys = place.keys(
        parts, division=reading.code, town=town.code if town else town_stem(reading.town) if reading.town else ""
    )
    pieces = standard.chunks(parts)
    noise = list(dict.fromkeys(reading.noise))
    return {
        "text": text,
        **parts,
        "noise": "|".join(noise) or None,
        "also": reading.also,
        "adcode": reading.code or None,
        "town_code": reading.town_code or None,
        "postcode": _postcode(reading.code),
        "standard": "".join(pieces) or None,
        "label": standard.label_lines(pieces),
        "place_key": keys[-1] if keys else None,
        "place_keys": keys,
        "level": score.level(parts),
        "completeness": score.completeness(parts),
        "confidence": score.confidence(parts, issues=reading.issues, corrections=reading.corrections, noise=noise),
        "alternatives": reading.alternatives,
        "issues": reading.issues,
        "corrections": reading.corrections,
        "inferred": reading.inferred,
    }


def _postcode(code: str) -> str | None:
    """Postcode of the county, else none: a city's code is too weak for a letter."""
    return gazetteer().postcode.get(code) if code and not code.endswith("00") else None
