"""What the inserter of a factory reads and writes: a line a piece, numbers only, nobody named.

    text = inserter_csv(manifest, products)         # into the machine: job, piece, sheets, envelope, weight from … to …
    good, refused = read_output(data)               # out of it: what became of each piece, as the machine saw it

Columns: docs/press.zh-CN.md. A piece is named by the two numbers that stand in the codes of its sheets: job and piece.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Literal, NamedTuple, cast, get_args

from songda.base.errors import SongdaError
from songda.base.texts import decoded
from songda.letters.manifest import Manifest, table
from songda.letters.postage import Products, weigh

Result = Literal["good", "spoiled", "diverted", "missing"]

#: The scale's share of a sheet within which an envelope passes. Less than half a sheet: one too few or too many never does.
TOLERANCE = 0.45

OUTPUT_COLUMNS = ("job", "piece", "result", "sheets", "weight_g", "reason")
_MOST_ROWS = 1_000_000


class NotAnInserterFile(SongdaError):
    """`missing`: columns that it lacks."""

    zh = "不是装封机的结果文件：缺少列 {missing}"
    remedy = "首行应为 job,piece,result,sheets,weight_g,reason（UTF-8 或 GB18030 编码的 CSV），见 docs/press.zh-CN.md"
    exit_code = 65


@dataclass(frozen=True, slots=True)
class Expected:
    """A line of the file for the inserter: what it will find, and when it must not let an envelope pass."""

    #: Number of the run in the sheet codes.
    job: int
    #: Number of the piece in the sheet codes.
    piece: int
    sheets: int
    #: Code of products.toml.
    envelope: str
    #: Weights that pass, grams.
    min_g: float
    max_g: float
    #: Print file and its 1-based page on which the piece begins.
    file: str
    first_page: int
    pages: int
    #: File that is printed as it is and laid in behind the coded sheets by hand, and its sheets; "" and 0: none.
    annex: str = ""
    annex_sheets: int = 0

    def weight_fits(self, weight_g: float) -> bool:
        return self.min_g <= weight_g <= self.max_g


class Outcome(NamedTuple):
    """A line of the inserter's output file."""

    #: 1-based line of the file, the head being line 1.
    line: int
    job: int
    piece: int
    result: Result
    #: Sheets whose codes were read, and grams on the scale; always stated of a good piece.
    sheets: int | None
    weight_g: float | None
    #: Code such as `jam`; "" when the machine says none.
    reason: str


class Refused(NamedTuple):
    """A line that says nothing we can use."""

    line: int
    #: Column that is wrong.
    column: str
    #: Chinese: what was expected.
    why: str


def expected_pieces(manifest: Manifest, products: Products, *, tolerance: float = TOLERANCE) -> list[Expected]:
    """What the inserter has to make of each piece, in the order of the run. `tolerance`: share of a sheet. Raises TooHeavy."""
    found, allowed_g = [], tolerance * products.sheet_g
    for row in manifest.pieces:
        name, behind = (row.annex.file, row.annex.pages) if row.annex else ("", 0)
        envelope, _ = weigh(sheets=row.sheets + behind, products=products)
        # The camera sees no code on an annex: that it is there, and whole, the scale alone can tell.
        nominal = envelope.empty_g + (row.sheets + behind) * products.sheet_g
        low, high = round(nominal - allowed_g, 2), round(nominal + allowed_g, 2)
        place = (row.file, row.first_page, row.pages)
        found.append(Expected(manifest.job, row.seq, row.sheets, envelope.code, low, high, *place, name, behind))
    return found


def inserter_csv(pieces: Iterable[Expected]) -> str:
    """A line a piece; columns about annexes stand in runs that have any."""
    rows = list(pieces)
    names = [field.name for field in fields(Expected)]
    if not any(row.annex for row in rows):
        names = [name for name in names if name not in ("annex", "annex_sheets")]
    return table(names, ([getattr(row, name) for name in names] for row in rows))


def read_inserter(text: str) -> dict[int, Expected]:
    """Piece number → line of the file that `inserter_csv` wrote."""
    return {
        int(row["piece"]): Expected(
            int(row["job"]),
            int(row["piece"]),
            int(row["sheets"]),
            row["envelope"],
            float(row["min_g"]),
            float(row["max_g"]),
            row["file"],
            int(row["first_page"]),
            int(row["pages"]),
            row.get("annex") or "",
            int(row.get("annex_sheets") or 0),
        )
        for row in csv.DictReader(io.StringIO(text))
    }


def output_csv(outcomes: Iterable[Outcome]) -> str:
    """The output file as an inserter writes it; `line` is given by the place in the file."""
    return table(list(OUTPUT_COLUMNS), (["" if value is None else value for value in each[1:]] for each in outcomes))


def read_output(data: bytes) -> tuple[list[Outcome], list[Refused]]:
    """The lines of an output file in their order, and those that cannot be used. Raises NotAnInserterFile."""
    reader = csv.DictReader(io.StringIO(_text(data), newline=""))
    missing = [name for name in OUTPUT_COLUMNS[:5] if name not in (reader.fieldnames or ())]
    if missing:
        raise NotAnInserterFile(missing="、".join(missing))
    read, refused = list[Outcome](), list[Refused]()
    try:
        for number, row in enumerate(reader, 2):
            if number > _MOST_ROWS:
                refused.append(Refused(number, "", f"文件超过 {_MOST_ROWS} 行，请分开提交"))
                break
            if any(row.values()):
                line = _outcome(number, {name: str(row.get(name) or "").strip() for name in OUTPUT_COLUMNS})
                if isinstance(line, Outcome):
                    read.append(line)
                else:
                    refused.append(line)
    except csv.Error:
        raise NotAnInserterFile(missing="可读的 CSV 内容") from None
    return read, refused


#: Column, what stands in it, what was expected.
_FORMS = (
    ("job", re.compile(r"[0-9]{1,6}"), "应为不超过 6 位的数字"),
    ("piece", re.compile(r"[0-9]{1,7}"), "应为不超过 7 位的数字"),
    ("result", re.compile("|".join(get_args(Result))), "应为 good、spoiled、diverted 或 missing"),
    ("sheets", re.compile(r"[0-9]{0,2}"), "应为读到的张数"),
    ("weight_g", re.compile(r"([0-9]{1,4}(\.[0-9]{1,3})?)?"), "应为克数，如 17.9"),
    ("reason", re.compile(r"[a-z0-9_]{0,40}"), "应为小写字母、数字和下划线组成的代码，如 jam"),
)


def _outcome(line: int, row: Mapping[str, str]) -> Outcome | Refused:
    for name, form, why in _FORMS:
        if not form.fullmatch(row[name]):
            return Refused(line, name, why)
    sheets, weight = row["sheets"], row["weight_g"]
    if row["result"] == "good" and not (sheets and weight):
        return Refused(line, "weight_g" if sheets else "sheets", "完好的封件须有读到的张数和称得的克数")
    return Outcome(
        line,
        int(row["job"]),
        int(row["piece"]),
        cast(Result, row["result"]),
        int(sheets) if sheets else None,
        float(weight) if weight else None,
        row["reason"],
    )


def _text(data: bytes) -> str:
    text = decoded(data)
    if text is None:
        raise NotAnInserterFile(missing="可读的文字（编码应为 UTF-8 或 GB18030）")
    return text
