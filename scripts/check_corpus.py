"""Check the written addresses of corpus/address (see its GUIDE.md) and say how often each label occurs.

    python scripts/check_corpus.py                                # all files
    python scripts/check_corpus.py corpus/address/09-shop.txt     # faults of these files, measured against all files

Faults: a line that does not parse, an unknown label, an empty piece, a text that another line has too, and two lines with the same
labels in the same order and the same set of road, subroad and poi pieces (of communities and towns, where there are none).
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

CORPUS = Path(__file__).resolve().parent.parent / "corpus/address"
LABELS = frozenset({
    "country", "prov", "city", "district", "town", "devzone", "community", "road", "roadno", "subroad", "subroadno",
    "poi", "subpoi", "houseno", "cellno", "floorno", "roomno", "person", "assist", "redundant", "otherinfo",
})  # fmt: skip
NAMING = ("road", "subroad", "poi")
#: What tells two lines apart that have none of those.
PLACING = ("community", "town")


def pieces(line: str) -> list[tuple[str, str]]:
    """The pieces of a line with their labels.

    >>> pieces("文三路/road 18号/roadno _3栋/houseno")
    [('文三路', 'road'), ('18号', 'roadno'), ('_3栋', 'houseno')]
    """
    found = []
    for part in line.split(" "):
        piece, slash, label = part.rpartition("/")
        if not slash:
            raise ValueError(f"no label in {part!r}")
        if label not in LABELS:
            raise ValueError(f"unknown label {label!r} in {part!r}")
        if not piece.strip("_"):
            raise ValueError(f"empty piece in {part!r}")
        found.append((piece, label))
    return found


def main(arguments: list[str]) -> int:
    wanted = {Path(argument).resolve() for argument in arguments}
    faults = 0
    texts: dict[str, str] = {}
    shapes: dict[tuple[tuple[str, ...], frozenset[str]], str] = {}
    counts: Counter[str] = Counter()
    lines = 0
    for path in sorted(CORPUS.glob("*.txt")):
        asked = not wanted or path in wanted
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if line.startswith("#") or not line:
                continue
            here = f"{path.name}:{number}"
            try:
                found = pieces(line)
            except ValueError as error:
                if asked:
                    print(f"{here}: {error}")
                    faults += 1
                continue
            text = "".join(piece for piece, _ in found).replace("_", "")
            names = frozenset(piece.strip("_") for piece, label in found if label in NAMING)
            names = names or frozenset(piece.strip("_") for piece, label in found if label in PLACING)
            shape = (tuple(label for _, label in found), names)
            for what, other in (("text", texts.setdefault(text, here)), ("shape", shapes.setdefault(shape, here))):
                if other != here and (asked or CORPUS / other.split(":")[0] in wanted):
                    print(f"{here}: same {what} as {other}: {text}")
                    faults += 1
            if asked:
                lines += 1
                counts.update(label for _, label in found)
    print(f"{lines} lines, {faults} faults; " + ", ".join(f"{label} {count}" for label, count in counts.most_common()))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
