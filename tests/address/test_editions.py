"""The ministry's yearly list: what is refused, what is new against the edition in force, which edition the engine takes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from songda.address import editions
from songda.address.editions import (
    DIFF,
    DIVISIONS,
    EditionExists,
    PartialList,
    UnknownYear,
    compare,
    current,
    in_force,
    keep,
    parse,
    require_whole,
    shipped,
    year_of,
)

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
LIST = [
    ("11", "北京市"),
    ("110101", "东城区"),
    ("110101001", "东华门街道"),
    ("3300", "浙江省"),
    ("330100", "　杭州市"),
    ("330105", "拱墅区*"),
    ("330105001", "米市巷街道"),
    ("441900", "东莞市"),
    ("440000", "广东省"),
    ("441900003", "东城街道"),
]


def listed(*rows: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(
        {"row_no": range(2, 2 + len(rows)), "code": [row[0] for row in rows], "name": [row[1] for row in rows]},
        schema={"row_no": pl.Int64, "code": pl.String, "name": pl.String},
    )


def whole(*rows: tuple[str, str]) -> pl.DataFrame:
    divisions, problems = parse(listed(*rows))
    assert problems.height == 0, problems.rows()
    return divisions


def changed(*pairs: tuple[str, tuple[str, str] | None], more: tuple[tuple[str, str], ...] = ()) -> pl.DataFrame:
    """LIST with other rows in the place of those codes, or without them."""
    new = dict(pairs)
    rows = [new.get(code, (code, name)) for code, name in LIST]
    return whole(*(row for row in rows if row is not None), *more)


def test_short_codes_are_filled_and_every_division_has_its_parent() -> None:
    divisions = whole(*LIST)
    assert divisions.schema == DIVISIONS
    assert divisions.rows() == [
        ("110000", "北京市", 1, ""),
        ("110101", "东城区", 3, "110000"),
        ("110101001", "东华门街道", 4, "110101"),
        ("330000", "浙江省", 1, ""),
        ("330100", "杭州市", 2, "330000"),
        ("330105", "拱墅区", 3, "330100"),
        ("330105001", "米市巷街道", 4, "330105"),
        ("440000", "广东省", 1, ""),
        ("441900", "东莞市", 2, "440000"),
        ("441900003", "东城街道", 4, "441900"),
    ]


def test_the_statistical_form_of_twelve_digits_and_its_fillers_are_understood() -> None:
    long = [(f"{code:0<12}", name) for code, name in [("11", "北京市"), ("1101", "市辖区"), ("110101", "东城区")]]
    assert whole(*long, ("110101001000", "东华门街道")).equals(whole(*LIST[:3]))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("33010", "某区"), "不是 2、4、6、9 位数字"),
        (("1101010011", "某村"), "不是 2、4、6、9 位数字"),
        (("110101001001", "某社区居委会"), "不是 2、4、6、9 位数字"),
        (("东城区", "110101"), "不是 2、4、6、9 位数字"),
        (("010101", "某区"), "不是 2、4、6、9 位数字"),
        (("", "某区"), "不是 2、4、6、9 位数字"),
        (("110102", ""), "没有名称"),
        (("110102", "西城区，见说明"), "不该有的字符"),
        (("110101", "东城区"), "代码在第 3 行已经出现"),
        (("110101000", "东城区"), "代码在第 3 行已经出现"),
        (("110102001", "某街道"), "没有它的上级 110102"),
        (("330205", "江北区"), "没有它的上级 330000"),
    ],
)
def test_a_wrong_row_is_named_with_its_number_and_a_remedy(row: tuple[str, str], said: str) -> None:
    _, problems = parse(listed(*LIST[:3], row))
    wrong = problems.filter(pl.col("row_no") == 5)
    assert said in wrong["problem"].item()
    assert wrong["remedy"].item()


def test_a_county_without_prefecture_in_the_list_lies_in_its_province() -> None:
    rows = [("420000", "湖北省"), ("429004", "仙桃市"), ("429004001", "沙嘴街道")]
    assert whole(*rows)["parent"].to_list() == ["", "420000", "429004"]


def test_blank_rows_are_no_rows() -> None:
    assert whole(*LIST, ("", ""), (" ", "　")).equals(whole(*LIST))


@pytest.mark.parametrize(("gone", "level"), [(9, "乡级"), (6, "县级"), (1, "省级")])
def test_a_list_without_one_of_the_levels_is_refused(gone: int, level: str) -> None:
    """Else all towns of the country would count as gone."""
    lengths = {9: {9}, 6: {6}, 1: {2, 4}}[gone]
    rows = [row for row in LIST if len(row[0]) not in lengths and row[0] not in ({"440000"} if gone == 1 else set())]
    problems = parse(listed(*rows))[1]
    assert f"清单里没有{level}区划" in problems["problem"].to_list()


def test_the_diff_tells_new_gone_renamed_and_recoded() -> None:
    new = changed(
        ("110101001", None),
        ("330105", ("330105", "拱墅新区")),
        ("441900003", ("441900103", "东城街道")),
        more=(("330105002", "湖墅街道"),),
    )
    diff = compare(new, whole(*LIST))
    assert diff.schema == DIFF
    assert diff.rows() == [
        ("added", "330105002", "湖墅街道", None, None),
        ("gone", None, None, "110101001", "东华门街道"),
        ("recoded", "441900103", "东城街道", "441900003", "东城街道"),
        ("renamed", "330105", "拱墅新区", "330105", "拱墅区"),
    ]


def test_two_of_one_name_are_not_guessed_to_be_recoded() -> None:
    old = whole(*LIST, ("330105101", "祥符镇"))
    new = changed(more=(("330105201", "祥符镇"), ("330105202", "祥符镇")))
    assert compare(new, old)["change"].to_list() == ["added", "added", "gone"]


def test_the_same_list_changes_nothing() -> None:
    assert compare(whole(*LIST), whole(*LIST)).height == 0
    assert compare(shipped(), shipped()).height == 0


def test_a_part_of_a_list_is_refused() -> None:
    old = whole(*LIST)
    require_whole(compare(changed(("110101001", None)), old), old)
    with pytest.raises(PartialList) as told:
        require_whole(compare(changed(("110101001", None), ("330105001", None)), old), old)
    assert "20%" in told.value.message_zh


def test_the_shipped_list_is_a_tree() -> None:
    divisions = shipped()
    assert divisions["code"].is_unique().all()
    assert (
        divisions.filter(pl.col("parent") != "").join(divisions, left_on="parent", right_on="code", how="anti").height
        == 0
    )
    assert divisions.height > 44_000


@pytest.mark.parametrize(
    ("file", "stated", "year"), [("2026年行政区划.xlsx", None, 2026), ("a.csv", 2025, 2025), ("2026.csv", 2025, 2025)]
)
def test_the_year_is_stated_or_stands_in_the_name(file: str, stated: int | None, year: int) -> None:
    assert year_of(file, stated) == year


@pytest.mark.parametrize("file", ["区划.csv", "2025与2026对照.csv"])
def test_a_year_is_never_guessed(file: str) -> None:
    with pytest.raises(UnknownYear):
        year_of(file, None)


def kept(home: Path, year: int, rows: pl.DataFrame, **more: Any) -> Path:
    against, before = in_force(home)
    diff = compare(rows, before)
    return keep(rows, diff, year=year, against=against, source="list.csv", sha256="0" * 64, at=AT, home=home, **more)


def test_the_newest_edition_is_in_force(tmp_path: Path) -> None:
    assert current(tmp_path) is None
    assert in_force(tmp_path)[0] == "shipped"
    kept(tmp_path, 2026, whole(*LIST))
    kept(tmp_path, 2025, changed(("110101001", None)))
    assert current(tmp_path) == tmp_path / "address" / "editions" / "2026"
    name, divisions = in_force(tmp_path)
    assert (name, divisions.equals(whole(*LIST))) == ("2026", True)
    assert editions.years(tmp_path) == [2025, 2026]


def test_home_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONGDA_HOME", str(tmp_path))
    assert editions.folder() == tmp_path / "address" / "editions"
    assert current() is None


def test_an_edition_tells_what_it_is_and_what_it_changed(tmp_path: Path) -> None:
    kept(tmp_path, 2025, whole(*LIST))
    folder = kept(tmp_path, 2026, changed(("110101001", None), more=(("330105002", "湖墅街道"),)))
    told = json.loads((folder / "edition.json").read_text("utf-8"))
    assert told == editions.about(folder)
    assert told["against"] == "2025"
    assert told["divisions"] == {"1": 3, "2": 2, "3": 2, "4": 3}
    assert told["changes"] == {"added": 1, "gone": 1, "renamed": 0, "recoded": 0}
    assert (folder / "diff.csv").read_text("utf-8").splitlines()[0] == "change,code,name,old_code,old_name"


def test_an_edition_is_replaced_only_when_asked(tmp_path: Path) -> None:
    kept(tmp_path, 2026, whole(*LIST))
    with pytest.raises(EditionExists):
        kept(tmp_path, 2026, changed(("110101001", None)))
    assert editions.read(tmp_path / "address/editions/2026").equals(whole(*LIST))
    kept(tmp_path, 2026, changed(("110101001", None)), replace=True)
    assert editions.read(tmp_path / "address/editions/2026").height == len(LIST) - 1
    assert [path.name for path in (tmp_path / "address/editions").iterdir()] == ["2026"]


def test_a_half_written_edition_is_none(tmp_path: Path) -> None:
    (tmp_path / "address/editions/2027").mkdir(parents=True)
    (tmp_path / "address/editions/2027/divisions.csv").write_text("code,name,level,parent\n")
    assert current(tmp_path) is None
