"""The head of a text that the dictionary settles alone; divisions without the tagger."""

from __future__ import annotations

import os
import random
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songda.address import divisions, standardize, tag
from songda.address.compiled.lexicon import lexicon
from songda.address.compiled.mentions import look_up
from songda.address.compiled.reader import new_scratch, read_head
from songda.address.compiled.tagger import LABELS
from songda.address.compiled.tokens import scan, tokenize
from songda.address.gazetteer import table
from songda.address.training.lines import read_labelled

CORPUS = Path(__file__).parents[2] / "corpus" / "address"


def head_of(text: str) -> list[tuple[str, str]]:
    """(words, label) of the head of a text."""
    lex, s = lexicon(), new_scratch()
    data = np.frombuffer(text.encode() + b"\0\0\0\0", np.uint8)
    count, _ = scan(data, 0, len(data) - 4, lex.fold, lex.symbol, s.text)
    tokenize(s.text, count)
    look_up(lex.names, s.text, 0, count)
    read_head(lex, s.text, count, s.mentions, s.head)
    chars = "".join(map(chr, s.text.char[:count].tolist()))
    found, at = [], 0
    for end, label in s.head.spans[: s.head.size[3]].tolist():
        found.append((chars[at:end], LABELS[label]))
        at = end
    return found


@cache
def chains() -> list[list[tuple[str, str]]]:
    """Province, city and county of every official county, as labelled names."""
    rows = {row["code"]: row for row in table("divisions")}
    found = []
    for row in rows.values():
        if row["level"] != "3" or row.get("official", "1") != "1":
            continue
        chain, code = [], row["code"]
        while code:
            above = rows[code]
            chain.append((above["name"], ("", "prov", "city", "district")[int(above["level"])]))
            code = above["parent"]
        found.append(chain[::-1])
    return found


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 2**32 - 1))
def test_the_chain_of_a_county_is_its_head(seed: int) -> None:
    """Whatever is taken is a part of the chain, in order; and of most chains all is taken."""
    chain = random.Random(seed).choice(chains())
    if chain[0][0] in ("北京市", "天津市", "上海市", "重庆市"):
        chain = [(chain[0][0], "city"), *chain[1:]]
    found = head_of("".join(name for name, _ in chain) + "幸福路12号")
    assert found == chain[: len(found)]


def test_nearly_every_chain_is_taken_whole() -> None:
    sample = random.Random(3).sample(chains(), 400)
    whole = sum(len(head_of("".join(name for name, _ in chain) + "幸福路12号")) == len(chain) for chain in sample)
    assert whole > 340


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("河北石家庄桥西区中国河北石家庄桥西区红旗大街", "河北/prov 石家庄/city 桥西区/district 中国河北石家庄桥西区/redundant"),
        ("上海上海松江区荣乐东路", "上海/city 上海/redundant 松江区/district"),
        ("山东青岛市南区香港中路", "山东/prov 青岛/city 市南区/district"),
        ("浙江省杭州市西湖区转塘街道象山路", "浙江省/prov 杭州市/city 西湖区/district 转塘街道/town"),
        ("中国浙江省杭州市", "中国/country 浙江省/prov 杭州市/city"),
        # The last word may belong to what follows.
        ("江苏省人民医院门诊楼", ""),
        ("阜宁县公安局", ""),
        ("山东济宁市中区太白楼路", ""),
        ("北京市市辖区丰台区", ""),
        # One name, several meanings.
        ("鼓楼区中山路1号", ""),
        ("幸福路12号", ""),
        ("吉林吉林市船营区", "吉林/prov 吉林市/city 船营区/district"),
    ],
)  # fmt: skip
def test_heads(text: str, head: str) -> None:
    assert head_of(text) == [tuple(each.rsplit("/", 1)) for each in head.split()]


def agreement(lines: list[tuple[str, list[tuple[str, str]]]]) -> tuple[float, float]:
    """(share of heads that are what the hand labelled, share of lines that have a head)."""
    right = some = 0
    for text, spans in lines:
        head, truth = head_of(text), [("".join(piece.split()), label) for piece, label in spans]
        if not head:
            continue
        some += 1
        *whole, (last, label) = head
        right += (
            len(truth) >= len(head)
            and whole == truth[: len(whole)]
            and truth[len(whole)][1] == label
            and truth[len(whole)][0].startswith(last)
        )
    return right / some, some / len(lines)


def test_heads_agree_with_the_labelled_corpus() -> None:
    right, some = agreement([line for file in sorted(CORPUS.glob("*.txt")) for line in read_labelled(file)])
    assert right > 0.998
    assert some > 0.7


@pytest.mark.skipif("SONGDA_TEST_DATA" not in os.environ, reason="needs SONGDA_TEST_DATA")
def test_heads_agree_with_real_labelled_lines() -> None:
    right, some = agreement(read_labelled(Path(os.environ["SONGDA_TEST_DATA"]) / "address_spans_train.jsonl"))
    assert right > 0.994
    assert some > 0.7


def test_the_span_behind_a_head_may_go_on() -> None:
    spans = [(span.text, span.label) for span in tag(["江苏镇江句容市江苏省镇江市句容茅山镇振兴路8号"])[0]]
    assert ("茅山镇", "town") in spans


def test_divisions_without_the_tagger() -> None:
    texts = [
        "浙江杭州下城区延安路295号",
        "鼓楼区中山路1号",
        None,
        "",
        "abc",
        "海南海口乐东黎族自治县九所镇",
        "上海上海松江区荣乐东路",
    ]
    found = divisions(texts)
    assert found.columns == ["province", "city", "district", "adcode", "rivals"]
    assert found["adcode"].to_list() == ["330105", None, None, None, None, "469027", "310117"]
    assert found.row(0) == ("浙江省", "杭州市", "拱墅区", "330105", 0)
    assert found["rivals"][1] > 1
    assert divisions(pl.Series([], dtype=pl.String)).height == 0


@pytest.mark.skipif("SONGDA_TEST_DATA" not in os.environ, reason="needs SONGDA_TEST_DATA")
def test_divisions_agree_with_the_whole_reading() -> None:
    texts = (Path(os.environ["SONGDA_TEST_DATA"]) / "addresses_real.txt").read_text("utf-8").splitlines()
    quick, whole = divisions(texts)["adcode"], standardize(texts)["adcode"]
    assert quick.eq_missing(whole).mean() > 0.99  # type: ignore[operator]
