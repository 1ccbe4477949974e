"""Results out: to a file that is there whole or not at all, or to the screen or a pipe, frame by frame.

with sink(kind_of(None, out, as_json=False), out) as writer:
    writer.write(frame)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import typer

from songda.cli.address.errors import NeedsFile, SameFile
from songda.cli.address.screen import SHOWN

if TYPE_CHECKING:
    import polars as pl


class Form(StrEnum):
    table = "table"
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"


class Writer(NamedTuple):
    """Takes the frames of a result one after the other."""

    write: Callable[[pl.DataFrame], None]
    #: Private folder beside the file, gone afterwards, for what does not fit into memory; None without a file.
    folder: Path | None = None


def kind_of(form: Form | None, out: Path | None, *, as_json: bool) -> str:
    """table, json, jsonl, csv or parquet. Raises NeedsFile."""
    if out is None and form is Form.parquet and not as_json:
        raise NeedsFile
    if out is None:
        return "json" if as_json else (form.value if form else "table")
    named = {".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}.get(out.suffix.lower(), "csv")
    return form.value if form and form is not Form.table else named


def keep_apart(file: Path | None, out: Path | None) -> None:
    """Raises SameFile."""
    if file is not None and out is not None and file.exists() and out.exists() and file.samefile(out):
        raise SameFile


@contextmanager
def sink(kind: str, out: Path | None, *, table: Callable[[list[pl.DataFrame]], None] | None = None) -> Iterator[Writer]:
    """Where the frames of a result go: to the file, else to the screen or a pipe, where `table` shows the first rows."""
    if out is not None:
        with to_file(kind, out) as writer:
            yield writer
        return
    with _screen(kind, table) as write:
        yield Writer(write)


@contextmanager
def to_file(kind: str, out: Path | None) -> Iterator[Writer]:
    """The file, mode 0600, whole or not at all; nowhere without one. Raises CannotWrite."""
    if out is None:
        yield Writer(lambda frame: None)
        return
    from songda.intake import private_file

    with private_file(out) as draft:
        if kind == "parquet":
            with _parquet(draft) as write:
                yield Writer(write, draft.parent)
            return
        with draft.open("wb") as content:
            yield Writer(_csv(content) if kind == "csv" else _jsonl(content), draft.parent)


@contextmanager
def _screen(kind: str, table: Callable[[list[pl.DataFrame]], None] | None) -> Iterator[Callable[[pl.DataFrame], None]]:
    content = sys.stdout.buffer
    try:
        if kind == "table":
            shown: list[pl.DataFrame] = []
            yield lambda frame: shown.append(frame.head(SHOWN - sum(part.height for part in shown)))
            if table is not None:
                table(shown)
        elif kind == "json":
            with _json_list(content) as write:
                yield write
        else:
            yield _csv(content) if kind == "csv" else _jsonl(content)
        content.flush()
    except BrokenPipeError:
        # The reader of the pipe (head, less) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


@contextmanager
def _json_list(content: BinaryIO) -> Iterator[Callable[[pl.DataFrame], None]]:
    started: list[bool] = []

    def write(frame: pl.DataFrame) -> None:
        lines = frame.write_ndjson().encode().rstrip(b"\n").replace(b"\n", b",")
        content.write((b"," if started else b'{"addresses":[') + lines)
        started.append(True)

    yield write
    content.write(b"]")


@contextmanager
def _parquet(draft: Path) -> Iterator[Callable[[pl.DataFrame], None]]:
    import polars as pl

    parts: list[Path] = []

    def write(frame: pl.DataFrame) -> None:
        parts.append(draft.with_name(f"part-{len(parts)}.parquet"))
        frame.write_parquet(parts[-1])

    yield write
    pl.scan_parquet(parts).sink_parquet(draft)


def _jsonl(content: BinaryIO) -> Callable[[pl.DataFrame], None]:
    # Python writes, so that a closed pipe is told as one.
    def write(frame: pl.DataFrame) -> None:
        content.write(frame.write_ndjson().encode())

    return write


def _csv(content: BinaryIO) -> Callable[[pl.DataFrame], None]:
    """CSV as spreadsheets open it: UTF-8 with mark, lists joined by |."""
    import polars as pl

    started: list[bool] = []

    def write(frame: pl.DataFrame) -> None:
        lists = [pl.col(name) for name, kind in frame.schema.items() if isinstance(kind, pl.List)]
        flat = frame.with_columns(
            pl.when(each.list.len() > 0).then(each.cast(pl.List(pl.String)).list.join("|")) for each in lists
        )
        text = flat.write_csv(include_header=not started, line_terminator="\r\n")
        content.write(text.encode("utf-8" if started else "utf-8-sig"))
        started.append(True)

    return write


def json_text(figures: Mapping[str, object]) -> str:
    import orjson

    return orjson.dumps(figures).decode()
