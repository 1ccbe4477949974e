"""Print files, streamed decrypted to the one who holds a signed link; nothing decrypted is ever written to a disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from songda.web.links import Link


@dataclass(frozen=True, slots=True)
class PrintFile:
    """One print file, opened: found, allowed and ready to be read, but no byte of it read yet."""

    #: File name without personal data, e.g. `run_01kb-001.pdf`.
    name: str
    #: Decrypted bytes, in pieces.
    chunks: Iterator[bytes]
    #: Releases what was opened; called once, however the reading ends.
    close: Callable[[], None] = lambda: None


#: (run id, number of the file in the run from 1) → the file, or None when there is no such file.
OpenPrintFile = Callable[[str, int], PrintFile | None]

#: Told before the first byte leaves; when it raises, none does.
AuditPress = Callable[[Link], None]
