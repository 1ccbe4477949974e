"""The ministry's yearly list: what is refused, what is new against the edition in force, which edition the engine takes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from songda.address import editions
from songda.address.changes import (
    DIFF,
    PartialList,
    WrongSuccessor,
    compare,
    counted,
    new_codes,
    read_diff,
    require_whole,
)
from songda.address.compiled.lexicon import Lexicon
from songda.address.editions import (
    DamagedEdition,
    EditionExists,
    NoSuchEdition,
    base_of,
    chosen,
    dictionary,
    keep,
    shipped,
    use,
)
from songda.address.listing import DIVISIONS, UnknownYear, parse, year_of

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


#: Two counties of 杭州市 beside 拱墅区.
COUNTIES = [
    ("330122", "桐庐县"),
    ("330122002", "旧县街道"),
    ("330122101", "富春江镇"),
    ("330127", "淳安县"),
    ("330127100", "千岛湖镇"),
    ("330127101", "文昌镇"),
]


def told(*rows: tuple[str, str]) -> list[tuple[Any, ...]]:
    """What a list changes that has these rows in the place of COUNTIES: change, code, old code."""
    diff = compare(whole(*LIST, *rows), whole(*LIST, *COUNTIES))
    return diff.select("change", "code", "old_code").rows()


def test_towns_follow_a_county_that_became_a_district_under_another_code() -> None:
    assert told(*COUNTIES[:3], ("330115", "淳安区"), ("330115100", "千岛湖镇"), ("330115001", "文昌街道")) == [
        ("class changed", "330115", "330127"),
        ("class changed", "330115001", "330127101"),
        ("recoded", "330115100", "330127100"),
    ]


def test_a_town_is_followed_into_another_county() -> None:
    assert told(*COUNTIES[:2], *COUNTIES[3:], ("330127102", "富春江镇")) == [("moved", "330127102", "330122101")]


def test_a_county_whose_towns_stand_in_another_one_was_merged_into_it() -> None:
    assert told(*COUNTIES[:3], ("330122110", "千岛湖镇"), ("330122111", "文昌镇")) == [
        ("merged", "330122", "330127"),
        ("moved", "330122110", "330127100"),
        ("moved", "330122111", "330127101"),
    ]


def test_a_county_whose_towns_stand_in_two_others_was_split() -> None:
    assert told(*COUNTIES[:3], ("330122110", "千岛湖镇"), ("330105101", "文昌镇")) == [
        ("moved", "330105101", "330127101"),
        ("moved", "330122110", "330127100"),
        ("split", "330105", "330127"),
        ("split", "330122", "330127"),
    ]


def test_a_new_county_with_all_the_towns_of_one_that_is_gone_is_that_county_renamed() -> None:
    assert told(*COUNTIES[:3], ("330116", "千岛湖区"), ("330116100", "千岛湖镇"), ("330116101", "文昌镇")) == [
        ("moved", "330116100", "330127100"),
        ("moved", "330116101", "330127101"),
        ("renamed", "330116", "330127"),
    ]


def test_codes_that_were_dealt_anew_do_not_rename_the_towns() -> None:
    """As the bureau did in 唐山市开平区 in 2023: 洼里镇, 越河镇 and 郑庄子镇 exchanged their codes."""
    names = ("富春江镇", "旧县街道")
    assert told(COUNTIES[0], *zip(("330122002", "330122101"), names, strict=True), *COUNTIES[3:]) == [
        ("recoded", "330122002", "330122101"),
        ("recoded", "330122101", "330122002"),
    ]


def test_a_code_given_to_another_town_does_not_make_it_the_successor() -> None:
    rows = [COUNTIES[0], ("330122002", "富春江镇"), *COUNTIES[3:]]
    assert told(*rows) == [("gone", None, "330122002"), ("recoded", "330122002", "330122101")]


def test_a_county_merged_into_a_recoded_one_is_not_renamed() -> None:
    """港闸区 went into 崇川区, which got a code between theirs in 2021."""
    rows = [("330120", "桐庐县"), ("330120002", "旧县街道"), ("330120101", "富春江镇"),
            ("330120500", "千岛湖镇"), ("330120501", "文昌镇")]  # fmt: skip
    assert [row for row in told(*rows) if len(row[2]) == 6] == [
        ("merged", "330120", "330127"),
        ("recoded", "330120", "330122"),
    ]


def test_a_new_county_made_of_two_is_no_renamed_one() -> None:
    assert [row for row in told(*[("330116" + code[6:], name if code[6:] else "新安区") for code, name in COUNTIES[1:3]],
            ("330116", "新安区"), ("330116500", "千岛湖镇"), ("330116501", "文昌镇")) if row[0] in ("added", "merged")] == [
        ("added", "330116", None),
        ("merged", "330116", "330122"),
        ("merged", "330116", "330127"),
    ]  # fmt: skip


def test_where_less_than_half_of_the_towns_is_found_nothing_is_concluded() -> None:
    more = ("330127102", "石林镇")
    old, new = whole(*LIST, *COUNTIES, more), whole(*LIST, *COUNTIES[:3], ("330122110", "千岛湖镇"))
    assert compare(new, old).filter(pl.col("change") == "gone")["old_code"].to_list() == [
        "330127",
        "330127101",
        "330127102",
    ]


def test_a_list_without_hong_kong_does_not_end_it() -> None:
    beyond = (("810000", "香港特别行政区"), ("820000", "澳门特别行政区"))
    assert compare(whole(*LIST), whole(*LIST, *beyond)).height == 0
    assert counted(compare(whole(*LIST, beyond[0]), whole(*LIST, *beyond)))["gone"] == 0


def test_the_codes_that_keys_begin_with_no_more() -> None:
    diff = compare(
        whole(*LIST, ("330116", "千岛湖区"), ("330116100", "千岛湖镇"), ("330116101", "文昌镇")),
        whole(*LIST, *COUNTIES),
    )
    assert new_codes(diff).select("old_code", "code").rows() == [("330122", None), ("330127", "330116")]
    moved = compare(whole(*LIST, *COUNTIES[:2], *COUNTIES[3:], ("330127102", "富春江镇")), whole(*LIST, *COUNTIES))
    assert new_codes(moved).select("old_code", "code").rows() == [("330122101", "330127102")]


def test_a_person_states_the_successor_of_what_is_gone(tmp_path: Path) -> None:
    divisions = whole(*LIST, *COUNTIES[:3])
    diff = compare(divisions, whole(*LIST, *COUNTIES))
    assert counted(diff)["gone"] == 3
    stated = pl.when(pl.col("old_code") == "330127").then(pl.lit("330122")).otherwise("code")
    diff.with_columns(code=stated).write_csv(tmp_path / "diff.csv")
    found = read_diff(tmp_path / "diff.csv", divisions)
    assert found.filter(pl.col("change") == "merged").select("code", "old_code").rows() == [("330122", "330127")]


@pytest.mark.parametrize(
    ("code", "problem"), [("330199", "没有代码 330199"), ("330122101", "不是同一级"), ("330100", "不是同一级")]
)
def test_a_successor_that_cannot_be_is_named_with_its_row(tmp_path: Path, code: str, problem: str) -> None:
    divisions = whole(*LIST, *COUNTIES[:3])
    (tmp_path / "diff.csv").write_text(f"change,code,name,old_code,old_name\ngone,{code},,330127,淳安县\n", "utf-8")
    with pytest.raises(WrongSuccessor, match="330") as wrong:
        read_diff(tmp_path / "diff.csv", divisions)
    assert "第 2 行" in wrong.value.message_zh
    assert problem in wrong.value.message_zh


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


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dictionaries of a list of ten rows need no history of the whole country, which takes seconds."""
    from songda.address import gazetteer

    rows = {code.ljust(6, "0"): name for code, name in LIST}
    whole_country = gazetteer.shipped_tables()
    few = [row for row in whole_country.divisions if row["code"] in rows]
    monkeypatch.setattr(gazetteer, "shipped_tables", lambda: gazetteer.Tables(few, [], [], []))


def kept(home: Path, year: int, rows: pl.DataFrame, **more: Any) -> Path:
    against = base_of(year, home)
    diff = compare(rows, editions.read(against, home))
    return keep(rows, diff, year=year, against=against, source="list.csv", sha256="0" * 64, at=AT, home=home, **more)


def names(lexicon: Lexicon) -> set[str]:
    return {lexicon.spelt(division) for division in range(len(lexicon.code))}


@pytest.mark.usefixtures("small")
def test_what_was_imported_last_is_in_force_until_another_is_chosen(tmp_path: Path) -> None:
    assert chosen(tmp_path) == "shipped"
    kept(tmp_path, 2026, whole(*LIST))
    assert chosen(tmp_path) == "2026"
    kept(tmp_path, 2027, changed(("110101001", None)))
    assert (chosen(tmp_path), editions.years(tmp_path)) == ("2027", [2026, 2027])
    assert "东华门街道" not in names(dictionary(tmp_path))
    use("2026", tmp_path)
    assert "东华门街道" in names(dictionary(tmp_path))
    use("shipped", tmp_path)
    assert len(dictionary(tmp_path).code) > 40_000
    with pytest.raises(NoSuchEdition) as told:
        use("2025", tmp_path)
    assert "shipped、2026、2027" in told.value.message_zh
    assert chosen(tmp_path) == "shipped"


@pytest.mark.usefixtures("small")
def test_a_list_is_compared_with_the_one_in_force_that_is_earlier(tmp_path: Path) -> None:
    kept(tmp_path, 2025, whole(*LIST))
    kept(tmp_path, 2027, whole(*LIST))
    assert base_of(2028, tmp_path) == "2027"
    assert base_of(2027, tmp_path) == base_of(2026, tmp_path) == "2025"
    assert base_of(2024, tmp_path) == "shipped"
    use("shipped", tmp_path)
    assert base_of(2028, tmp_path) == "shipped"


def test_home_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONGDA_HOME", str(tmp_path))
    assert editions.folder() == tmp_path / "address" / "editions"
    assert chosen() == "shipped"


def test_no_test_reads_the_home_of_a_developer() -> None:
    assert editions.folder().parents[1] != Path("~/.songda").expanduser()
    assert chosen() == "shipped"


@pytest.mark.usefixtures("small")
def test_an_edition_tells_what_it_is_and_what_it_changed(tmp_path: Path) -> None:
    kept(tmp_path, 2025, whole(*LIST))
    folder = kept(tmp_path, 2026, changed(("110101001", None), more=(("330105002", "湖墅街道"),)))
    told = json.loads((folder / "edition.json").read_text("utf-8"))
    assert told == editions.about(folder)
    assert told["against"] == "2025"
    assert told["divisions"] == {"1": 3, "2": 2, "3": 2, "4": 3}
    assert {change: count for change, count in told["changes"].items() if count} == {"added": 1, "gone": 1}
    assert (folder / "diff.csv").read_text("utf-8").splitlines()[0] == "change,code,name,old_code,old_name"


@pytest.mark.usefixtures("small")
def test_an_edition_is_replaced_only_when_asked(tmp_path: Path) -> None:
    kept(tmp_path, 2026, whole(*LIST))
    with pytest.raises(EditionExists):
        kept(tmp_path, 2026, changed(("110101001", None)))
    assert editions.read("2026", tmp_path).equals(whole(*LIST))
    kept(tmp_path, 2026, changed(("110101001", None)), replace=True)
    assert editions.read("2026", tmp_path).height == len(LIST) - 1
    assert sorted(path.name for path in (tmp_path / "address/editions").iterdir()) == ["2026", "in_force"]


@pytest.mark.usefixtures("small")
def test_a_half_written_edition_is_none(tmp_path: Path) -> None:
    (tmp_path / "address/editions/2027").mkdir(parents=True)
    (tmp_path / "address/editions/2027/divisions.csv").write_text("code,name,level,parent\n")
    assert editions.years(tmp_path) == []
    with pytest.raises(NoSuchEdition):
        use("2027", tmp_path)


def dictionaries(folder: Path) -> list[Path]:
    return list(folder.glob("lexicon-*.npz"))


@pytest.mark.usefixtures("small")
def test_a_dictionary_of_another_make_is_built_anew_and_the_old_one_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = kept(tmp_path, 2026, whole(*LIST))
    (first,) = dictionaries(folder)
    before = first.read_bytes()
    monkeypatch.setattr(editions, "_CODE", ("building.py",))  # another version of songda
    assert names(dictionary(tmp_path)) >= {"拱墅区", "米市巷街道"}
    (second,) = dictionaries(folder)
    assert second != first
    assert second.read_bytes() == before


@pytest.mark.usefixtures("small")
def test_a_damaged_dictionary_is_built_anew(tmp_path: Path) -> None:
    (first,) = dictionaries(kept(tmp_path, 2026, whole(*LIST)))
    whole_file = first.read_bytes()
    first.write_bytes(whole_file[: len(whole_file) // 2])
    assert "拱墅区" in names(dictionary(tmp_path))
    assert first.read_bytes() == whole_file


@pytest.mark.usefixtures("small")
def test_a_completed_diff_is_read_at_the_next_start(tmp_path: Path) -> None:
    kept(tmp_path, 2025, whole(*LIST, *COUNTIES))
    folder = kept(tmp_path, 2026, whole(*LIST, *COUNTIES[:3]))
    (first,) = dictionaries(folder)
    text = (folder / "diff.csv").read_text("utf-8")
    (folder / "diff.csv").write_text(text.replace("gone,,,330127,", "gone,330122,,330127,"), "utf-8")
    reasons = bytes(dictionary(tmp_path).reasons).decode().split("\n")
    assert "merged 2026" in reasons
    assert dictionaries(folder) != [first]


@pytest.mark.usefixtures("small")
def test_where_nobody_may_write_the_dictionary_is_built_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = dictionaries(kept(tmp_path, 2026, whole(*LIST)))
    first.unlink()

    def refuse(path: Path, content: bytes) -> None:
        raise PermissionError(path)

    monkeypatch.setattr(editions, "_write", refuse)
    assert "拱墅区" in names(dictionary(tmp_path))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("file", ["divisions.csv", "diff.csv", "edition.json"])
def test_an_edition_that_lacks_a_file_is_named(tmp_path: Path, file: str) -> None:
    folder = kept(tmp_path, 2026, whole(*LIST))
    (folder / file).write_bytes(b"\xff")
    with pytest.raises(DamagedEdition) as told:
        dictionary(tmp_path)
    assert "use shipped" in told.value.message_zh
    use("shipped", tmp_path)
    assert len(dictionary(tmp_path).code) > 40_000


@pytest.mark.parametrize("content", [b"\xff", b"", b"twenty"])
def test_a_damaged_note_of_what_is_in_force_is_told_and_mended(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "address/editions").mkdir(parents=True)
    (tmp_path / "address/editions/in_force").write_bytes(content)
    with pytest.raises((DamagedEdition, NoSuchEdition)):
        dictionary(tmp_path)
    use("shipped", tmp_path)
    assert chosen(tmp_path) == "shipped"


@pytest.mark.usefixtures("small")
def test_an_edition_whose_folder_was_removed_is_named(tmp_path: Path) -> None:
    import shutil

    shutil.rmtree(kept(tmp_path, 2026, whole(*LIST)))
    with pytest.raises(NoSuchEdition):
        dictionary(tmp_path)
    use("shipped", tmp_path)
    assert len(dictionary(tmp_path).code) > 40_000
