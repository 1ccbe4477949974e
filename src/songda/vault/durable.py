"""A file that is either whole and on the disk, or not there: written under a temporary name, synced, renamed, folder
synced.

>>> with new_file(Path("segment.bin")) as file:      # doctest: +SKIP
...     file.write(b"sealed")

The temporary name ends in `.part` and the file is locked while it is written; `sweep` removes those whose writer has
died.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from songda.vault.errors import CannotWrite, DiskFull, SegmentExists

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class NewFile:
    """A file in the making. `commit` makes it appear under `path`; `discard` leaves nothing. One of the two must be
    called.
    """

    __slots__ = ("_temporary", "file", "path")

    def __init__(self, path: Path) -> None:
        """Raises SegmentExists, CannotWrite, DiskFull."""
        self.path = path
        self._temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
        with disk_errors(path.parent):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.exists():
                raise SegmentExists(path=str(path))
            fd = os.open(self._temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(fd, fcntl.LOCK_EX)
            self.file: BinaryIO = os.fdopen(fd, "wb", buffering=1 << 20)

    def commit(self) -> None:
        """Raises DiskFull, CannotWrite, SegmentExists; then nothing is left behind."""
        try:
            with disk_errors(self.path.parent):
                self.file.flush()
                os.fsync(self.file.fileno())
                # Names are unique by construction (ids); this only catches a caller that reuses one.
                if self.path.exists():
                    raise SegmentExists(path=str(self.path))
                self._temporary.rename(self.path)
                self._close()
                sync_folder(self.path.parent)
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        self._close()
        self._temporary.unlink(missing_ok=True)

    def _close(self) -> None:
        # Closing flushes; after a failed write that would fail once more and hide the first cause.
        with contextlib.suppress(OSError):
            self.file.close()


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """The file `path` in the making: it appears when the block ends, and not at all when the block raises.

    Raises SegmentExists, DiskFull, CannotWrite.
    """
    made = NewFile(path)
    try:
        with disk_errors(path.parent):
            yield made.file
    except BaseException:
        made.discard()
        raise
    made.commit()


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """The next content of the file `path`: in its place when the block ends, all at once; as it was when the block raises.

    Within `held`, if the file may be changed or removed by somebody else. Raises DiskFull, CannotWrite.
    """
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    with disk_errors(path.parent):
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        try:
            with os.fdopen(fd, "wb") as file:
                yield file
                file.flush()
                os.fsync(fd)
                temporary.replace(path)
            sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Nobody else replaces, overwrites or removes a sealed file of this home meanwhile: else what was destroyed could come back.

    Readers and writers of new files wait for nobody.
    """
    with disk_errors(home):
        fd = os.open(home / "files.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def sweep(folder: Path) -> int:
    """Removes the `.part` files in `folder` whose writer has died; how many. Those still being written stay."""
    removed = 0
    for path in folder.glob("*.part"):
        with contextlib.suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            removed += 1
    return removed


def sync_folder(folder: Path) -> None:
    """Makes the names in `folder` durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turns the operating system's refusals into DiskFull and CannotWrite."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull(folder=str(folder)) from error
        raise CannotWrite(folder=str(folder), reason=error.strerror or type(error).__name__) from error
