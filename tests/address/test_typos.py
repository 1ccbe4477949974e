"""Misspelt names of divisions and towns: corrected when only one can be meant, else left alone and marked."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songda.address import standardize
from songda.address.compiled.lexicon import entry_of, lexicon
from songda.address.gazetteer import table
from songda.address.nearest import nearest, nearest_town
from songda.address.slips import LEFT_OUT, SWAPPED, TWICE, distance, slip, sounds

One = Callable[[str | None], dict[str, Any]]


@cache
def _divisions() -> dict[str, dict[str, str]]:
    return {row["code"]: row for row in table("divisions")}


@cache
def _counties() -> list[list[str]]:
    """Names from the province down, of every county."""
    rows = _divisions()
    chains = []
    for row in rows.values():
        if row["level"] == "3" and row["official"] == "1" and row["code"] < "7":
            chain = [row]
            while chain[0]["parent"]:
                chain.insert(0, rows[chain[0]["parent"]])
            chains.append([link["name"] for link in chain])
    return chains


def _number(*names: str) -> int:
    """Number of the division that the names lead to."""
    lex, last = lexicon(), -1
    for name in names:
        last = next(i for i in range(len(lex.code)) if lex.parent[i] == last and lex.spelt(i) == name)
    return last


@pytest.mark.parametrize(
    ("text", "standard", "correction"),
    [
        ("浙江省坑州市西湖区文三路1号", "浙江省杭州市西湖区文三路1号", "city:坑州市>杭州市:typo"),
        ("广东省深训市南山区科技路2号", "广东省深圳市南山区科技路2号", "city:深训市>深圳市:typo"),
        ("江苏省南京市穴武区中山路1号", "江苏省南京市玄武区中山路1号", "district:穴武区>玄武区:typo"),
        ("上海市蒲东新区张杨路1号", "上海市浦东新区张杨路1号", "district:蒲东新区>浦东新区:typo"),
        ("河北省石家压市长安区中山路1号", "河北省石家庄市长安区中山路1号", "city:石家压市>石家庄市:typo"),
        ("佛山市川德区大良街道清晖路1号", "广东省佛山市顺德区大良街道清晖路1号", "district:川德区>顺德区:typo"),
        ("沈扬市和平区中华路1号", "辽宁省沈阳市和平区中华路1号", "city:沈扬市>沈阳市:typo"),
        ("内蒙古呼和浩恃市新城区爱民路1号", "内蒙古自治区呼和浩特市新城区爱民路1号", "city:呼和浩恃市>呼和浩特市:typo"),
        ("石庄市长安区中山路1号", "河北省石家庄市长安区中山路1号", "city:石庄市>石家庄市:typo"),
        ("呼和浩市新城区爱民路1号", "内蒙古自治区呼和浩特市新城区爱民路1号", "city:呼和浩市>呼和浩特市:typo"),
        ("州杭市西湖区文三路1号", "浙江省杭州市西湖区文三路1号", "city:州杭市>杭州市:typo"),
        ("河南郑洲市金水区农科路1号", "河南省郑州市金水区农科路1号", "city:郑洲市>郑州市:typo"),
        ("北京海锭区学院路30号", "北京市海淀区学院路30号", "district:海锭区>海淀区:typo"),
        ("江西吉安井岗山市茨坪镇", "江西省吉安市井冈山市茨坪镇", "district:井岗山市>井冈山市:typo"),
        ("湖北天门市渔芯镇解场村", "湖北省天门市渔薪镇解场村", "town:渔芯镇>渔薪镇:typo"),
        ("四川什邡市湔底镇27组", "四川省德阳市什邡市湔氐镇27组", "town:湔底镇>湔氐镇:typo"),
    ],
)
def test_misspelt_names_are_corrected_and_said(one: One, text: str, standard: str, correction: str) -> None:
    row = one(text)
    assert row["standard"] == standard
    assert correction in row["corrections"]
    assert "typo_corrected" in row["issues"]
    assert "unknown_division" not in row["issues"]
    assert row["text"] == text
    typed, meant = correction.split(":")[1].split(">")
    assert row["confidence"] < one(text.replace(typed, meant))["confidence"]


def test_two_misspelt_names_of_one_text_are_both_corrected(one: One) -> None:
    row = one("辽宁省沈扬市合平区中华路1号")
    assert row["standard"] == "辽宁省沈阳市和平区中华路1号"
    assert row["corrections"] == ["city:沈扬市>沈阳市:typo", "district:合平区>和平区:typo"]


@pytest.mark.parametrize(
    "text",
    [
        "浙江省绍兴市袍江区世纪街1号",  # a zone that people call a district
        "江西省赣州市青枫区迎宾大道1号",
        "江苏省常州市戚区丁堰路1号",
    ],
)
def test_a_name_that_is_like_no_other_is_only_marked(one: One, text: str) -> None:
    row = one(text)
    assert row["corrections"] == []
    assert "unknown_division" in row["issues"]


@pytest.mark.parametrize(
    "text",
    [
        "广东省中山市石岐区悦来路1号",  # the quarter of the town 石岐街道
        "黑龙江省大兴安岭地区加格达奇区前进路1号",  # known, though no official division
        "内蒙古自治区赤峰市巴林左旗林东镇",  # not 巴林右旗
        "广西南宁宾阳县芦圩镇人民医院",  # an old town, not 露圩镇: a village of 宾州镇 is called so
    ],
)
def test_names_of_places_that_exist_stay(one: One, text: str) -> None:
    row = one(text)
    assert not [correction for correction in row["corrections"] if correction.endswith(":typo")]
    assert "typo_corrected" not in row["issues"]


def test_ambiguity_is_no_correction() -> None:
    assert nearest("西胡区", (_number("浙江省", "杭州市"),)) is not None
    # 鹿城区 and 庐城… of other provinces are as near when nothing is known.
    assert nearest("新话区", ()) is None
    assert nearest("新话区", (_number("河北省"),)) is not None


def test_a_class_word_never_changes() -> None:
    known = (_number("浙江省", "杭州市"),)
    assert nearest("西湖县", known) is None
    assert nearest("西湖新区", known) is None


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_text_of_known_names_is_ever_changed(data: st.DataObject) -> None:
    texts = []
    for _ in range(20):
        chain = data.draw(st.sampled_from(_counties()))
        chain = chain[data.draw(st.integers(0, len(chain) - 1)) :]
        texts.append(data.draw(st.sampled_from(["", " ", "，"])).join(chain) + "人民路12号3栋2单元501室")
    frame = standardize(texts)
    assert not frame["corrections"].list.eval(pl.element().str.ends_with(":typo")).list.any().any()
    assert not frame["issues"].list.contains("typo_corrected").any()
    assert not frame["issues"].list.contains("unknown_division").any()


def _same_sound() -> dict[str, list[str]]:
    by_sound = defaultdict(list)
    for char, readings in sounds().pinyin.items():
        for reading in readings:
            by_sound[reading].append(char)
    return {c: sorted({o for r in rs for o in by_sound[r]} - {c}) for c, rs in sounds().pinyin.items()}


@pytest.mark.parametrize("kind", ["sound", "shape", "swapped", "twice", "missing"])
def test_invented_typos_are_corrected_right_or_not_at_all(kind: str) -> None:
    """200 counties misspelt under their city: at most one wrong in two hundred, and most of those that can be told are right."""
    rng, others = random.Random(f"typos {kind}"), _same_sound()
    texts, meant = [], []
    while len(texts) < 200:
        chain = rng.choice(_counties())
        stem, at = chain[-1][:-1], rng.randrange(len(chain[-1]) - 1)
        char, typed = stem[at], ""
        if kind == "sound" and others[char]:
            typed = stem[:at] + rng.choice(others[char]) + stem[at + 1 :]
        elif kind == "shape" and sounds().alike.get(char):
            typed = stem[:at] + rng.choice(sounds().alike[char]) + stem[at + 1 :]
        elif kind == "swapped" and at:
            typed = stem[: at - 1] + char + stem[at - 1] + stem[at + 1 :]
        elif kind == "twice":
            typed = stem[:at] + char + stem[at:]
        elif kind == "missing" and len(stem) > 2:
            typed = stem[:at] + stem[at + 1 :]
        typed += chain[-1][-1]
        if len(typed) > 2 and typed != chain[-1] and entry_of(typed) < 0:
            texts.append("".join(chain[:-1]) + typed + "人民路12号")
            meant.append("".join(chain))
    frame = standardize(texts)
    typos = frame["corrections"].list.eval(pl.element().filter(pl.element().str.ends_with(":typo"))).list.len() > 0
    read = [
        "".join(dict.fromkeys(filter(None, names)))
        for names in frame.select("province", "city", "district").iter_rows()
    ]
    corrected = [(got, want) for got, want, typo in zip(read, meant, typos, strict=True) if typo]
    wrong = [pair for pair in corrected if pair[0] != pair[1]]
    assert len(wrong) <= len(corrected) / 200, wrong
    if kind in ("sound", "shape", "swapped"):
        assert len(corrected) >= 120


def test_a_division_that_the_dictionary_lacks_is_hardly_ever_taken_for_a_neighbour() -> None:
    """Each county looked up as if it were unknown, in its city: what a new county of next year would suffer."""
    lex = lexicon()
    counties = [i for i in range(len(lex.code)) if lex.level[i] == 3 and lex.official[i]]
    taken = [lex.spelt(i) for i in counties if nearest(lex.spelt(i), (int(lex.parent[i]),))]
    assert len(taken) / len(counties) < 0.02


def test_a_corrected_text_needs_no_more_correction(one: One) -> None:
    row = one("江苏省南京市穴武区中山路1号")
    again = one(row["standard"])
    assert again["corrections"] == []
    assert again["place_key"] == row["place_key"]


def test_rows_keep_their_order_and_their_neighbours() -> None:
    texts = [
        "拱墅区延安路295号",
        "上海市蒲东新区张杨路1号",
        None,
        "河北省石庄市长安区中山路1号",
        "无",
        "杭州市西湖区文三路1号",
    ]
    frame = standardize(texts)
    assert frame["text"].to_list() == texts
    for i, text in enumerate(texts):
        assert frame[i].to_dicts() == standardize([text]).to_dicts()


def test_hints_go_with_the_corrected_rows() -> None:
    context = pl.DataFrame({"province": ["江苏省", "辽宁省", None]})
    frame = standardize(["南京市穴武区中山路1号", "合平区中华路1号", "杭州市西湖区文三路1号"], context=context)
    assert frame["district"].to_list()[::2] == ["玄武区", "西湖区"]
    assert frame["province"].to_list() == ["江苏省", "辽宁省", "浙江省"]


@given(st.text("浙江省杭州坑市石家庄压区西湖县旗镇路1号 ，（", max_size=24))
@settings(max_examples=150, deadline=None)
def test_no_text_makes_it_raise(text: str) -> None:
    assert standardize([text])["text"].to_list() == [text]


def _plain(typed: str, meant: str) -> float:
    """The distance as a table of all prefixes."""
    costs: dict[tuple[int, int], float] = {(0, j): j * LEFT_OUT for j in range(len(meant) + 1)}
    for i, char in enumerate(typed, 1):
        twice = char in (typed[i - 2 : i - 1], typed[i : i + 1])
        for j in range(len(meant) + 1):
            ways = [costs[i - 1, j] + (TWICE if twice else LEFT_OUT)]
            if j:
                ways += [costs[i, j - 1] + LEFT_OUT, costs[i - 1, j - 1] + slip(char, meant[j - 1])]
            if i > 1 and j > 1 and typed[i - 2] != char and (typed[i - 2], char) == (meant[j - 1], meant[j - 2]):
                ways.append(costs[i - 2, j - 2] + SWAPPED)
            costs[i, j] = min(ways)
    return round(costs[len(typed), len(meant)], 2)


@given(st.text("杭坑州洲市石家压庄", max_size=6), st.text("杭州市石家庄", max_size=6))
@settings(max_examples=400, deadline=None)
def test_distance_equals_the_plain_table(typed: str, meant: str) -> None:
    expected = _plain(typed, meant)
    found = distance(typed, meant, 1.2)
    assert found == expected if expected <= 1.2 else found > 1.2


def test_towns_need_one_sound_or_shape_and_nothing_else() -> None:
    tianmen = _number("湖北省", "天门市")
    near = nearest_town("渔芯镇", tianmen)
    assert near is not None
    assert near.name == "渔薪镇"
    assert nearest_town("薪渔镇", tianmen) is None
    assert nearest_town("渔芯乡", tianmen) is None


def test_sounds_know_every_character_of_a_division() -> None:
    silent = {
        char
        for row in _divisions().values()
        for char in row["name"]
        if row["level"] in "123" and char not in sounds().pinyin
    }
    assert silent == set()
    assert slip("坑", "杭") == slip("训", "圳") == 0.35
    assert slip("扬", "阳") == 0.3
    assert slip("林", "宁") == slip("福", "湖") == slip("商", "三") == 0.45
    assert slip("左", "右") == 1.0
