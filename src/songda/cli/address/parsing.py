"""`songda address parse`."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from songda.cli.address.columns import address_column
from songda.cli.address.errors import NoRows
from songda.cli.address.options import ColumnName, File, Out, WeightsFolder
from songda.cli.address.reading import own_weights, standardised
from songda.cli.address.screen import SHOWN, show_table
from songda.cli.address.sink import Form, json_text, keep_apart, kind_of, sink
from songda.cli.address.source import name_of, read
from songda.cli.address.words import field, issue
from songda.cli.opening import JsonFlag, print_json, progress_bar, tell_of_compiling

if TYPE_CHECKING:
    import polars as pl


def parse(
    file: File = None,
    column: ColumnName = None,
    form: Annotated[
        Form | None, typer.Option("--format", help="By default what the name of --out says, else a table.")
    ] = None,
    out: Out = None,
    weights: WeightsFolder = None,
    as_json: JsonFlag = False,
) -> None:
    """Read addresses: one row out per row in, with parts, canonical line, codes, place key, confidence, issues.

    Example: songda address parse 客户.xlsx --column 联系地址 --out parsed.csv
    """
    tell_of_compiling()
    kind = kind_of(form, out, as_json=as_json)
    keep_apart(file, out)
    chosen = own_weights(weights)
    source = read(file, [address_column(column)])
    tally, began = Tally(), time.monotonic()
    # Rows that go to the screen themselves leave no place for a bar.
    quiet = as_json or (out is None and kind != "table" and sys.stdout.isatty())
    with progress_bar(quiet=quiet) as show, sink(kind, out, table=_show) as writer:
        for rows, frame in standardised(source.frames, weights=chosen):
            frame.insert_column(0, rows["row_no"])
            tally.add(frame)
            writer.write(with_words(frame) if kind == "csv" else frame)
            show("读取地址", tally.rows, source.total)
        if not tally.rows:
            raise NoRows(file=name_of(file))
    figures = tally.figures() | {"seconds": round(time.monotonic() - began, 3)}
    if kind == "json":
        sys.stdout.write(f',"figures":{json_text(figures)}}}\n')
    elif as_json:
        print_json(figures | {"out": str(out)})
    else:
        if kind == "table":
            tally.show_remedies()
        typer.echo(tally.sentence() + (f"；已写入 {out}" if out else ""), err=True)
        if kind == "table" and tally.rows > SHOWN:
            typer.echo(f"只显示前 {SHOWN} 行；全部结果请加 --out 文件.csv", err=True)


def with_words(frame: pl.DataFrame) -> pl.DataFrame:
    """With a last column `issues_zh` for those who open the file in a spreadsheet: what is the matter and what to do."""
    import polars as pl

    codes = frame["issues"].explode(empty_as_null=True).drop_nulls().unique().to_list()
    told = {code: issue(code).told for code in codes}
    in_words = pl.col("issues").list.eval(pl.element().replace_strict(told, return_dtype=pl.String))
    joined = in_words.list.join("；") if told else pl.lit(None, dtype=pl.String)
    return frame.with_columns(issues_zh=pl.when(pl.col("issues").list.len() > 0).then(joined))


class Tally:
    """What a run over addresses came to."""

    def __init__(self) -> None:
        self.rows = self.read = self.doubtful = 0
        self.levels: Counter[str] = Counter()
        self.issues: Counter[str] = Counter()

    def add(self, frame: pl.DataFrame) -> None:
        self.rows += frame.height
        self.read += frame["place_key"].count()
        self.doubtful += int((frame["confidence"] < 0.5).sum())
        self.levels.update(dict(frame["level"].value_counts().iter_rows()))
        self.issues.update(dict(frame["issues"].explode(empty_as_null=True).drop_nulls().value_counts().iter_rows()))

    def figures(self) -> dict[str, object]:
        return {
            "rows": self.rows,
            "read": self.read,
            "doubtful": self.doubtful,
            "levels": dict(self.levels),
            "issues": dict(self.issues),
        }

    def sentence(self) -> str:
        issues = "、".join(f"{issue(code).zh} {count:,}" for code, count in self.issues.most_common(3))
        text = f"共 {self.rows:,} 行，读出 {self.read:,} 行，其中把握不足一半的 {self.doubtful:,} 行"
        return text + (f"（{issues}）" if issues else "")

    def show_remedies(self) -> None:
        """What to do about each issue, once for all rows that have it."""
        if self.issues:
            found = [(count, issue(code)) for code, count in self.issues.most_common()]
            show_table("提示", ("提示", "行数", "处理办法"), [(each.zh, count, each.remedy) for count, each in found])


def _show(frames: Sequence[pl.DataFrame]) -> None:
    show_table(
        "读出的地址",
        ("行号", "标准地址", "区划代码", "读到", "把握", "提示"),
        [
            (
                str(row["row_no"]),
                row["standard"] or "",
                row["town_code"] or row["adcode"] or "",
                field(row["level"]),
                f"{row['confidence']:.2f}",
                "；".join(issue(code).zh for code in row["issues"]),
            )
            for frame in frames
            for row in frame.iter_rows(named=True)
        ],
    )
