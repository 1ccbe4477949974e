"""Which column of a sheet is what: from the headers that institutions use to our fields.

    >>> layout = arrange(["案件号", "客户姓名", "本金（元）", "身份证地址", "身份证地址日期", "备注"], mapping=None)
    >>> [(c.header, c.field.key) for c in layout.columns][2:]
    [('本金（元）', 'principal'), ('身份证地址', 'address1.text'), ('身份证地址日期', 'address1.recorded_on')]
    >>> layout.stated_origins, layout.unknown
    ({1: 'id_card'}, ('备注',))

The name of an address column states nothing about the origin of its addresses, with the exceptions of headers.toml
(`states_origin`): a header that itself names the source, such as 身份证地址 or 合同地址, is a statement of the file. A
filled origin column wins over it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from songda.intake.errors import AmbiguousColumn, TooManyColumns, UnknownField
from songda.intake.fields import Field, declared, field, single_fields

_BRACKETS = re.compile(r"[(\[【<〈「{]([^)\]】>〉」}]*)[)\]】>〉」}]")
_MARKS = re.compile(r"[\s*:：?？!！'\"“”‘’_\-—–·•./\\、,，;；#|+]+")
_CHINESE_DIGITS = {char: number for number, char in enumerate("一二三四五六七八九", start=1)}
#: A longer text is no header; cells of data are looked at too while the header is searched.
_HEADER_LIMIT = 60
_NUMBER = r"[1-9一二三四五六七八九]"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the sheet that we read."""

    #: Position in a row, from 0.
    index: int
    #: The header as the person wrote it.
    header: str
    field: Field
    #: The header says that the numbers are per cent.
    percent: bool


@dataclass(frozen=True, slots=True)
class Layout:
    columns: tuple[Column, ...]
    #: Address number → origin that the header itself names.
    stated_origins: Mapping[int, str]
    #: Headers that were not recognised.
    unknown: tuple[str, ...]
    #: Labels of required columns that the sheet lacks.
    missing: tuple[str, ...]

    @property
    def mapping(self) -> dict[str, str]:
        """Header → our field, as it can be saved for the institution."""
        return {column.header: column.field.key for column in self.columns}


@dataclass(frozen=True, slots=True)
class _Sense:
    """What one header says by itself, before numbers are given out."""

    group: str
    #: Field key for single fields; the literal name of the group of columns otherwise (地址, 户籍地址, 联系人).
    name: str
    number: int | None
    part: str
    percent: bool


@dataclass(frozen=True, slots=True)
class _Grammar:
    single: Mapping[str, str]
    phone: re.Pattern[str]
    slots: Mapping[str, re.Pattern[str]]
    parts: Mapping[str, Mapping[str, str]]
    brackets: frozenset[str]
    percent: frozenset[str]


@cache
def _grammar() -> _Grammar:
    table = declared()
    single = {_plain(name): key for key, entry in table["fields"].items() for name in [*entry["names"], entry["label"]]}
    slots, parts = {}, {}
    for group in ("address", "contact"):
        entry = table["groups"][group]
        parts[group] = {
            _plain(suffix): part for part, said in entry["parts"].items() for suffix in [*said["suffixes"], part]
        }
        names = _alternatives(entry["names"])
        suffixes = _alternatives(parts[group])
        slots[group] = re.compile(rf"(?:第({_NUMBER}))?({names})(?:第?({_NUMBER}))?({suffixes})(?:({_NUMBER})(?!.))?")
    phone = re.compile(rf"({_alternatives(table['groups']['phone']['names'])})({_NUMBER}|10)?")
    tolerated = table["tolerated"]
    return _Grammar(single, phone, slots, parts, frozenset(tolerated["brackets"]), frozenset(tolerated["percent"]))


def _alternatives(names: Sequence[str] | Mapping[str, str]) -> str:
    return "|".join(sorted((re.escape(_plain(name)) for name in names), key=len, reverse=True))


def _plain(text: str) -> str:
    return _MARKS.sub("", unicodedata.normalize("NFKC", text).lower())


def _fold(header: str) -> tuple[str, bool]:
    """The header without blanks, marks and tolerated brackets; and whether it says per cent."""
    if len(header) > _HEADER_LIMIT:
        return "", False
    grammar = _grammar()
    text = "".join(
        c for c in unicodedata.normalize("NFKC", header).lower() if unicodedata.category(c) not in ("Cf", "Cc")
    )
    percent = False

    def judge(match: re.Match[str]) -> str:
        nonlocal percent
        inner = re.sub(r"\s+", "", match[1])
        if inner in grammar.percent:
            percent = True
            return ""
        return "" if inner in grammar.brackets or not inner else match[0]

    text = _BRACKETS.sub(judge, text).strip()
    if text.endswith("%"):
        text, percent = text[:-1], True
    return _MARKS.sub("", text), percent


def _sense(header: str) -> _Sense | None:
    """What `header` says, or None."""
    text, percent = _fold(header)
    if not text:
        return None
    grammar = _grammar()
    key = grammar.single.get(text)
    if key is not None:
        return _Sense("single", key, None, "", percent) if not percent or field(key).kind == "rate" else None
    if percent:
        return None
    if match := grammar.phone.fullmatch(text):
        return _Sense("phone", match[1], None, "number", percent)
    for group, pattern in grammar.slots.items():
        if match := pattern.fullmatch(text):
            before, name, middle, suffix, after = match.groups()
            numbers = {_number(text) for text in (before, middle, after) if text}
            if len(numbers) <= 1:
                return _Sense(group, name, numbers.pop() if numbers else None, grammar.parts[group][suffix], percent)
    return None


def _number(text: str) -> int:
    return _CHINESE_DIGITS.get(text) or int(text)


def recognised(headers: Sequence[str]) -> int:
    """How many of `headers` we know: the measure by which a header row, a sheet and a delimiter are chosen."""
    return sum(1 for header in headers if header and _sense(header) is not None)


def is_known(header: str) -> bool:
    return _sense(header) is not None


def is_neutral_group(header: str) -> bool:
    """Whether the upper row of a two-row header adds nothing to the lower one."""
    return _fold(header)[0] in {_plain(name) for name in declared()["tolerated"]["neutral_groups"]}


def arrange(headers: Sequence[str], *, mapping: Mapping[str, str] | None) -> Layout:
    """Give each header its field; `mapping` (header → our field, or "" to leave a column unread) wins over recognition.

    Raises UnknownField, AmbiguousColumn, TooManyColumns. Required columns that are missing are named in the layout.
    """
    wanted = _wanted(mapping)
    columns: list[Column] = []
    senses: list[tuple[int, str, _Sense]] = []
    unknown: list[str] = []
    for index, header in enumerate(headers):
        sense, key = _sense(header), wanted.get(_plain(header))
        if key:
            columns.append(Column(index, header, field(key), _fold(header)[1]))
        elif key is not None:
            continue
        elif sense is not None:
            senses.append((index, header, sense))
        elif header:
            unknown.append(header)
    columns += _assign_single(senses)
    columns += _assign_phones(senses, taken={column.field.key for column in columns})
    for group in ("address", "contact"):
        grouped, orphans = _assign_slots(group, senses, mapped=columns)
        columns += grouped
        unknown += orphans
    columns.sort(key=lambda column: column.index)
    _refuse_doubles(columns)
    return Layout(tuple(columns), _stated_origins(columns), tuple(unknown), _missing(columns))


def _stated_origins(columns: Sequence[Column]) -> dict[int, str]:
    origins = {_plain(name): origin for name, origin in declared()["groups"]["address"]["states_origin"].items()}
    return {
        field_number(column.field.key): origins[sense.name]
        for column in columns
        if column.field.key.endswith(".text") and (sense := _sense(column.header)) is not None and sense.name in origins
    }


def field_number(key: str) -> int:
    """The number of an address, contact or phone: `address2.text` → 2."""
    return int("".join(c for c in key.partition(".")[0] if c.isdigit()))


def suggest_mapping(headers: Sequence[str]) -> dict[str, str]:
    """Header → our field for every header that we know or that is close to one, for a person to confirm and save.

    Only exact recognition is ever used without a person: a near miss is an offer.
    """
    from rapidfuzz import fuzz, process

    try:
        sure = arrange(headers, mapping=None).mapping
    except (AmbiguousColumn, TooManyColumns):
        sure = {}
    known = _grammar().single
    offers = dict(sure)
    for header in headers:
        if header and header not in sure:
            best = process.extractOne(_fold(header)[0], list(known), scorer=fuzz.ratio, score_cutoff=60)
            if best is not None and known[best[0]] not in offers.values():
                offers[header] = known[best[0]]
    return offers


def _wanted(mapping: Mapping[str, str] | None) -> dict[str, str]:
    wanted = {}
    for header, key in (mapping or {}).items():
        if key:
            try:
                field(key)
            except KeyError as error:
                raise UnknownField(field=key) from error
        wanted[_plain(header)] = key
    return wanted


def _assign_single(senses: Sequence[tuple[int, str, _Sense]]) -> list[Column]:
    return [
        Column(index, header, field(sense.name), sense.percent)
        for index, header, sense in senses
        if sense.group == "single"
    ]


def _assign_phones(senses: Sequence[tuple[int, str, _Sense]], *, taken: set[str]) -> list[Column]:
    free = _free_numbers("phone", taken)
    found = [(index, header) for index, header, sense in senses if sense.group == "phone"]
    _limit("phone", found, free)
    return [
        Column(index, header, field(f"phone{number}"), False)
        for (index, header), number in zip(found, free, strict=False)
    ]


def _assign_slots(
    group: str, senses: Sequence[tuple[int, str, _Sense]], *, mapped: Sequence[Column]
) -> tuple[list[Column], list[str]]:
    """Number the groups of columns: a saved mapping decides, 地址2 keeps its number, the rest follow."""
    fixed = {
        (sense.name, sense.number): field_number(column.field.key)
        for column in mapped
        if column.field.key.startswith(group) and (sense := _sense(column.header)) is not None and sense.group == group
    }
    found: dict[tuple[str, int | None], list[tuple[int, str, _Sense]]] = {}
    for entry in senses:
        if entry[2].group == group:
            found.setdefault((entry[2].name, entry[2].number), []).append(entry)
    leading = "text" if group == "address" else "name"
    whole = {
        slot: entries for slot, entries in found.items() if slot in fixed or any(e[2].part == leading for e in entries)
    }
    orphans = [header for slot, entries in found.items() if slot not in whole for _, header, _ in entries]
    free = _free_numbers(group, {column.field.key for column in mapped})
    first_name = _plain(declared()["groups"][group]["names"][0])
    numbers = {slot: number for slot, number in fixed.items() if slot in whole}
    for name, number in whole:
        if (name, number) not in numbers and name == first_name and number in free:
            numbers[name, number] = number
            free.remove(number)
    rest = [slot for slot in whole if slot not in numbers]
    _limit(group, [whole[slot][0][:2] for slot in rest], free)
    numbers |= dict(zip(rest, free, strict=False))
    columns = [
        Column(index, header, field(f"{group}{numbers[slot]}.{sense.part}"), False)
        for slot, entries in whole.items()
        for index, header, sense in entries
    ]
    return columns, orphans


def _free_numbers(group: str, taken: set[str]) -> list[int]:
    used = {field_number(key) for key in taken if key.startswith(group) and key != group}
    return [number for number in range(1, declared()["groups"][group]["limit"] + 1) if number not in used]


def _limit(group: str, found: Sequence[tuple[int, str]], free: Sequence[int]) -> None:
    if len(found) > len(free):
        entry = declared()["groups"][group]
        extra = "、".join(header for _, header in found[len(free) :])
        raise TooManyColumns(label=entry["label"], limit=entry["limit"], headers=extra)


def _refuse_doubles(columns: Sequence[Column]) -> None:
    seen: dict[str, Column] = {}
    for column in columns:
        other = seen.setdefault(column.field.key, column)
        if other is not column:
            raise AmbiguousColumn(
                first=f"{other.header}（第 {other.index + 1} 列）",
                second=f"{column.header}（第 {column.index + 1} 列）",
                label=column.field.label,
            )


def _missing(columns: Sequence[Column]) -> tuple[str, ...]:
    present = {column.field.key for column in columns}
    missing = [each.label for each in single_fields() if each.need == "required" and each.key not in present]
    if not any(key.startswith("address") and key.endswith(".text") for key in present):
        missing.append("地址")
    return tuple(missing)
