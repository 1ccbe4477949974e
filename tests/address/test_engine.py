"""The whole engine: its frame, texts that are no address, hostile texts, and what holds for every text."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from songda.address import standardize
from songda.base.schemas import STANDARD

One = Callable[[str | None], dict[str, Any]]
_GOOD = "广东省深圳市南山区科技园南路12号3栋1单元502室"


def test_the_frame_has_the_declared_columns_one_row_a_text_in_order() -> None:
    texts = [_GOOD, None, "", "北京市东城区", _GOOD]
    frame = standardize(texts)
    assert frame.schema == STANDARD
    assert frame["text"].to_list() == texts
    assert frame["adcode"].to_list() == ["440305", None, None, "110101", "440305"]


def test_no_texts_make_an_empty_frame() -> None:
    assert standardize([]).schema == STANDARD
    assert standardize([]).height == 0


def test_lists_are_empty_rather_than_missing() -> None:
    row = standardize(["无"]).row(0, named=True)
    for name in ("label", "place_keys", "alternatives", "corrections", "inferred"):
        assert row[name] == []


def test_a_column_of_polars_does_as_well_as_a_list() -> None:
    assert standardize(pl.Series([_GOOD, None])).equals(standardize([_GOOD, None]))


def test_a_chunk_gives_the_same_rows_as_the_whole() -> None:
    texts = [_GOOD, "鼓楼区中山北路12号", "无", "浙江杭州下城区延安路295号"]
    assert pl.concat([standardize(texts[:2]), standardize(texts[2:])]).equals(standardize(texts))


def test_function_and_frame_travel_between_processes() -> None:
    frame = pickle.loads(pickle.dumps(standardize))([_GOOD])
    assert pickle.loads(pickle.dumps(frame)).equals(frame)


def test_hints_decide_what_the_text_leaves_open() -> None:
    context = pl.DataFrame({"city": ["福州市", None], "row_no": [1, 2]})
    frame = standardize(["鼓楼区东街12号"] * 2, context=context)
    assert frame["adcode"].to_list() == ["350102", None]


def test_a_hint_never_outweighs_the_text() -> None:
    context = pl.DataFrame({"province": ["福建省"], "city": ["福州市"]})
    assert standardize(["江苏省南京市鼓楼区中山北路12号"], context=context)["adcode"].item() == "320106"


@pytest.mark.parametrize(
    ("text", "issue"),
    [
        ("无", "placeholder"),
        ("不详", "placeholder"),
        ("地址不详", "placeholder"),
        ("测试", "placeholder"),
        ("测试地址", "placeholder"),
        ("同上", "placeholder"),
        ("（同上）", "placeholder"),
        ("户籍地", "placeholder"),
        ("户籍地址", "placeholder"),
        ("身份证地址", "placeholder"),
        ("N/A", "placeholder"),
        ("null", "placeholder"),
        ("ＮＵＬＬ", "placeholder"),
        ("-", "empty"),
        ("......", "empty"),
        ("", "empty"),
        (None, "empty"),
        ("　 \t", "empty"),
        ("0", "placeholder"),
        ("xxx", "placeholder"),
        ("123456", "no_chinese"),
        ("No. 12 Example Road", "no_chinese"),
    ],
)
def test_what_is_no_address_gives_nothing_but_the_reason(one: One, text: str | None, issue: str) -> None:
    row = one(text)
    assert row["level"] == "none"
    assert issue in row["issues"]
    assert (row["standard"], row["place_key"], row["adcode"]) == (None, None, None)
    assert row["confidence"] < 0.1


def test_a_placeholder_behind_a_division_keeps_the_division(one: One) -> None:
    row = one("北京市不详")
    assert (row["province"], row["poi"], row["noise"]) == ("北京市", None, "不详")
    assert "placeholder" in row["issues"]


def test_a_text_that_was_lost_in_decoding_is_marked(one: One) -> None:
    assert "mojibake" in one("上海市\ufffd\ufffd区杨泰路")["issues"]


def test_the_label_before_an_address_is_no_part_of_it(one: One) -> None:
    assert one("收货地址：" + _GOOD)["standard"] == one(_GOOD)["standard"]


HOSTILE = {
    "control": "\x00\x01\x1f\x7f",
    "separators": "北京市\x1f东城区\x1f\x1e",
    "emoji": "😀🏠👨‍👩‍👧",
    "surrogate": "\ud800北京市\udfff",
    "template": "{{7*7}}",
    "typst": '#read("/etc/passwd")',
    "markup": "<script>alert(1)</script>北京市",
    "formula": '=HYPERLINK("http://example.com")',
    "sql": "'; DROP TABLE letters;--",
    "digits": "1234567890" * 40,
    "punctuation": "，。！？；：（）【】" * 60,
    "full width": "ＡＢＣ１２３（）＃－" * 40,
    "right to left": "\u202e北京市\u2066",
    "combining": "北" + "\u0301" * 5000,
    "private": "\ue000\uf8ff\U000f0000",
}
LONG = {
    "one province": "浙" * 10_000,
    "digits": "1" * 10_000,
    "roads": "路" * 10_000,
    "open brackets": "(" * 10_000,
    "nested brackets": "(" * 5000 + ")" * 5000,
    "pairs": "【" * 5000 + "】" * 5000,
    "chain": "1-" * 5000,
    "chain of letters": "A-" * 5000,
    "numerals": "一二三" * 3000,
    "houses": "1号" * 5000,
    "distances": "东100米" * 2000,
    "vicinities": "附近" * 5000,
    "towns": "街道" * 5000,
    "rings": "三环到" * 3000,
    "blanks": " " * 10_000,
    "divisions": "北京" * 5000,
    "rivals": "朝阳区鼓楼区市中区城关区" * 800,
    "mails": "a.a@" * 2500,
    "labels": "收件人" * 3000,
    "hexadecimal": "0" * 20 + "x" * 9000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_is_a_row_like_any_other(text: str) -> None:
    frame = standardize([text])
    assert frame.schema == STANDARD
    assert frame.height == 1


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_ten_thousand_characters_take_no_time(text: str) -> None:
    standardize([_GOOD])
    started = time.process_time()
    frame = standardize([text])
    assert time.process_time() - started < 0.5
    if len(text.strip()) > 400:
        assert "too_long" in frame["issues"].item().to_list()


@pytest.mark.parametrize("text", ["{{7*7}}", '#read("/etc/passwd")', "<b>x</b>"])
def test_code_reaches_neither_line_nor_label(one: One, text: str) -> None:
    row = one(text)
    assert row["standard"] is None
    assert row["label"] == []


# What holds for every text.

_FRAGMENTS = [
    "北京市",
    "上海",
    "江苏省",
    "苏州市",
    "姑苏区",
    "鼓楼区",
    "朝阳区",
    "下城区",
    "杭州",
    "洛带镇",
    "平江街道",
    "人民路",
    "观前街",
    "12号",
    "1533弄80号",
    "锦绣花园",
    "锦绣大厦",
    "二期",
    "3栋",
    "三号楼",
    "B座",
    "2单元",
    "一单元",
    "5楼",
    "负一层",
    "502室",
    "3-2-501",
    "4-2-1楼中",
    "老街村",
    "5组",
    "附近",
    "对面",
    "旁",
    "【",
    "】",
    "(",
    ")",
    "（",
    "）",
    "-",
    "#",
    "，",
    "13900000000",
    "110101199003070000",
    "柳如烟",
    "收件人:",
    "或者",
    "无",
    "null",
    "中国",
    "城区",
    "G312",
    "甲8号",
    "附3号",
    "交叉口",
    "与",
    "100米",
    "\x00",
    "😀",
    "Ａ",
    "１２",
    "12345678901",
    "镇政府",
    "社区居委会",
]
any_text = st.one_of(
    st.text(max_size=60),
    st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), max_size=40),
    st.lists(st.sampled_from([*_FRAGMENTS, " "]), max_size=14).map("".join),
)
slow_start = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@slow_start
@given(any_text)
def test_every_text_is_read(text: str) -> None:
    row = standardize([text]).row(0, named=True)
    assert 0.0 <= row["completeness"] <= 1.0
    assert 0.0 <= row["confidence"] <= 1.0
    assert row["place_key"] == (row["place_keys"][-1] if row["place_keys"] else None)
    assert "".join(row["label"]) == (row["standard"] or "")
    assert (row["place_key"] is None) == (row["adcode"] is None)
    assert len(set(row["place_keys"])) == len(row["place_keys"])


@slow_start
@given(st.lists(st.sampled_from([*_FRAGMENTS, " "]), max_size=10).map("".join), st.data())
def test_no_number_of_a_person_is_left_anywhere(around: str, data: st.DataObject) -> None:
    number = data.draw(
        st.sampled_from(["13900000000", "139 0000 0000", "110101199003070000", "0512-55550000", "6222000000000000"])
    )
    row = standardize([f"{around} {number} {around}"]).row(0, named=True)
    shown = "".join(str(value) for name, value in row.items() if name != "text")
    assert number not in shown
    assert "00000000" not in shown


@st.composite
def addresses(draw: st.DrawFn) -> str:
    """Made-up addresses of the kinds that people write."""
    prefix = draw(
        st.sampled_from(
            [
                "江苏省苏州市姑苏区",
                "江苏苏州姑苏区",
                "苏州市姑苏区平江街道",
                "浙江杭州下城区",
                "北京北京朝阳区中国北京北京朝阳区",
                "重庆市渝中区",
                "新疆石河子市",
                "海南海口乐东黎族自治县抱由镇",
            ]
        )
    )
    road = draw(st.sampled_from(["", "人民路12号", "人民路十二号", "观前街甲8号", "杨泰路1533弄80号", "人民路93号院"]))
    estate = draw(st.sampled_from(["", "锦绣花园", "锦绣花园二期", "【锦绣大厦】", "锦绣家园(锦绣家园附近)"]))
    number = st.integers(min_value=1, max_value=60)
    building = draw(st.one_of(st.just(""), number.map("{}栋".format), number.map("{}号楼".format), st.just("B座")))
    unit = draw(st.one_of(st.just(""), number.map("{}单元".format), st.just("二单元"))) if building else ""
    room = draw(st.one_of(st.just(""), st.integers(101, 3305).map("{}室".format))) if building else ""
    return prefix + road + estate + building + unit + room


@slow_start
@given(addresses())
def test_the_canonical_line_stands_for_the_same_place(text: str) -> None:
    first = standardize([text]).row(0, named=True)
    second = standardize([first["standard"]]).row(0, named=True)
    assert second["place_key"] == first["place_key"]
    assert second["standard"] == first["standard"]
