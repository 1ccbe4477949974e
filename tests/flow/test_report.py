"""What the report says, and that it says it safely."""

from __future__ import annotations

import doctest
import re
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songda.base.schemas import STANDARD
from songda.flow.report import ReportNotWritten, compact, grouped, render, share, tiles, tiny, width, write_report
from songda.flow.summary import (
    GRADES,
    AddressQuality,
    Cost,
    Day,
    Level,
    Province,
    Reason,
    Stage,
    Step,
    Summary,
    address_quality,
)

EMPTY = Summary(institution="示例银行", firm="示例律师事务所", as_of=date(2026, 11, 24))
FULL = replace(
    EMPTY,
    days=30,
    cases=96,
    rejected_rows=4,
    addresses=200,
    addresses_standardised=190,
    letters=80,
    not_sent=10,
    posted=80,
    grades={"A1": 30, "A2": 10, "B2": 5, "C": 20, "E": 5},
    cost_fen=100_000,
    drill=True,
    simulated=True,
    config="world-v1 seed=7",
    self_approved=True,
    funnel=(Step("数据行", 100), Step("受理案件", 96), Step("签收 A1+A2", 40, "占已交寄")),
    address_quality=AddressQuality(200, (Level("province", 120, 199), Level("room", 90, 91)), 12, 40, 3),
    not_sent_reasons=(Reason("R07", "没有合法来源的地址", 7), Reason("P31", "债务存在争议", 3)),
    rejected_reasons=(Reason("I03", "身份证号校验码不符", 4),),
    costs=(Cost("邮费", 90_000, "80 件"), Cost("打印", 10_000)),
    timeline=tuple(Day(date(2026, 10, 26) + timedelta(n), posted=n % 5, signed=n % 3) for n in range(30)),
    provinces={"广东省": Province(50, 25, 5), "内蒙古自治区": Province(20, 5, 5), "": Province(10)},
    stages=(Stage("读取案件", 100, 0.5), Stage("瞬间", 3, 0.0)),
    second_attempts=6,
    tasks=2,
    audit_note="审计链 1,204 条，已校验",
)


class Outline(HTMLParser):
    """Tags, attributes and text of a page; enough to ask what it loads and what a table says."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.captions: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "caption":
            self.captions.append("")
        if tag not in {"meta", "col", "link", "br", "img"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if "caption" in self._open:
            self.captions[-1] += data
        if "style" not in self._open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_json_object_has_every_key_that_callers_rely_on() -> None:
    expected = [
        *("cases", "rejected_rows", "addresses", "addresses_standardised", "letters", "not_sent", "pieces", "runs"),
        *("waybills", "posted", "settled", "grades", "cost_fen", "elapsed_s", "peak_rss_mb", "out"),
    ]
    assert list(FULL.to_json())[: len(expected)] == expected
    assert FULL.to_json()["grades"] == {"A1": 30, "A2": 10, "B1": 0, "B2": 5, "C": 20, "D": 0, "E": 5, "F": 0}


def test_a_parcel_locker_is_neither_a_signature_nor_proof() -> None:
    only_lockers = replace(FULL, grades={"C": 80})
    assert (only_lockers.signed, only_lockers.proven) == (0, 0)
    assert only_lockers.cost_per_signed_fen is None
    assert only_lockers.cost_per_proven_fen is None


def test_cost_of_a_signature_counts_a_alone_and_cost_of_proof_counts_a_and_b() -> None:
    assert FULL.cost_per_signed_fen == 2500
    assert FULL.cost_per_proven_fen == round(100_000 / 45)


def test_every_table_of_a_drill_says_drill_and_names_the_simulation() -> None:
    captions = Outline(render(FULL)).captions
    assert len(captions) >= 8
    for caption in captions:
        assert "演练" in caption
        assert "模拟结果 · world-v1 seed=7" in caption


def test_a_real_run_carries_no_label_of_a_drill() -> None:
    page = Outline(render(replace(FULL, drill=False, simulated=False, self_approved=False)))
    assert "演练" not in page.text
    assert "模拟" not in page.text
    assert "自动批准" not in page.text


def test_self_approval_is_told_plainly() -> None:
    assert "未经任何律师审阅" in Outline(render(FULL)).text


@pytest.mark.parametrize("summary", [EMPTY, FULL], ids=["empty", "full"])
def test_page_is_well_formed_and_loads_nothing(summary: Summary) -> None:
    page = render(summary)
    outline = Outline(page)
    assert not {"script", "img", "link", "iframe", "object", "form"} & {tag for tag, _ in outline.tags}
    for _, attributes in outline.tags:
        assert not {"src", "href", "srcset", "xlink:href"} & set(attributes)
    assert "url(" not in page
    assert "@import" not in page
    assert "http://" not in page
    assert "https://" not in page
    assert re.search(r"Content-Security-Policy\" content=\"default-src 'none'", page)


def test_every_chart_has_a_title_for_screen_readers() -> None:
    outline = Outline(render(FULL))
    ids = {attributes.get("id") for tag, attributes in outline.tags if tag == "title"}
    charts = [attributes for tag, attributes in outline.tags if tag == "svg"]
    assert charts
    assert all(chart["role"] == "img" and chart["aria-labelledby"] in ids for chart in charts)


def test_markup_in_a_name_is_shown_as_text() -> None:
    page = render(replace(FULL, institution="<script>alert(1)</script>", firm="{{7*7}}", config="\"><b onload='x'>"))
    outline = Outline(page)
    assert "script" not in {tag for tag, _ in outline.tags}
    assert not [attributes for _, attributes in outline.tags if "onload" in attributes]
    assert "{{7*7}}" in outline.text


def test_letters_without_outcome_fill_the_rest_of_the_bar() -> None:
    page = render(FULL)
    assert "尚无结果 10" in page
    widths = [float(w) for w in re.findall(r'<rect class="(?:A1|A2|B1|B2|C|D|E|F|open)"[^>]* width="([\d.]+)"', page)]
    assert sum(widths) == pytest.approx(100, abs=0.01)


def test_more_grades_than_hand_overs_never_overrun_the_bar() -> None:
    page = render(replace(FULL, posted=1))
    widths = [float(w) for w in re.findall(r'<rect class="(?:A1|A2|B1|B2|C|D|E|F|open)"[^>]* width="([\d.]+)"', page)]
    assert sum(widths) == pytest.approx(100, abs=0.01)
    assert "已定级 70 件为分母" in Outline(page).text


def test_tile_map_has_each_of_the_34_provinces_once_on_a_square_of_its_own() -> None:
    found = tiles({})
    assert len(found) == 34
    assert len({tile.name for tile in found}) == 34
    assert len({(tile.row, tile.column) for tile in found}) == 34


def test_long_and_short_province_names_meet_on_the_same_tile() -> None:
    by_name = {tile.name: tile for tile in tiles({"广西壮族自治区": Province(3, 1, 1), "广东": Province(9)})}
    assert (by_name["广西"].letters, by_name["广东"].letters) == (3, 9)
    assert by_name["广东"].shade == 5
    assert by_name["北京"].shade == 0


def test_letters_of_an_unknown_province_are_told_in_words() -> None:
    assert "另有 10 件省份不详" in Outline(render(FULL)).text


@given(st.dictionaries(st.sampled_from(["广东省", "西藏自治区", "上海市"]), st.integers(0, 10**10).map(Province)))
def test_every_tile_with_letters_has_a_shade_and_every_other_none(provinces: dict[str, Province]) -> None:
    for tile in tiles(provinces):
        assert (tile.shade > 0) == (tile.letters > 0)


def test_all_rows_rejected_still_makes_a_report_with_the_reasons() -> None:
    text = Outline(render(replace(EMPTY, rejected_rows=9, rejected_reasons=(Reason("I01", "缺少身份证号", 9),)))).text
    assert "缺少身份证号" in text
    assert "nan" not in text.lower()


@settings(deadline=None, max_examples=50)  # a whole page each: the machine's load is not what is tested
@given(
    st.integers(0, 10**12),
    st.dictionaries(st.sampled_from([grade.code for grade in GRADES]), st.integers(0, 10**12)),
    st.lists(st.integers(0, 10**9), max_size=5),
)
def test_any_counts_make_a_page(count: int, grades: dict[str, int], days: list[int]) -> None:
    timeline = tuple(Day(date(2026, 1, 1) + timedelta(n), posted=posted) for n, posted in enumerate(days))
    page = render(replace(FULL, posted=count, cost_fen=count, grades=grades, timeline=timeline, addresses=count))
    assert "nan" not in Outline(page).text.lower()


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [(1, 3, "33.3%"), (0, 5, "0%"), (5, 5, "100%"), (1, 0, "–"), (1, 10**6, "<0.1%"), (999_999, 10**6, ">99.9%")],
)
def test_share_never_rounds_some_to_none_or_all(part: int, whole: int, words: str) -> None:
    assert share(part, whole) == words


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0"), (999_999, "999,999"), (1_234_567, "123.46万"), (250_000_000, "2.5亿")]
)
def test_key_figures_fit_their_box(number: int, words: str) -> None:
    assert compact(number) == words


@given(st.integers(0, 10**12))
def test_a_tile_holds_its_number(number: int) -> None:
    assert len(tiny(number)) <= 6


def test_a_small_part_stays_visible_and_an_empty_one_does_not() -> None:
    assert (width(1, 10**6), width(0, 10), width(3, 0)) == ("0.40", "0", "0")


def test_a_slow_stage_keeps_a_decimal_and_a_fast_one_does_not() -> None:
    assert (grouped(81.67), grouped(3278.7), grouped(12_345)) == ("81.7", "3,279", "12,345")


def test_quality_tells_what_the_text_said_from_what_was_completed() -> None:
    rows = [
        {
            "province": "浙江省",
            "city": "杭州市",
            "road_no": "1号",
            "inferred": ["province"],
            "corrections": ["district:x>y:z"],
        },
        {"province": "浙江省", "poi": "某小区", "inferred": [], "alternatives": ["甲", "乙"]},
        {"province": None, "room": "", "inferred": None},
    ]
    frame = pl.DataFrame([{name: row.get(name) for name in STANDARD} for row in rows], schema=STANDARD)
    quality = address_quality(frame, merged=2)
    levels = {level.level: (level.stated, level.known) for level in quality.levels}
    assert (levels["province"], levels["city"], levels["door"], levels["room"]) == ((1, 2), (1, 1), (2, 2), (0, 0))
    assert (quality.texts, quality.corrected, quality.ambiguous, quality.merged) == (3, 1, 1, 2)


def test_quality_of_chunks_adds_up() -> None:
    frame = pl.DataFrame([{name: "x" if name == "city" else None for name in STANDARD}], schema_overrides=STANDARD)
    once = address_quality(frame, merged=1)
    assert sum([once, once], AddressQuality()) == address_quality(pl.concat([frame, frame]), merged=2)
    assert address_quality(frame.clear()).texts == 0


def test_report_is_replaced_whole_and_leaves_no_part_behind(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")
    write_report(FULL, path)
    assert path.read_text(encoding="utf-8") == render(FULL)
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_a_folder_that_cannot_be_written_is_told_in_chinese_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ReportNotWritten) as caught:
        write_report(EMPTY, tmp_path / "missing" / "report.html")
    assert "无法写入报告 report.html" in caught.value.message_zh
    assert caught.value.exit_code == 73


@pytest.mark.parametrize("module", ["songda.flow.report", "songda.flow.summary"])
def test_examples_are_true(module: str) -> None:
    found = doctest.testmod(import_module(module))
    assert (found.failed, found.attempted > 0) == (0, True)
