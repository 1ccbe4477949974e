"""Sealed files at rest: many small blobs in one segment (PDFs of record), or one large stream a file (print PDFs).

>>> with SegmentWriter(Path("seg_01kb.bin")) as segment:     # doctest: +SKIP
...     slots = [segment.append(key.seal(pdf, context=letter_id)) for letter_id, pdf in letters]
>>> read_segment(Path("seg_01kb.bin"), slots[0].offset, slots[0].length)     # doctest: +SKIP

One fsync a segment, not one a letter. Close the segment before committing the rows that point into it: after a crash
there may be a segment without rows (harmless, sealed) but never a row without its segment. Names must be new
(`songda.base.ids.new`): nothing is overwritten.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

from songda.vault.durable import NewFile, disk_errors, new_file
from songda.vault.errors import SegmentDamaged
from songda.vault.keys import DataKey


class Slot(NamedTuple):
    """Where a blob lies in its segment, bytes."""

    offset: int
    length: int


class SegmentWriter:
    """Appends sealed blobs; the segment appears under `path` at `close()` and is on the disk then. As a context:
    closed, or nothing.
    """

    __slots__ = ("_end", "_made", "_open")

    def __init__(self, path: Path) -> None:
        """Raises SegmentExists, CannotWrite, DiskFull."""
        self._made = NewFile(path)
        self._end = 0
        self._open = True

    def append(self, sealed: bytes) -> Slot:
        """Raises DiskFull, CannotWrite; then the whole segment is gone and the writer closed."""
        try:
            with disk_errors(self._made.path.parent):
                self._made.file.write(sealed)
        except BaseException:
            self.discard()
            raise
        slot = Slot(self._end, len(sealed))
        self._end += len(sealed)
        return slot

    def close(self) -> None:
        """Raises DiskFull, CannotWrite, SegmentExists; then nothing is left behind. A second close does nothing."""
        if self._open:
            self._open = False
            self._made.commit()

    def discard(self) -> None:
        """Leaves nothing behind."""
        if self._open:
            self._open = False
            self._made.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


def read_segment(path: Path, offset: int, length: int) -> bytes:
    """The `length` bytes at `offset`. Raises SegmentDamaged when the file is missing or shorter."""
    try:
        with path.open("rb") as file:
            blob = os.pread(file.fileno(), length, offset)
    except FileNotFoundError:
        blob = b""
    if len(blob) != length:
        raise SegmentDamaged(path=str(path), offset=offset, length=length)
    return blob


def write_sealed(path: Path, source: BinaryIO, *, key: DataKey, context: str) -> None:
    """Seals all of `source` into the new file `path`, in constant memory. Raises SegmentExists, DiskFull,
    CannotWrite.
    """
    with new_file(path) as target:
        key.seal_stream(source, target, context=context)


def read_sealed(path: Path, *, key: DataKey, context: str) -> Iterator[bytes]:
    """The plaintext of `path` in verified pieces. Raises SegmentDamaged when there is no such file, Unsealable as
    `DataKey.open_stream`.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise SegmentDamaged(path=str(path), offset=0, length=0) from None
    with file:
        yield from key.open_stream(file, context=context)
