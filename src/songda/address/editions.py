"""Editions of the divisions: the ministry's yearly four-level list, checked, compared with the edition in force, and kept.

    >>> rows = pl.DataFrame({"row_no": [2, 3, 4], "code": ["11", "110101", "110101001"], "name": ["北京市", "东城区", "东华门街道"]})
    >>> edition, problems = parse(rows)
    >>> edition["level"].to_list(), problems.height
    ([1, 3, 4], 0)

An edition is a folder SONGDA_HOME/address/editions/YEAR with divisions.csv, diff.csv (new, gone, renamed, recoded) and edition.json.
The next list is compared with the one that `current()` names; without one, with the list that ships with songda. How addresses are read
does not change by an import: the dictionary of the engine is compiled from the shipped tables.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl

from songda.base.errors import SongdaError
from songda.base.settings import load

DIVISIONS = pl.Schema(
    {
        "code": pl.String(),  # 6 digits, 9 for a town
        "name": pl.String(),
        "level": pl.Int8(),  # 1 province, 2 prefecture, 3 county, 4 town
        "parent": pl.String(),  # code of the division above; empty for a province
    }
)
DIFF = pl.Schema(
    {
        "change": pl.String(),  # one of CHANGES
        "code": pl.String(),  # of today; null for what is gone
        "name": pl.String(),
        "old_code": pl.String(),  # null for what is new
        "old_name": pl.String(),
    }
)
PROBLEMS = pl.Schema({"row_no": pl.Int64(), "code": pl.String(), "problem": pl.String(), "remedy": pl.String()})
CHANGES = {"added": "新增", "gone": "撤销", "renamed": "更名", "recoded": "改代码"}
LEVELS = {1: "省级", 2: "地级", 3: "县级", 4: "乡级"}
#: Against the shipped list, which is no imported edition.
SHIPPED = "shipped"
#: An edition that drops more of the one before is a part of a list, or another list.
MOST_GONE = 0.1

#: Rows of the statistical list that name no division: 市辖区 below a municipality.
_FILLERS = ("市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划", "省直辖行政单位")
_YEAR = re.compile(r"(?:19|20)\d{2}")


class UnknownYear(SongdaError):
    zh = "不知道 {file} 是哪一年的区划"
    remedy = "请用 --year 写明，例如 --year 2026"
    exit_code = 64


class EditionExists(SongdaError):
    zh = "{year} 年的区划已经导入过"
    remedy = "要用这份文件替换它，请加 --replace"
    exit_code = 73


class EditionRefused(SongdaError):
    zh = "区划清单有 {count} 处问题，没有导入"
    remedy = "请按所列的行号修改后重新导入"
    exit_code = 65


class PartialList(SongdaError):
    zh = "清单里没有现行区划的 {gone} 个（占 {share}），像是不完整的清单，没有导入"
    remedy = "请换用完整的四级清单；确认无误时加 --accept-gone"
    exit_code = 65


class CannotKeepEdition(SongdaError):
    zh = "无法写入 {folder}"
    remedy = "请检查目录权限和磁盘空间"
    exit_code = 73


def year_of(file: str, stated: int | None) -> int:
    """The year that was stated, or the only one in the name of the file. Raises UnknownYear."""
    years = set(_YEAR.findall(file))
    if stated is None and len(years) != 1:
        raise UnknownYear(file=file)
    return stated or int(years.pop())


def parse(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Divisions of a list (row_no, code, name), and what is wrong with it: DIVISIONS, PROBLEMS.

    Codes may have 2, 4, 6, 9 or 12 digits (the statistical form, 12, must end with 000: villages have no place here).
    """
    told = rows.select(
        pl.col("row_no").cast(pl.Int64),
        raw=pl.col("code").fill_null("").str.strip_chars().str.replace(r"\.0+$", ""),
        name=pl.col("name").fill_null("").str.replace_all(r"[\s\u3000*＊]+", ""),
    ).filter((pl.col("raw") != "") | (pl.col("name") != ""))
    listed = (
        told.with_columns(code=_full("raw"))
        .with_columns(
            level=pl.when(pl.col("code").str.len_chars() == 9)
            .then(4)
            .when(pl.col("code").str.ends_with("0000"))
            .then(1)
            .when(pl.col("code").str.ends_with("00"))
            .then(2)
            .otherwise(3)
            .cast(pl.Int8)
        )
        .filter(~(pl.col("name").is_in(_FILLERS) & pl.col("level").is_in([2, 3])).fill_null(value=False))
    )
    divisions = listed.with_columns(_parent(listed).alias("parent"))
    problems = pl.concat([_wrong_rows(divisions), _missing_levels(divisions)])
    return divisions.select(DIVISIONS.names()).cast(DIVISIONS).sort("code"), problems.sort("row_no")


def _full(raw: str) -> pl.Expr:
    """6 digits, or 9 for a town; null when it is no code of ours."""
    code, size = pl.col(raw), pl.col(raw).str.len_chars()
    short = (
        pl.when(size == 2)
        .then(code + "0000")
        .when(size == 4)
        .then(code + "00")
        .when(size == 6)
        .then(code)
        .when((size == 9) | ((size == 12) & code.str.ends_with("000")))
        .then(code.str.slice(0, 9).str.replace(r"000$", ""))
    )
    return pl.when(code.str.contains(r"^[1-9]\d+$")).then(short)


def _parent(listed: pl.DataFrame) -> pl.Expr:
    """The division above: for a county the prefecture, or the province where it is listed under none; for a town the county, or the
    prefecture where that has no counties at all (东莞, 嘉峪关)."""
    code, level = pl.col("code"), pl.col("level")
    codes = listed["code"].drop_nulls().unique()
    counties = listed.filter(level == 3)["code"].drop_nulls().str.slice(0, 4).unique()
    prefecture, province = code.str.slice(0, 4) + "00", code.str.slice(0, 2) + "0000"
    undivided = prefecture.is_in(codes.implode()) & ~code.str.slice(0, 4).is_in(counties.implode())
    return (
        pl.when(level == 1)
        .then(pl.lit(""))
        .when((level == 4) & ~undivided)
        .then(code.str.slice(0, 6))
        .when((level >= 3) & prefecture.is_in(codes.implode()))
        .then(prefecture)
        .otherwise(province)
    )


def _wrong_rows(divisions: pl.DataFrame) -> pl.DataFrame:
    code, name, first = pl.col("code"), pl.col("name"), pl.col("first")
    listed = divisions["code"].drop_nulls().unique().implode()
    numbered = divisions.with_columns(first=pl.col("row_no").min().over("code"))
    checks = (
        (
            code.is_null(),
            pl.lit("代码不是 2、4、6、9 位数字（12 位的须以 000 结尾）"),
            pl.lit("请核对该行代码；村级行请删去"),
        ),
        (name == "", pl.lit("没有名称"), pl.lit("请补上名称，或删去该行")),
        (
            (name != "") & ~name.str.contains(r"^[\p{Han}\dA-Za-z·、（）()－-]{2,40}$"),
            pl.lit("名称中有不该有的字符"),
            pl.lit("名称只写汉字，不带备注和标点"),
        ),
        (
            code.is_not_null() & (pl.col("row_no") != first),
            pl.format("代码在第 {} 行已经出现", first),
            pl.lit("请删去其中一行；名称不同时以民政部公布的为准"),
        ),
        (
            code.is_not_null() & (pl.col("parent") != "") & ~pl.col("parent").is_in(listed),
            pl.format("清单里没有它的上级 {}", "parent"),
            pl.lit("请补上上级区划的行，或改正该行代码"),
        ),
    )
    return pl.concat(
        [
            numbered.filter(wrong).select("row_no", code="raw", problem=problem, remedy=remedy).cast(PROBLEMS)
            for wrong, problem, remedy in checks
        ]
    )


def _missing_levels(divisions: pl.DataFrame) -> pl.DataFrame:
    missing = [level for level in LEVELS if level not in set(divisions["level"].to_list())]
    # Municipalities have no prefectures: a list of one of them is whole without.
    return pl.DataFrame(
        [(0, "", f"清单里没有{LEVELS[level]}区划", "请换用完整的四级清单") for level in missing if level != 2],
        schema=PROBLEMS,
        orient="row",
    )


def compare(new: pl.DataFrame, old: pl.DataFrame) -> pl.DataFrame:
    """What the new list changes: DIFF, by change and code.

    `recoded`: gone under one code and new under another, with the same name below a division of the same name.
    """
    both = new.join(old, on="code", suffix="_old")
    renamed = both.filter(pl.col("name") != pl.col("name_old")).select(
        "code", "name", change=pl.lit("renamed"), old_code="code", old_name="name_old"
    )
    added, gone = _with_parent(new, without=old), _with_parent(old, without=new)
    same = ["name", "level", "parent_name"]
    once = pl.len().over(same) == 1
    moved = added.filter(once).join(gone.filter(once).select(*same, old_code="code"), on=same, nulls_equal=True)
    parts = [
        renamed,
        moved.select("code", "name", change=pl.lit("recoded"), old_code="old_code", old_name="name"),
        added.join(moved, on="code", how="anti").select("code", "name", change=pl.lit("added")),
        gone.join(moved, left_on="code", right_on="old_code", how="anti").select(
            change=pl.lit("gone"), old_code="code", old_name="name"
        ),
    ]
    return (
        pl.concat([DIFF.to_frame(), *parts], how="diagonal")
        .select(DIFF.names())
        .sort("change", pl.coalesce("code", "old_code"))
    )


def _with_parent(divisions: pl.DataFrame, *, without: pl.DataFrame) -> pl.DataFrame:
    names = divisions.select(parent="code", parent_name="name")
    return divisions.join(without, on="code", how="anti").join(names, on="parent", how="left")


def require_whole(diff: pl.DataFrame, old: pl.DataFrame) -> None:
    """Raises PartialList when more than a tenth of the list before is gone."""
    gone = diff.filter(pl.col("change") == "gone").height
    if gone > old.height * MOST_GONE:
        raise PartialList(gone=gone, share=f"{gone / old.height:.0%}")


def shipped() -> pl.DataFrame:
    """The official divisions that songda ships: DIVISIONS."""
    import zstandard

    packed = files("songda.address").joinpath("data/divisions.csv.zst").read_bytes()
    rows = pl.read_csv(zstandard.ZstdDecompressor().decompressobj().decompress(packed), infer_schema=False)
    rows = rows.with_columns(pl.col("parent").fill_null(""))
    # Zones that are no divisions stay where towns are listed below them.
    holds = pl.col("code").is_in(rows["parent"].unique().implode())
    rows = rows.filter((pl.col("official") == "1") | holds)
    return rows.select(DIVISIONS.names()).cast(DIVISIONS).sort("code")


def folder(home: Path | None = None) -> Path:
    """Where editions lie."""
    return (home or load().home) / "address" / "editions"


def current(home: Path | None = None) -> Path | None:
    """Folder of the newest edition; None when none was imported."""
    found = years(home)
    return folder(home) / str(found[-1]) if found else None


def years(home: Path | None = None) -> list[int]:
    """The years of the imported editions, in order."""
    return sorted(int(path.parent.name) for path in folder(home).glob("[0-9][0-9][0-9][0-9]/edition.json"))


def read(edition: Path) -> pl.DataFrame:
    """The divisions of an edition's folder: DIVISIONS."""
    return pl.read_csv(edition / "divisions.csv", schema=DIVISIONS).with_columns(pl.col("parent").fill_null(""))


def about(edition: Path) -> dict[str, Any]:
    """What edition.json says: year, source, sha256, imported_at, against, divisions a level, changes."""
    told: dict[str, Any] = json.loads((edition / "edition.json").read_text("utf-8"))
    return told


def in_force(home: Path | None = None) -> tuple[str, pl.DataFrame]:
    """Name and divisions of the newest edition, or of the list that ships."""
    edition = current(home)
    return (edition.name, read(edition)) if edition else (SHIPPED, shipped())


def keep(
    divisions: pl.DataFrame,
    diff: pl.DataFrame,
    *,
    year: int,
    against: str,
    source: str,
    sha256: str,
    at: datetime,
    replace: bool = False,
    home: Path | None = None,
) -> Path:
    """Writes the edition's folder, whole or not at all. Raises EditionExists, CannotKeepEdition."""
    target = folder(home) / str(year)
    if target.exists() and not replace:
        raise EditionExists(year=year)
    counts = divisions.group_by("level").len().sort("level")
    changes = dict.fromkeys(CHANGES, 0) | dict(diff.group_by("change").len().iter_rows())
    told = {
        "year": year,
        "source": source,
        "sha256": sha256,
        "imported_at": at.isoformat(timespec="seconds"),
        "against": against,
        "divisions": {str(level): count for level, count in counts.iter_rows()},
        "changes": changes,
    }
    draft, before = target.with_name(f".{year}-{os.getpid()}"), target.with_name(f".{year}-{os.getpid()}-before")
    try:
        draft.mkdir(parents=True)
        divisions.write_csv(draft / "divisions.csv")
        diff.write_csv(draft / "diff.csv")
        (draft / "edition.json").write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        if target.exists():
            target.rename(before)
        draft.rename(target)
    except OSError as error:
        if before.exists() and not target.exists():
            before.rename(target)
        raise CannotKeepEdition(folder=str(target)) from error
    finally:
        for rest in (draft, before):
            shutil.rmtree(rest, ignore_errors=True)
    return target
