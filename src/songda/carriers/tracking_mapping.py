"""What tracking codes mean: tracking_codes.csv (code → fact), tracking_facts.toml (fact → state, grade); versioned.

    mapping = load_mapping()
    to_fact(event, mapping)        # "signed_self"; None for a code that the table does not know

The codes come from the platform's dictionary as published by others and from real traces; a column tells which. Both
files are data: a new version refolds stored events without asking the carrier again.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Mapping as Mappable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from songda.carriers.errors import BadTrackingTable
from songda.carriers.tracking import Event
from songda.carriers.tracking_text import SignerWord, signer_words

#: 妥投代码 of the addressee in person.
SELF = "10"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    fact: str
    #: Codes that this event takes back.
    voids: frozenset[str]
    #: What it says about the address: bad, absent, ambiguous, fine, censored, or "" for nothing.
    address_signal: str


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
    version: str
    #: (code, 妥投/未妥投代码 or "") → meaning.
    codes: Mappable[tuple[str, str], Code]
    facts: Mappable[str, Fact]
    signers: Mappable[str, SignerWord]
    #: Codes that are told apart by a second code.
    qualified: frozenset[str]
    b1_products: frozenset[str]
    b1_address: frozenset[str]
    b2_address: frozenset[str]
    review_flags: frozenset[str]


@cache
def load_mapping() -> Mapping:
    """The table that ships with this version."""
    home = files("songda.carriers")
    return read_mapping(
        codes=home.joinpath("tracking_codes.csv").read_text(encoding="utf-8"),
        facts=home.joinpath("tracking_facts.toml").read_text(encoding="utf-8"),
    )


def read_mapping(*, codes: str, facts: str) -> Mapping:
    """A mapping from the texts of its two files. Raises BadTrackingTable for rows that contradict each other."""
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
    by_code: dict[tuple[str, str], Code] = {}
    for row in csv.DictReader(io.StringIO(codes)):
        key = row["code"], row["qualifier"]
        if key in by_code:
            raise BadTrackingTable(reason=f"代码 {row['code']}/{row['qualifier']} 重复")
        if row["fact"] not in by_name:
            raise BadTrackingTable(reason=f"代码 {row['code']} 的含义 {row['fact']} 未定义")
        voids = frozenset(row["voids"].split())
        by_code[key] = Code(fact=row["fact"], voids=voids, address_signal=row["address_signal"])
    known = {code for code, _ in by_code}
    if missing := {target for code in by_code.values() for target in code.voids} - known:
        raise BadTrackingTable(reason=f"被更正的代码 {min(missing)} 不在表中")
    return Mapping(
        version=table["version"],
        codes=by_code,
        facts=by_name,
        signers=signer_words(),
        qualified=frozenset(code for code, qualifier in by_code if qualifier),
        b1_products=frozenset(table["basis"]["b1"]["products"]),
        b1_address=frozenset(table["basis"]["b1"]["address"]),
        b2_address=frozenset(table["basis"]["b2"]["address"]),
        review_flags=frozenset(table["review"]["flags"]),
    )


def to_fact(event: Event, mapping: Mapping) -> str | None:
    """Name of the fact that `event` states; None when the table does not know its code: park it, raise an alarm."""
    code = meaning(event, mapping)
    return None if code is None else code.fact


def meaning(event: Event, mapping: Mapping) -> Code | None:
    """The row of the table that applies to `event`."""
    qualifier = ""
    if event.op_code in mapping.qualified:
        qualifier = event.attempt_code or delivery_code(event, mapping)
    return mapping.codes.get((event.op_code, qualifier))


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
