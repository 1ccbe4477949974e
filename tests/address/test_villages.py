"""The set of villages of each county."""

from __future__ import annotations

import random

import numpy as np
import pytest

from songda.address import tag
from songda.address.compiled.lexicon import lexicon
from songda.address.compiled.tokens import new_text, scan
from songda.address.compiled.villages import LONGEST_VILLAGE, village_length
from songda.address.gazetteer import table


def length(name: str, county: int) -> int:
    lex, text = lexicon(), new_text()
    data = np.frombuffer((name + "某").encode() + b"\0\0\0\0", np.uint8)
    count, _ = scan(data, 0, len(data) - 4, lex.fold, lex.symbol, text)
    return village_length(lex, text, 0, count, county)


def sample(count: int) -> list[tuple[str, str]]:
    """(name, code of the county)"""
    rows = random.Random(4).sample(table("villages"), count)
    return [(row["names"].split("|")[0], row["town"][:6]) for row in rows]


def test_every_village_is_found_in_its_county() -> None:
    villages = [(name, county) for name, county in sample(500) if 2 <= len(name) <= LONGEST_VILLAGE]
    assert len(villages) > 300
    assert all(length(name, int(county)) >= len(name) for name, county in villages)


def test_hardly_a_village_of_elsewhere_is_found() -> None:
    villages = [name for name, _ in sample(800) if len(name) == 3]
    others = [county for _, county in sample(800)[::-1]]
    false = sum(length(name, int(county)) == 3 for name, county in zip(villages, others, strict=False))
    assert false < len(villages) * 0.05


@pytest.mark.parametrize(
    ("text", "village", "rest"),
    [("福建省浦城县石陂镇梨岭木材厂", "梨岭", "木材厂"), ("安徽省桐城市范岗镇杨安制刷厂", "杨安", "制刷厂")],
)
def test_a_village_parts_from_the_firm_behind_it(text: str, village: str, rest: str) -> None:
    spans = [(span.text, span.label) for span in tag([text])[0]]
    assert spans[-2:] == [(village, "community"), (rest, "poi")]
