"""`songda address dedupe`: in memory stays a key a row; texts and lines wait in files where the result goes to one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from songda.cli.address.columns import address_column
from songda.cli.address.errors import NoRows
from songda.cli.address.options import ColumnName, File, Out
from songda.cli.address.reading import standardised
from songda.cli.address.screen import show_table
from songda.cli.address.sink import keep_apart, kind_of, to_file
from songda.cli.address.source import name_of, read
from songda.cli.opening import JsonFlag, print_json, progress_bar, tell_of_compiling

if TYPE_CHECKING:
    import polars as pl

#: Levels at which two equal texts are one area and not one door.
VAGUE = ("province", "city", "district", "town", "village", "group", "road")
_SHOWN_GROUPS = 20


def dedupe(
    file: File,
    column: ColumnName = None,
    out: Out = None,
    as_json: JsonFlag = False,
) -> None:
    """Find rows that mean the same door: equal after reading, and near misses in another spelling. Nothing is deleted.

    The file that --out names has one row per row in: row_no, group (the row that stands for it), how, candidates, text, standard.

    Example: songda address dedupe 客户.csv --out groups.csv
    """
    tell_of_compiling()
    import polars as pl

    from songda.address.dedupe import NEEDED, held
    from songda.address.dedupe import dedupe as group

    kind = kind_of(None, out, as_json=as_json)
    keep_apart(file, out)
    source = read(file, [address_column(column)])
    keys: list[pl.DataFrame] = []
    texts: list[pl.LazyFrame] = []
    count = 0
    with to_file(kind, out) as writer:
        with progress_bar(quiet=as_json) as show:
            wanted = ("text", "standard", "level", *NEEDED)
            for rows, frame in standardised(source.frames, keep=lambda frame: held(frame, *wanted)):
                frame.insert_column(0, rows["row_no"])
                keys.append(frame.select("row_no", *NEEDED, vague=pl.col("level").is_in(VAGUE)))
                if out is not None or not as_json:
                    texts.append(_put_by(frame.drop(NEEDED), writer.folder, len(texts)))
                count += rows.height
                show("读取地址", count, source.total)
            if not keys:
                raise NoRows(file=name_of(file))
            frame = pl.concat(keys)
            keys.clear()
            result = _by_number(frame, group(frame))
            show("查找重复", count, count)
        if out is not None:
            for part in _with_texts(result, texts):
                writer.write(part)
        groups = _groups(result)
        lines = {} if as_json else _lines_of(groups.head(_SHOWN_GROUPS)["group"], texts)
    _tell(result, groups, lines, out, as_json=as_json)


def _put_by(frame: pl.DataFrame, folder: Path | None, number: int) -> pl.LazyFrame:
    """Out of memory where there is a private folder; else without the text, of which the screen shows nothing."""
    import polars as pl

    if folder is None:
        return frame.lazy().drop("text")
    path = folder / f"text-{number}.parquet"
    frame.write_parquet(path)
    return pl.scan_parquet(path)


def _by_number(frame: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Groups and candidates by the numbers that the rows of the file bear."""
    import polars as pl

    row_no = frame["row_no"]
    candidates = (
        found.select("row", "candidates")
        .filter(pl.col("candidates").list.len() > 0)
        .explode("candidates", empty_as_null=True)
        .with_columns(candidates=pl.lit(row_no).gather(pl.col("candidates")))
        .group_by("row", maintain_order=True)
        .agg("candidates")
    )
    return (
        found.select("row", "how", row_no, frame["vague"], group=row_no.gather(found["group"]))
        .join(candidates, on="row", how="left", maintain_order="left")
        .select("row_no", "group", "how", pl.col("candidates").fill_null([]), "vague")
    )


def _with_texts(result: pl.DataFrame, texts: list[pl.LazyFrame]) -> Iterator[pl.DataFrame]:
    import polars as pl

    at = 0
    for part in texts:
        frame = part.select("text", "standard", "level").collect()
        yield pl.concat([result.slice(at, frame.height).drop("vague"), frame], how="horizontal")
        at += frame.height


def _groups(result: pl.DataFrame) -> pl.DataFrame:
    """Groups of several rows, the largest first: group, rows, near."""
    import polars as pl

    return (
        result.filter(pl.len().over("group") > 1)
        .group_by("group", maintain_order=True)
        .agg(rows="row_no", near=pl.col("row_no").filter(pl.col("how") == "near"))
        .sort(pl.col("rows").list.len(), "group", descending=[True, False])
    )


def _lines_of(numbers: pl.Series, texts: list[pl.LazyFrame]) -> dict[int, str]:
    """Row number → canonical line."""
    import polars as pl

    found = pl.concat(texts).filter(pl.col("row_no").is_in(numbers.implode())).select("row_no", "standard")
    return dict(found.collect().iter_rows())


def _tell(
    result: pl.DataFrame, groups: pl.DataFrame, lines: dict[int, str], out: Path | None, *, as_json: bool
) -> None:
    import polars as pl

    from songda.address.dedupe import HOW

    counts = dict.fromkeys(HOW, 0) | dict(result["how"].value_counts().iter_rows())
    vague = result.filter(pl.len().over("group") > 1, pl.col("vague")).height
    if as_json:
        figures = {"rows": result.height, "groups": groups.height, **counts, "vague": vague}
        print_json({**figures, "duplicates": groups.to_dicts(), **({"out": str(out)} if out else {})})
        return
    rows: list[tuple[str, int]] = [("总行数", result.height), *((HOW[how], counts[how]) for how in HOW)]
    if vague:
        rows.append(("重复的行中只写到村、路或更粗的（同一片地方，未必同一户）", vague))
    show_table("重复的地址", ("结果", "行数"), rows)
    if groups.height:
        show_table(
            f"重复最多的地点（共 {groups.height:,} 处）",
            ("保留行", "行数", "行号", "标准地址"),
            [
                (str(group), len(rows), "、".join(map(str, rows[:8])) + ("…" if len(rows) > 8 else ""), lines[group])
                for group, rows, _ in groups.head(_SHOWN_GROUPS).iter_rows()
            ],
        )
    if out:
        typer.echo(f"已写入 {out}（每行一个结果，原文件不变）")
