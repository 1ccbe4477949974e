"""The immutable list of a print run: which piece lies on which pages of which file, with hashes. It names no person.

manifest.to_json(), manifest.to_csv()
manifest.run_sha256           # over everything else in it; the factory acknowledges this hash
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

from songda.letters.omr import Omr, parse_omr


@dataclass(frozen=True, slots=True)
class Annex:
    """Somebody else's document behind the letter: a file of its own, printed as it is, one page a sheet, without codes."""

    file: str
    #: Of the file, hex: the bytes are those that were recorded.
    sha256: str
    #: Also its sheets.
    pages: int


@dataclass(frozen=True, slots=True)
class PieceRow:
    seq: int
    piece_id: str
    letter_no: str
    waybill_no: str
    #: Of the letter, without an annex; so are `sheets`, which carry codes.
    pages: int
    sheets: int
    #: Everything in the envelope and the envelope.
    weight_g: int
    #: Name of the print file.
    file: str
    #: 1-based page of the file on which the piece begins.
    first_page: int
    #: Of the PDF of record, hex.
    record_sha256: str
    #: Of the piece's pages as printed: record and stamps (`run.print_hash`), hex.
    print_sha256: str
    annex: Annex | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON. A piece without an annex says nothing about one, so that manifests from before keep their hashes."""
        # Not asdict: it copies what it finds, a few thousand times a run.
        row = {name: getattr(self, name) for name in _COLUMNS}
        return row if self.annex is None else row | {"annex": asdict(self.annex)}


#: Names of what every piece states.
_COLUMNS = tuple(field.name for field in fields(PieceRow) if field.name != "annex")


@dataclass(frozen=True, slots=True)
class FileRow:
    name: str
    pages: int
    pieces: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    run_id: str
    #: Job number in the sheet codes.
    job: int
    #: ISO day of the run.
    day: str
    duplex: bool
    drill: bool
    files: tuple[FileRow, ...]
    pieces: tuple[PieceRow, ...]
    #: Bars beside the sheet codes, where the inserter reads such.
    omr: Omr | None = None

    @property
    def run_sha256(self) -> str:
        return hashlib.sha256(_canonical(self._plain())).hexdigest()

    @property
    def annexes(self) -> tuple[Annex, ...]:
        """In the order of the pieces."""
        return tuple(row.annex for row in self.pieces if row.annex is not None)

    def to_json(self) -> str:
        """Canonical JSON with the hash of the run."""
        return _canonical({**self._plain(), "run_sha256": self.run_sha256}).decode()

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """The manifest that `to_json` wrote. Raises ValueError when its hash does not fit."""
        data = json.loads(text)
        stated = data.pop("run_sha256")
        files = tuple(FileRow(**row) for row in data.pop("files"))
        pieces = tuple(_piece(row) for row in data.pop("pieces"))
        manifest = cls(**{**data, "files": files, "pieces": pieces, "omr": parse_omr(data.pop("omr", None))})
        if manifest.run_sha256 != stated:
            raise ValueError("the manifest was changed")
        return manifest

    def to_csv(self) -> str:
        """One line a piece, under the names of the fields; those of the annex stand in runs that have any."""
        names = [*_COLUMNS]
        rows = [[getattr(row, name) for name in names] for row in self.pieces]
        if self.annexes:
            names += [f"annex_{field.name}" for field in fields(Annex)]
            rows = [[*row, *_cells(piece.annex)] for row, piece in zip(rows, self.pieces, strict=True)]
        return table(names, rows)

    def _plain(self) -> dict[str, Any]:
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        plain |= {"files": [asdict(file) for file in self.files], "pieces": [row.plain() for row in self.pieces]}
        # Nor does a run without bars say anything about them.
        del plain["omr"]
        return plain if self.omr is None else plain | {"omr": asdict(self.omr)}


@dataclass(frozen=True, slots=True)
class PostingRow:
    """A line of the list that the post office stamps. Personal data: sealed like the print files."""

    seq: int
    waybill_no: str
    masked_name: str
    city: str
    postcode: str
    weight_g: int
    #: 四段码 of the carrier's answer, in whose order the run lies; "" when it gave none.
    route_code: str = ""


def posting_csv(rows: Iterable[PostingRow]) -> str:
    head = ["序号", "邮件号码", "收件人", "寄达地", "邮编", "重量（克）", "分拣码"]
    return table(head, (asdict(row).values() for row in rows))


def table(head: list[str], rows: Iterable[Iterable[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue()


def _piece(row: dict[str, Any]) -> PieceRow:
    annex = row.pop("annex", None)
    return PieceRow(**row, annex=None if annex is None else Annex(**annex))


def _cells(annex: Annex | None) -> Iterable[object]:
    return [""] * len(fields(Annex)) if annex is None else asdict(annex).values()


def _canonical(data: object) -> bytes:
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
