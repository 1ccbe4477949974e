"""What tracking codes mean: tracking_codes.csv (code → fact), tracking_facts.toml (fact → state, grade); versioned.

    mapping = load_mapping()
    to_fact(event, mapping)        # "signed_self"; None for a code that the table does not know

A row says where its meaning comes from (`source`), how far it is verified (`carrier`: the carrier's own contract
document, `two` or `one` independent sources, `inferred`) and from which day it holds (`valid_from`, by the event's day
in Shanghai; empty: ever). An installation adds rows of its own, or replaces shipped ones, in a file of the same columns.
Both files are data: another version refolds stored events without asking the carrier again.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Mapping as Mappable
from dataclasses import dataclass
from datetime import date
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from songda.base.days import business_day
from songda.carriers.errors import BadTrackingTable
from songda.carriers.tracking import Event
from songda.carriers.tracking_text import SignerWord, signer_words

#: 妥投代码 of the addressee in person.
SELF = "10"

_COLUMNS = frozenset(
    ("code", "qualifier", "fact", "voids", "address_signal", "name", "source", "verified", "valid_from")
)
_SIGNALS = frozenset(("", "absent", "ambiguous", "bad", "censored", "fine"))
_VERIFIED = ("carrier", "two", "one", "inferred")


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    fact: str
    #: Codes that this event takes back.
    voids: frozenset[str]
    #: What it says about the address: bad, absent, ambiguous, fine, censored, or "" for nothing.
    address_signal: str
    #: Told by somebody else than the carrier.
    second_hand: bool = False
    #: Whether it yields to a result that the carrier tells of the same day, whatever the hour.
    yields_all_day: bool = False
    #: First day of the events that it is about; None: ever.
    valid_from: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    name: str
    #: Place in the order of a letter's life.
    order: int
    state: str
    precedence: int
    grade: str | None
    flags: frozenset[str]
    b1: bool
    b2: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    #: Declared version and a digest of both files: different tables never share one.
    version: str
    #: (code, 妥投/未妥投代码 or "") → meanings, the one that holds from the latest day first.
    codes: Mappable[tuple[str, str], tuple[Code, ...]]
    facts: Mappable[str, Fact]
    signers: Mappable[str, SignerWord]
    #: Codes that are told apart by a second code.
    qualified: frozenset[str]
    b1_products: frozenset[str]
    b1_address: frozenset[str]
    b2_address: frozenset[str]
    review_flags: frozenset[str]
    second_hand_flag: str


@cache
def load_mapping() -> Mapping:
    """The table that ships with this version."""
    return read_mapping(codes=shipped_codes(), facts=_shipped("tracking_facts.toml"))


def load_own_mapping(path: Path) -> Mapping:
    """The shipped table with the rows of the file at `path` added or put in place of those of the same code, qualifier
    and day; the shipped table alone where there is no such file. Raises BadTrackingTable.
    """
    try:
        own = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return load_mapping()
    except (OSError, UnicodeDecodeError) as error:
        raise BadTrackingTable(reason=f"文件 {path.name} 读不了（应为 UTF-8 的 CSV）") from error
    return _with_own(own)


@cache
def _with_own(own: str) -> Mapping:
    return read_mapping(codes=shipped_codes(), facts=_shipped("tracking_facts.toml"), own=own)


def shipped_codes() -> str:
    """tracking_codes.csv, as it ships."""
    return _shipped("tracking_codes.csv")


def _shipped(name: str) -> str:
    return files("songda.carriers").joinpath(name).read_text(encoding="utf-8")


def read_mapping(*, codes: str, facts: str, own: str = "") -> Mapping:
    """A mapping from the texts of its files. Raises BadTrackingTable for rows that contradict each other."""
    table = tomllib.loads(facts)
    by_name = {
        row["name"]: Fact(
            name=row["name"],
            order=order,
            state=row["state"],
            precedence=row["precedence"],
            grade=row.get("grade"),
            flags=frozenset(row.get("flags", ())),
            b1=row.get("b1", False),
            b2=row.get("b2", False),
        )
        for order, row in enumerate(table["fact"])
    }
    second_hand = table["second_hand"]
    rows = _rows(codes) | _rows(own) if own else _rows(codes)
    by_code: dict[tuple[str, str], list[Code]] = {}
    for (code, qualifier, valid_from), row in rows.items():
        fact, told_by = row["fact"], code.partition(":")[0]
        if fact not in by_name:
            raise BadTrackingTable(reason=f"代码 {code} 的含义 {fact} 未定义（可用：{'、'.join(by_name)}）")
        if told_by in second_hand["tellers"] and fact in second_hand["not_facts"]:
            raise BadTrackingTable(reason=f"代码 {code} 是第三方转述，不能表示 {fact}")
        meaning = Code(
            fact=fact,
            voids=frozenset((row["voids"] or "").split()),
            address_signal=row["address_signal"] or "",
            second_hand=told_by in second_hand["tellers"],
            # Tables in bundles of evidence may be older than this key.
            yields_all_day=told_by in second_hand.get("yield_all_day", ()),
            valid_from=valid_from,
        )
        by_code.setdefault((code, qualifier), []).append(meaning)
    known = {code for code, _ in by_code}
    if missing := {target for each in by_code.values() for code in each for target in code.voids} - known:
        raise BadTrackingTable(reason=f"被更正的代码 {min(missing)} 不在表中")
    digest = sha256("\x1f".join((codes, facts, own)).encode()).hexdigest()[:8]
    return Mapping(
        version=f"{table['version']}-{digest}",
        codes={
            key: tuple(sorted(each, key=lambda code: code.valid_from or date.min, reverse=True))
            for key, each in by_code.items()
        },
        facts=by_name,
        signers=signer_words(),
        qualified=frozenset(code for code, qualifier in by_code if qualifier),
        b1_products=frozenset(table["basis"]["b1"]["products"]),
        b1_address=frozenset(table["basis"]["b1"]["address"]),
        b2_address=frozenset(table["basis"]["b2"]["address"]),
        review_flags=frozenset(table["review"]["flags"]),
        second_hand_flag=second_hand["flag"],
    )


def _rows(text: str) -> dict[tuple[str, str, date | None], dict[str, str]]:
    """Rows of one file by (code, qualifier, first day). Raises BadTrackingTable."""
    found: dict[tuple[str, str, date | None], dict[str, str]] = {}
    reader = csv.DictReader(io.StringIO(text))
    if missing := _COLUMNS - set(reader.fieldnames or ()):
        raise BadTrackingTable(reason=f"缺少列 {'、'.join(sorted(missing))}")
    for row in reader:
        line = f"第 {reader.line_num} 行"
        if not row["code"]:
            raise BadTrackingTable(reason=f"{line}没有 code")
        if row["address_signal"] not in _SIGNALS:
            raise BadTrackingTable(reason=f"{line}的 address_signal 应为 {'、'.join(sorted(_SIGNALS - {''}))} 或留空")
        if row["verified"] not in _VERIFIED or not row["source"]:
            raise BadTrackingTable(reason=f"{line}应写明 source，verified 应为 {'、'.join(_VERIFIED)} 之一")
        try:
            valid_from = date.fromisoformat(row["valid_from"]) if row["valid_from"] else None
        except ValueError:
            raise BadTrackingTable(reason=f"{line}的 valid_from 应写成 2026-12-01") from None
        key = row["code"], row["qualifier"] or "", valid_from
        if key in found:
            raise BadTrackingTable(reason=f"{line}：代码 {row['code']}/{row['qualifier']} 重复")
        found[key] = row
    return found


def to_fact(event: Event, mapping: Mapping) -> str | None:
    """Name of the fact that `event` states; None when the table does not know its code: park it, raise an alarm."""
    code = meaning(event, mapping)
    return None if code is None else code.fact


def meaning(event: Event, mapping: Mapping) -> Code | None:
    """The row of the table that applies to `event` on its day."""
    qualifier = ""
    if event.op_code in mapping.qualified:
        qualifier = event.attempt_code or delivery_code(event, mapping)
    for code in mapping.codes.get((event.op_code, qualifier), ()):
        if code.valid_from is None or code.valid_from <= business_day(event.op_time):
            return code
    return None


def delivery_code(event: Event, mapping: Mapping) -> str:
    """妥投代码 of an event: as given, or by the words of its text where the code is missing.

    Where the code says "in person" and the text names somebody else, the text is believed: the weaker of the two.
    """
    word = mapping.signers.get(event.signer)
    if word is None:
        return event.deliver_code
    return word.deliver_code if not event.deliver_code or contradicts(event, mapping) else event.deliver_code


def contradicts(event: Event, mapping: Mapping) -> bool:
    """Whether the code says "in person" and the text names somebody else."""
    word = mapping.signers.get(event.signer)
    return event.deliver_code == SELF and word is not None and word.deliver_code != SELF
