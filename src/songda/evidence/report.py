"""What a bundle proves, what is missing and which grade each letter has: for the one who made it, and for a stranger.

for letter in examine(files, header, trust): ...      # raises BadBundle when something does not fit together
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from songda.evidence.checked import SHAPE_ERRORS, CheckedLetter, check_letter
from songda.evidence.errors import BadBundle
from songda.evidence.links import Link, links_of
from songda.evidence.outcome import read_tables
from songda.evidence.timeline import Entry, timeline
from songda.evidence.trust import Trust


@dataclass(frozen=True, slots=True)
class Examined:
    letters: tuple[tuple[CheckedLetter, tuple[Link, ...]], ...]
    #: Everything that was done, in order.
    entries: tuple[Entry, ...]


def examine(files: Mapping[str, bytes], header: Mapping[str, Any], trust: Trust) -> Examined:
    """Every letter of a bundle, computed anew, in the order of their folders. Raises BadBundle."""
    mapping = read_tables(
        {name.removeprefix("tables/"): data for name, data in files.items() if name.startswith("tables/")}
    )
    folders = sorted({name.rsplit("/", 1)[0] for name in files if name.endswith("/record.json")})
    try:
        letters = [check_letter(files, folder, header=header, mapping=mapping, trust=trust) for folder in folders]
        return Examined(
            tuple((letter, links_of(letter)) for letter in letters), tuple(timeline([each.record for each in letters]))
        )
    except SHAPE_ERRORS:
        raise BadBundle(reason="记录不完整") from None
