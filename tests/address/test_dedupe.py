"""Rows that mean the same door: what is joined, what never is, and how much is compared."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.address import standardize
from songda.address.dedupe import (
    GROUPS,
    HOW,
    NEEDED,
    WINDOW,
    Compare,
    cluster,
    components,
    dedupe,
    held,
    keyed,
    same_doors,
)

_P = "江苏省苏州市姑苏区"


# What people write


def test_equal_keys_are_exact_other_spellings_near_and_the_fullest_row_is_kept() -> None:
    texts = [
        f"{_P}人民路12号3栋502",
        "江苏苏州姑苏区平江街道人民路１２号三幢502室",
        f"{_P}人民路14号",
        None,
        "苏州姑苏区人民路十二号3号楼502",
        "无",
    ]
    found = dedupe(standardize(texts))
    assert found.schema == GROUPS
    assert found["row"].to_list() == list(range(6))
    assert found["group"].to_list() == [1, 1, 2, 3, 1, 5]
    assert found["how"].to_list() == ["near", "kept", "alone", "unknown", "near", "unknown"]


@pytest.mark.parametrize(
    "other",
    [
        f"{_P}人民路12号3栋503",
        f"{_P}人民路12号4栋502",
        f"{_P}人民路14号3栋502",
        f"{_P}文昌路12号3栋502",
        f"{_P}人民路12号3栋",
        "江苏省苏州市吴中区人民路12号3栋502",
        "江苏省南京市鼓楼区人民路12号3栋502",
        f"{_P}人民路甲12号3栋502",
        f"{_P}人民路12号3单元502",
        f"{_P}人民东路12号3栋502",
    ],
)
def test_another_door_and_a_less_precise_one_are_no_duplicates(other: str) -> None:
    assert dedupe(standardize([f"{_P}人民路12号3栋502", other]))["how"].to_list() == ["alone", "alone"]


@pytest.mark.parametrize(
    ("one", "other", "how"),
    [
        ("锦绣花园3栋502", "锦绣花园二期3栋502", ["alone", "alone"]),
        ("锦绣花园A区3栋502", "锦绣花园3栋502", ["alone", "alone"]),
        ("锦绣花园一期3栋502", "锦绣花园二期3栋502", ["alone", "alone"]),
        ("人民路12号锦绣花园3栋502", "人民路12号锦绣花园二期3栋502", ["near", "kept"]),
        ("锦绣花园3栋502", "锦绣花园三幢502室", ["kept", "exact"]),
    ],
)
def test_a_phase_that_one_row_leaves_out_is_open_unless_the_number_of_the_road_tells(
    one: str, other: str, how: list[str]
) -> None:
    assert sorted(dedupe(standardize([_P + one, _P + other]))["how"]) == sorted(how)


def test_keys_of_a_long_list_are_those_of_the_frame_and_hold_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{_P}人民路{number}号" for number in range(1, 41)] + [None, "无"]
    whole = standardize(texts).select(NEEDED)
    assert keyed(texts).equals(whole)
    monkeypatch.setattr("songda.address.dedupe._CHUNK", 5)
    assert keyed(texts).equals(whole)
    assert keyed(pl.Series(texts)).equals(whole)
    assert keyed([]).equals(whole.head(0))


def test_columns_that_are_held_do_not_keep_the_frame_in_memory() -> None:
    """A frame of `standardize` keeps some kilobytes a row alive through any text of it: a hundred megabytes here."""

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20

    texts = [f"{_P}人民路{number}号锦绣花园{number}栋502室" for number in range(1000)]
    standardize(texts)
    before = resident()
    kept = [held(standardize(texts), *NEEDED, "place_keys") for _ in range(20)]
    assert resident() - before < 40
    assert kept[0].equals(standardize(texts).select(*NEEDED, "place_keys"))


DISTRICTS = (
    ("浙江省", "杭州市", "拱墅区", "米市巷街道"),
    ("浙江省", "宁波市", "鄞州区", "下应街道"),
    ("江苏省", "苏州市", "姑苏区", "平江街道"),
    ("江苏省", "南京市", "鼓楼区", "宁海路街道"),
    ("广东省", "深圳市", "南山区", "粤海街道"),
    ("广东省", "广州市", "天河区", "石牌街道"),
    ("四川省", "成都市", "锦江区", "书院街街道"),
    ("湖北省", "武汉市", "江汉区", "民权街道"),
    ("山东省", "青岛市", "市南区", "云南路街道"),
    ("河南省", "郑州市", "金水区", "经八路街道"),
)
ROADS = ("人民路", "建设路", "青石路", "桂花路", "文昌路", "望江路", "柳荫路", "新安路", "迎春路", "长青路")
ESTATES = ("锦绣花园", "青石家园", "翠竹苑", "滨河公寓", "书香雅居", "")
NUMERALS = "零一二三四五六七八九"


def chinese(number: int) -> str:
    tens, ones = divmod(number, 10)
    return (
        (NUMERALS[tens] if tens > 1 else "") * (tens > 0)
        + "十" * (tens > 0)
        + (NUMERALS[ones] if ones or not tens else "")
    )


def spelled(door: tuple[Any, ...], rng: random.Random) -> str:
    """One of the ways to write a door: prefix, town, road, number, estate, building, room."""
    place, road, number, estate, building, room = door
    province, city, district, town = DISTRICTS[place]
    prefix = rng.choice(
        (
            f"{province}{city}{district}",
            f"{province[:-1]}{city[:-1]}{district}",
            f"{city}{district}",
            f"{province[:-1]}{city[:-1]}{district}{province}{city}{district}",
        )
    )
    number_text = rng.choice(
        (
            f"{number}号",
            f"{number}",
            f"{number}号",
            str(number).translate(str.maketrans("0123456789", "０１２３４５６７８９")) + "号",
        )
    )
    if not estate:
        number_text = f"{number}号"
    block = rng.choice(
        (
            f"{building}栋",
            f"{building}幢",
            f"{building}号楼",
            f"{chinese(building)}栋",
            f"{building:02}栋",
            f"{building}#",
        )
    )
    flat = rng.choice((f"{room}室", f"{room}", f"{room}房"))
    return prefix + rng.choice(("", town)) + road + number_text + estate + block + flat


def invented(rows: int, doors: int, *, seed: int) -> tuple[list[str], list[int]]:
    """`rows` texts of `doors` different doors, each door written at least once, in any order; and the door of each text."""
    rng = random.Random(seed)
    known: dict[tuple[Any, ...], str] = {}
    while len(known) < doors:
        road = (rng.randrange(len(DISTRICTS)), rng.choice(ROADS), rng.randint(1, 40))
        # Number, building and room are one door, whatever the estate is called.
        known[(*road, rng.randint(1, 20), rng.randint(1, 30) * 100 + rng.randint(1, 4))] = rng.choice(ESTATES)
    listed = [(*road, estate, building, room) for (*road, building, room), estate in known.items()]
    owners = [*range(doors), *(rng.randrange(doors) for _ in range(rows - doors))]
    rng.shuffle(owners)
    return [spelled(listed[owner], rng) for owner in owners], owners


def test_twenty_thousand_rows_give_back_the_planted_duplicates_and_join_no_two_doors() -> None:
    texts, owners = invented(20_000, 14_000, seed=5)
    frame = standardize(texts)
    found = dedupe(frame).with_columns(owner=pl.Series(owners))
    mixed = found.group_by("group").agg(pl.col("owner").n_unique().alias("owners")).filter(pl.col("owners") > 1)
    assert mixed.height == 0
    # Of the pairs that are one door, how many stand in one group; by the rows that share both.
    pairs = found.group_by("owner").len().select((pl.col("len") * (pl.col("len") - 1)).sum()).item()
    together = found.group_by("owner", "group").len().select((pl.col("len") * (pl.col("len") - 1)).sum()).item()
    assert together / pairs > 0.97
    assert found.filter(pl.col("how") == "near").height > 1000
    assert found.filter(pl.col("how").is_in(["ambiguous", "unknown"])).height == 0


def test_the_order_of_the_rows_changes_no_group() -> None:
    texts, _ = invented(1500, 800, seed=8)
    order = list(range(len(texts)))
    random.Random(1).shuffle(order)
    first = dedupe(standardize(texts))
    second = dedupe(standardize([texts[index] for index in order]))

    def together(found: pl.DataFrame, rows: list[int]) -> set[frozenset[int]]:
        joined = found.with_columns(original=pl.Series(rows))
        return {frozenset(each) for each in joined.group_by("group").agg("original")["original"].to_list()}

    assert together(first, list(range(len(texts)))) == together(second, order)


# What the method promises, with comparisons of the tests' own


def frame_of(*place_keys: str | None, completeness: list[float] | None = None) -> pl.DataFrame:
    """Rows that state nothing but their whole key."""
    columns = {"place_key": place_keys, "completeness": completeness or [1.0] * len(place_keys)}
    return pl.DataFrame(columns, schema={"place_key": pl.String, "completeness": pl.Float64})


def verdicts(table: dict[tuple[str, str], str], usual: str = "unknown") -> Compare:
    def compare(a: pl.Series, b: pl.Series) -> pl.Series:
        pairs = zip(a.to_list(), b.to_list(), strict=True)
        return pl.Series([table.get((x, y)) or table.get((y, x)) or usual for x, y in pairs], dtype=pl.String)

    return compare


ROAD = "320508;r=人民路;n=12"
A, B, C = f"{ROAD};p=东苑;m=5", f"{ROAD};p=西苑;m=5", f"{ROAD};m=5"


def test_a_row_between_two_doors_that_contradict_each_other_joins_neither() -> None:
    compare = verdicts({(A, C): "same_door", (B, C): "same_door", (A, B): "conflict"})
    found = dedupe(frame_of(A, B, C, C, completeness=[1.0, 1.0, 0.5, 0.5]), compare=compare)
    assert found["group"].to_list() == [0, 1, 2, 2]
    assert found["how"].to_list() == ["alone", "alone", "ambiguous", "ambiguous"]
    assert found["candidates"].to_list() == [[], [], [0, 1], [0, 1]]


def test_a_row_between_two_doors_that_may_be_one_joins_all_three() -> None:
    compare = verdicts({(A, C): "same_door", (B, C): "same_door"})
    found = dedupe(frame_of(A, B, C, completeness=[1.0, 1.0, 0.5]), compare=compare)
    assert found["group"].to_list() == [0, 0, 0]
    assert found["how"].to_list() == ["kept", "near", "near"]


@pytest.mark.parametrize("verdict", ["same_building", "same_estate", "conflict", "unknown"])
def test_only_the_same_door_is_a_duplicate(verdict: str) -> None:
    found = dedupe(frame_of(A, C), compare=verdicts({(A, C): verdict}))
    assert found["how"].to_list() == ["alone", "alone"]


def test_no_rows_and_rows_without_place() -> None:
    assert dedupe(frame_of(), compare=verdicts({})).schema == GROUPS
    found = dedupe(frame_of(None, None), compare=verdicts({}))
    assert found.select("group", "how").rows() == [(0, "unknown"), (1, "unknown")]


def test_every_way_has_a_chinese_word() -> None:
    assert list(HOW) == ["alone", "kept", "exact", "near", "ambiguous", "unknown"]


def test_a_road_with_thousands_of_texts_is_compared_with_neighbours_only() -> None:
    count = 3000
    compared = 0

    def compare(a: pl.Series, b: pl.Series) -> pl.Series:
        nonlocal compared
        compared += len(a)
        return pl.repeat("unknown", len(a), dtype=pl.String, eager=True)

    found = dedupe(frame_of(*(f"320508;r=人民路;p=第{number}商店" for number in range(count))), compare=compare)
    assert found["how"].to_list() == ["alone"] * count
    assert 0 < compared <= count * WINDOW


def test_no_pair_of_a_small_block_is_left_out_or_compared_twice() -> None:
    seen: list[tuple[str, str]] = []

    def compare(a: pl.Series, b: pl.Series) -> pl.Series:
        seen.extend(zip(a.to_list(), b.to_list(), strict=True))
        return pl.repeat("unknown", len(a), dtype=pl.String, eager=True)

    keys = [f"{ROAD};p={name};b=3;m=5" for name in "甲乙丙丁戊"]
    dedupe(frame_of(*keys), compare=compare)
    assert sorted(map(sorted, seen)) == sorted(sorted((x, y)) for i, x in enumerate(keys) for y in keys[i + 1 :])


@given(st.integers(1, 40), st.data())
def test_components_are_those_of_the_graph(count: int, data: st.DataObject) -> None:
    node = st.integers(0, count - 1)
    edges = data.draw(st.lists(st.tuples(node, node), max_size=60))
    label = list(range(count))
    for _ in range(count):
        for a, b in edges:
            label[a] = label[b] = min(label[a], label[b])
    left, right = np.array([a for a, _ in edges], dtype=int), np.array([b for _, b in edges], dtype=int)
    assert components(count, left, right).tolist() == label


def test_a_long_chain_is_one_component() -> None:
    order = np.random.default_rng(3).permutation(100_000)
    assert components(100_000, order[:-1], order[1:]).max() == 0


@given(st.integers(2, 14), st.data())
def test_a_group_never_holds_somebody_who_contradicts_its_best_member(count: int, data: st.DataObject) -> None:
    pair = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda p: p[0] < p[1])
    same = data.draw(st.sets(pair, max_size=30))
    odds = data.draw(st.sets(pair, max_size=30)) - same
    keys = [f"320508;r=人民路;n={number}" for number in range(count)]
    table = {(keys[a], keys[b]): "same_door" for a, b in same} | {(keys[a], keys[b]): "conflict" for a, b in odds}
    kept = frame_of(*keys).with_row_index("row").with_row_index("id")
    left, right = np.array([a for a, _ in sorted(same)], dtype=int), np.array([b for _, b in sorted(same)], dtype=int)
    label, rivals = cluster(kept, left, right, compare=verdicts(table))
    for member, best in enumerate(label.tolist()):
        assert label[best] == best
        assert (min(member, best), max(member, best)) not in odds
        assert best == member or rivals[member] is None


def test_pairs_come_smaller_id_first_and_once() -> None:
    kept = frame_of(A, B, C).with_row_index("row").with_row_index("id")
    left, right = same_doors(kept, compare=verdicts({}, usual="same_door"))
    assert sorted(zip(left.tolist(), right.tolist(), strict=True)) == [(0, 1), (0, 2), (1, 2)]
