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


@dataclass(frozen=True, slots=True)
class PieceRow:
    seq: int
    piece_id: str
    letter_no: str
    waybill_no: str
    pages: int
    sheets: int
    weight_g: int
    #: Name of the print file.
    file: str
    #: 1-based page of the file on which the piece begins.
    first_page: int
    #: Of the PDF of record, hex.
    record_sha256: str
    #: Of the piece's pages as printed: record and stamps (`run.print_hash`), hex.
    print_sha256: str


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

    @property
    def run_sha256(self) -> str:
        return hashlib.sha256(_canonical(asdict(self))).hexdigest()

    def to_json(self) -> str:
        """Canonical JSON with the hash of the run."""
        return _canonical({**asdict(self), "run_sha256": self.run_sha256}).decode()

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """The manifest that `to_json` wrote. Raises ValueError when its hash does not fit."""
        data = json.loads(text)
        stated = data.pop("run_sha256")
        files = tuple(FileRow(**row) for row in data.pop("files"))
        manifest = cls(**{**data, "files": files, "pieces": tuple(PieceRow(**row) for row in data.pop("pieces"))})
        if manifest.run_sha256 != stated:
            raise ValueError("the manifest was changed")
        return manifest

    def to_csv(self) -> str:
        """One line a piece, under the names of the fields."""
        return table([field.name for field in fields(PieceRow)], (asdict(row).values() for row in self.pieces))


@dataclass(frozen=True, slots=True)
class PostingRow:
    """A line of the list that the post office stamps. Personal data: sealed like the print files."""

    seq: int
    waybill_no: str
    masked_name: str
    city: str
    postcode: str
    weight_g: int


def posting_csv(rows: Iterable[PostingRow]) -> str:
    return table(["序号", "邮件号码", "收件人", "寄达地", "邮编", "重量（克）"], (asdict(row).values() for row in rows))


def table(head: list[str], rows: Iterable[Iterable[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue()


def _canonical(data: object) -> bytes:
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
