"""`songda address train`: labelled lines are checked before anything heavy starts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from songda.cli.address.errors import NoRows, WrongLine
from songda.cli.address.source import head_of
from songda.cli.address.words import words
from songda.cli.opening import JsonFlag, print_json


def train(
    data: Annotated[
        list[Path],
        typer.Argument(help='Labelled addresses: lines "浙江省/prov 杭州市/city …", or jsonl with text and spans.'),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the weights; SONGDA_HOME/address/tagger when absent.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the order of the lines.")] = 0,
    generated: Annotated[int, typer.Option(min=0, help="Made addresses that are mixed in.")] = 60_000,
    as_json: JsonFlag = False,
) -> None:
    """Fit the tagger to your own labelled addresses, beside the weights that ship, which are never overwritten.

    The format of the lines is told in corpus/address/GUIDE.md; a folder stands for all its .txt and .jsonl files.

    Example: songda address train 我的标注/ --out weights
    """
    from songda.base.settings import load

    files = [path for each in data for path in _labelled_files(each)]
    lines = sum(_check(path) for path in files)
    folder = out or load().home / "address" / "tagger"
    from songda.address.training.fit import fit

    figures = fit(files, out=folder, seed=seed, generated=generated)
    told = {"files": len(files), "lines": lines, "out": str(folder), "seed": seed}
    if as_json:
        print_json(told | (figures if isinstance(figures, dict) else {}))
    else:
        typer.echo(f"已用 {lines:,} 行标注训练，权重写入 {folder}")


def _labelled_files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted([*path.glob("*.txt"), *path.glob("*.jsonl")])
        if not found:
            raise NoRows(file=path.name)
        return found
    head_of(path)
    return [path]


def _check(file: Path) -> int:
    """How many labelled lines the file has. Raises WrongLine."""
    from songda.intake import UnknownEncoding

    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UnknownEncoding(file=file.name) from error
    wanted = _wrong_object if file.suffix == ".jsonl" else _wrong_pieces
    count = 0
    for row_no, line in enumerate(lines, start=1):
        if not line.strip() or (line.startswith("#") and file.suffix != ".jsonl"):
            continue
        if wrong := wanted(line):
            raise WrongLine(file=file.name, row_no=row_no, what=wrong, remedy="格式见 corpus/address/GUIDE.md")
        count += 1
    if not count:
        raise NoRows(file=file.name)
    return count


def _wrong_pieces(line: str) -> str:
    for piece in line.split():
        text, _, label = piece.rpartition("/")
        if not text:
            return "有一段没有写成 文字/标签"
        if label not in words().labels:
            return "有不认识的标签"
    return ""


def _wrong_object(line: str) -> str:
    import orjson

    try:
        row = orjson.loads(line)
        text, spans = row["text"], row["spans"]
        pieces, labels = "".join(piece for piece, _ in spans), {label for _, label in spans}
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return "不是含 text 和 spans 的 JSON 对象"
    if not isinstance(text, str) or re.sub(r"\s", "", pieces) != re.sub(r"\s", "", text):
        return "的各段连起来不是原文"
    return "" if labels <= words().labels.keys() else "有不认识的标签"
