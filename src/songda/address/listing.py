"""A list of the divisions as the ministry publishes it: read and checked, row by row.

>>> rows = pl.DataFrame({"row_no": [2, 3, 4], "code": ["11", "110101", "110101001"], "name": ["北京市", "东城区", "东华门街道"]})
>>> divisions, problems = parse(rows)
>>> divisions["level"].to_list(), problems.height
([1, 3, 4], 0)
"""

from __future__ import annotations

import re

import polars as pl

from songda.base.errors import SongdaError

DIVISIONS = pl.Schema(
    {
        "code": pl.String(),  # 6 digits, 9 for a town
        "name": pl.String(),
        "level": pl.Int8(),  # 1 province, 2 prefecture, 3 county, 4 town
        "parent": pl.String(),  # code of the division above; empty for a province
    }
)
PROBLEMS = pl.Schema({"row_no": pl.Int64(), "code": pl.String(), "problem": pl.String(), "remedy": pl.String()})
LEVELS = {1: "省级", 2: "地级", 3: "县级", 4: "乡级"}

#: Rows of the statistical list that name no division: 市辖区 below a municipality.
_FILLERS = ("市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划", "省直辖行政单位")
_YEAR = re.compile(r"(?:19|20)\d{2}")


class UnknownYear(SongdaError):
    zh = "不知道 {file} 是哪一年的区划"
    remedy = "请用 --year 写明，例如 --year 2026"
    exit_code = 64


class EditionRefused(SongdaError):
    zh = "区划清单有 {count} 处问题，没有导入"
    remedy = "请按所列的行号修改后重新导入"
    exit_code = 65


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
    # 东华门街道办事处, as the bureau of statistics writes, is 东华门街道.
    office = pl.col("name").str.replace(r"(街道|地区)办事处$", "${1}")
    listed = listed.with_columns(name=pl.when(pl.col("level") == 4).then(office).otherwise("name"))
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
