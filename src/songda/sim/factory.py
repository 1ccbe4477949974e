"""A stand-in envelope factory: it prints the files that it is given, folds, inserts, weighs, and makes mistakes by seed.

    factory = Factory(Faults(jam=0.01, loss=0.01), seed=7)
    shift = factory.make(folder)                    # manifest.json, inserter.csv, print files, as `songda press handoff` gives them
    shift.output                                    # the inserter's output file
    factory.divert(divert_csv), factory.inspect()   # further output files: what was taken out, what was looked at by hand
    factory.pile                                    # what lies there for the carrier: envelopes with the sheets really in them

The machine knows what a machine knows: the codes that its camera reads off each sheet, the scale, and the file for the inserter.
What really lies in an envelope is kept apart (`Envelope.sheets`), so that a test can open it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import random
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

from songda.base.errors import SongdaError

_TAG = b"/SongdaStamp"
_MATRIX = re.compile(rb"q ([\d.-]+) 0 0 ([\d.-]+) ([\d.-]+) ([\d.-]+) cm\n((?:\d+ \d+ \d+ 1 re\n)+)f\nQ\n")
_RECT = re.compile(rb"(\d+) (\d+) (\d+) 1 re")
_CODE = re.compile(r"S1\|(\d{6})\|(\d{7})\|(\d{2})/(\d{2})\|[0-9A-F]\|[0-9A-F]{4}")
#: What the machine really handles, grams; paper and glue differ from envelope to envelope.
_SHEET_G, _ENVELOPE_G, _SPREAD_G = 4.99, {"zl": 8.0, "c5": 12.0, "c4": 22.0}, 0.35
_HEAD = ("job", "piece", "result", "sheets", "weight_g", "reason")


class BadHandOff(SongdaError):
    """`reason`: what is wrong with the folder."""

    zh = "印制文件夹不可用：{reason}"
    remedy = "请用 songda press handoff 重新输出到空文件夹"
    exit_code = 65


class Sheet(NamedTuple):
    """A sheet of paper, by what its code says."""

    job: int
    piece: int
    number: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Shares of pieces to which it happens, 0 to 1."""

    #: The machine stops with a piece half inserted: it is torn.
    jam: float = 0.0
    #: Printed badly, folded wrong: thrown away.
    spoil: float = 0.0
    #: Leaves the machine and is not found by the end of the shift.
    loss: float = 0.0
    #: A lost one that a sweep of the machine finds again, share of the lost.
    found: float = 0.5
    #: The last sheet drags the next piece's first one with it, beneath, where the camera does not see it.
    double_feed: float = 0.0
    #: A camera reads nothing: the machine takes the piece aside.
    unread: float = 0.0
    #: The machine forgets to write the piece into its file.
    unreported: float = 0.0


@dataclass(slots=True)
class Envelope:
    piece: int
    #: What really lies in it, in order.
    sheets: list[Sheet]
    weight_g: float
    envelope: str


@dataclass(slots=True)
class Shift:
    #: The inserter's output file, CSV.
    output: str
    counts: dict[str, int]


class Factory:
    """One run's paper. Call `make` first; the other methods say what people do afterwards."""

    def __init__(self, faults: Faults = Faults(), *, seed: int) -> None:
        self.faults, self._chance = faults, random.Random(seed)
        #: Envelopes for the carrier, by piece.
        self.pile: dict[int, Envelope] = {}
        #: Taken aside by the machine.
        self.aside: dict[int, Envelope] = {}
        #: Somewhere in the hall.
        self.lost: dict[int, Envelope] = {}
        self.job = 0
        #: Piece → sheets that people lay in behind the coded ones.
        self.annexes: dict[int, int] = {}
        self.waybills: dict[int, str] = {}
        self.manifest_sha256 = ""
        self._expected: dict[int, dict[str, str]] = {}
        self._divert: set[int] = set()

    def load(self, folder: Path) -> str:
        """Takes the files in; the hash to be acknowledged. Raises BadHandOff when a print file is not the manifest's."""
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        self.job, self.manifest_sha256 = manifest["job"], manifest["run_sha256"]
        self.waybills = {row["seq"]: row["waybill_no"] for row in manifest["pieces"]}
        for file in manifest["files"]:
            if hashlib.sha256((folder / file["name"]).read_bytes()).hexdigest() != file["sha256"]:
                raise BadHandOff(reason=f"{file['name']} 与清单不符")
        rows = csv.DictReader(io.StringIO((folder / "inserter.csv").read_text("utf-8-sig")))
        self._expected = {int(row["piece"]): row for row in rows}
        self.annexes = {
            row["seq"]: _printed(folder, row["annex"]) for row in manifest["pieces"] if row.get("annex") is not None
        }
        self._files = [folder / file["name"] for file in manifest["files"]]
        return self.manifest_sha256

    def make(self, folder: Path, *, paper: bool = True) -> Shift:
        """Prints and inserts the whole run. Raises BadHandOff.

        `paper`: whether the codes are read off the pages of the print files, or taken as the inserter's input names them.
        """
        self.load(folder)
        lines: list[tuple[object, ...]] = []
        counts = {each.name: 0 for each in fields(Faults)} | {"pieces": 0, "sheets": 0, "diverted": 0}
        missing_first: dict[int, Sheet] = {}
        stacks = _lookahead(self._stacks() if paper else self._listed())
        for stack, following in stacks:
            piece = stack[0].piece
            counts["pieces"] += 1
            counts["sheets"] += len(stack)
            seen = [sheet for sheet in stack if missing_first.get(piece) != sheet]
            kind = self._mishap()
            if kind is not None:
                counts[kind] += 1
            inside = list(seen)
            if kind == "double_feed" and following is not None:
                inside.append(following[0])
                missing_first[following[0].piece] = following[0]
            lines += self._insert(piece, seen, inside, kind, counts)
        return Shift(_csv(lines), counts)

    def _insert(
        self, piece: int, seen: list[Sheet], inside: list[Sheet], kind: str | None, counts: dict[str, int]
    ) -> list[tuple[object, ...]]:
        """What becomes of one stack of sheets, and what the machine writes about it."""
        expected = self._expected[piece]
        grams = self._weigh(len(inside) + self.annexes.get(piece, 0), expected["envelope"])
        envelope = Envelope(piece, inside, grams, expected["envelope"])
        head = (self.job, piece)
        if kind in ("jam", "spoil"):
            return [(*head, "spoiled", "", "", kind)]
        # Every sheet of the piece and no other: what the camera saw decides.
        complete = [sheet.number for sheet in seen] == list(range(1, int(expected["sheets"]) + 1))
        if not complete or kind == "unread" or piece in self._divert:
            self.aside[piece] = envelope
            counts["diverted"] += 1
            if not seen:
                # Its only sheet went along with the one before.
                self.aside.pop(piece)
                return [(*head, "missing", "", "", "no_sheet")]
            reason = "stop" if piece in self._divert else "unread" if kind == "unread" else "sequence"
            return [(*head, "diverted", len(seen), envelope.weight_g, reason)]
        if kind == "loss":
            self.lost[piece] = envelope
            return [(*head, "missing", "", "", "not_found")]
        self.pile[piece] = envelope
        return [] if kind == "unreported" else [(*head, "good", len(seen), envelope.weight_g, "")]

    def take_aside(self, divert_csv: str) -> None:
        """Takes the divert file in before or after the shift: such pieces leave the pile, and are diverted when they come."""
        self._divert |= _named(divert_csv)

    def divert(self, divert_csv: str) -> str:
        """Takes the named pieces out of the pile, wherever they lie; the answer as an output file."""
        self.take_aside(divert_csv)
        lines: list[tuple[object, ...]] = []
        for piece in sorted(_named(divert_csv)):
            envelope = self.pile.pop(piece, None) or self.aside.pop(piece, None) or self.lost.pop(piece, None)
            lines.append((self.job, piece, "diverted" if envelope else "spoiled", "", "", "stop"))
        return _csv(lines)

    def pull_aside(self, pieces: set[int]) -> None:
        """Good envelopes that the house wants looked at (weight or sheets wrong) go to the side table."""
        for piece in pieces & self.pile.keys():
            self.aside[piece] = self.pile.pop(piece)

    def inspect(self, *, unreported: Collection[int] = ()) -> str:
        """People open what lies aside and sweep the machine: whole ones go back, the others are thrown away."""
        lines: list[tuple[object, ...]] = []
        for piece, envelope in sorted(self.aside.items()):
            whole = piece not in self._divert and self._whole(piece, envelope.sheets)
            lines.append(self._line(piece, envelope if whole else None, "opened"))
            if whole:
                self.pile[piece] = envelope
        self.aside.clear()
        for piece, envelope in sorted(self.lost.items()):
            if self._chance.random() < self.faults.found:
                lines.append(self._line(piece, envelope, "swept"))
                self.pile[piece] = self.lost.pop(piece)
        for piece in sorted(set(unreported) & self.pile.keys()):
            lines.append(self._line(piece, self.pile[piece], "counted"))
        return _csv(lines)

    def _line(self, piece: int, envelope: Envelope | None, reason: str) -> tuple[object, ...]:
        if envelope is None:
            return (self.job, piece, "spoiled", "", "", reason)
        return (self.job, piece, "good", len(envelope.sheets), envelope.weight_g, reason)

    def _whole(self, piece: int, sheets: list[Sheet]) -> bool:
        return [(sheet.piece, sheet.number) for sheet in sheets] == [
            (piece, number) for number in range(1, int(self._expected[piece]["sheets"]) + 1)
        ]

    def _mishap(self) -> str | None:
        roll = self._chance.random()
        for name in ("jam", "spoil", "loss", "double_feed", "unread", "unreported"):
            roll -= getattr(self.faults, name)
            if roll < 0:
                return name
        return None

    def _weigh(self, sheets: int, envelope: str) -> float:
        nominal = _ENVELOPE_G[envelope] + sheets * _SHEET_G
        return round(nominal + max(-3.0, min(3.0, self._chance.gauss(0, 1))) * _SPREAD_G, 1)

    def _listed(self) -> Iterator[list[Sheet]]:
        for piece, row in sorted(self._expected.items()):
            of = int(row["sheets"])
            yield [Sheet(self.job, piece, number, of) for number in range(1, of + 1)]

    def _stacks(self) -> Iterator[list[Sheet]]:
        """The sheets of each piece, as they come out of the printer."""
        stack: list[Sheet] = []
        for path in self._files:
            for sheet in read_sheets(path):
                if sheet.number == 1 and stack:
                    yield stack
                    stack = []
                stack.append(sheet)
        if stack:
            yield stack


def _printed(folder: Path, annex: dict[str, Any]) -> int:
    """The sheets of a file that is printed as it is, one page a sheet. Raises BadHandOff when it is not the manifest's."""
    import pikepdf

    try:
        data = (folder / annex["file"]).read_bytes()
    except FileNotFoundError:
        raise BadHandOff(reason=f"缺少 {annex['file']}") from None
    if hashlib.sha256(data).hexdigest() != annex["sha256"]:
        raise BadHandOff(reason=f"{annex['file']} 与清单不符")
    with pikepdf.open(io.BytesIO(data)) as document:
        return len(document.pages)


def read_sheets(path: Path) -> Iterator[Sheet]:
    """What the camera reads off the front of each sheet of a print file; a back has no code."""
    import pikepdf

    with pikepdf.open(path) as document:
        for page in document.pages:
            contents: Any = page.obj.Contents
            last = contents[-1].read_bytes() if isinstance(contents, pikepdf.Array) else contents.read_bytes()
            code = _read_code(last)
            if code is not None:
                yield code


def _read_code(stamp: bytes) -> Sheet | None:
    """The sheet code among the stamps of a page, read by a barcode reader from its modules; None: a back."""
    import zxingcpp

    if _TAG not in stamp:
        return None
    for found in _MATRIX.finditer(stamp):
        rects = [tuple(map(int, rect)) for rect in _RECT.findall(found[5])]
        side = max(y for _, y, _ in rects) + 1
        if side < 10:  # a row of bars or of figures
            continue
        image = _picture(rects, side)
        for barcode in zxingcpp.read_barcodes(image, formats=_formats(), is_pure=True):
            if code := _CODE.fullmatch(barcode.text):
                return Sheet(*(int(number) for number in code.groups()))
    return None


def _formats() -> Any:
    import zxingcpp

    return zxingcpp.BarcodeFormat.DataMatrix


def _picture(rects: list[tuple[int, ...]], side: int, *, scale: int = 4, quiet: int = 2) -> Any:
    import numpy as np

    modules = np.full((side + 2 * quiet, side + 2 * quiet), 255, np.uint8)
    for x, y, width in rects:
        modules[y + quiet, x + quiet : x + quiet + width] = 0
    return np.ascontiguousarray(modules.repeat(scale, 0).repeat(scale, 1))


def _lookahead(stacks: Iterator[list[Sheet]]) -> Iterator[tuple[list[Sheet], list[Sheet] | None]]:
    current = next(stacks, None)
    while current is not None:
        following = next(stacks, None)
        yield current, following
        current = following


def _named(divert_csv: str) -> set[int]:
    return {int(row["piece"]) for row in csv.DictReader(io.StringIO(divert_csv.removeprefix("\ufeff")))}


def pile_csv(pile: dict[int, Envelope], waybills: dict[int, str]) -> str:
    """A line an envelope: the waybill in its window, and the sheets that really lie in it as piece/number."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(("piece", "waybill", "sheets", "weight_g"))
    for piece, envelope in sorted(pile.items()):
        inside = " ".join(f"{sheet.piece}/{sheet.number}" for sheet in envelope.sheets)
        writer.writerow((piece, waybills[piece], inside, envelope.weight_g))
    return out.getvalue()


def _csv(lines: list[tuple[object, ...]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_HEAD)
    writer.writerows(lines)
    return out.getvalue()
