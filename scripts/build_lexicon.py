"""Builds src/songda/address/data/lexicon.npz, the engine's dictionary as arrays, from the tables beside it. Run by `make data`.

Deterministic: the same tables give the same bytes (songda.address.building).
"""

from __future__ import annotations

from pathlib import Path

from songda.address.building import build, packed
from songda.address.gazetteer import shipped_tables

OUT = Path(__file__).parents[1] / "src" / "songda" / "address" / "data" / "lexicon.npz"


def main() -> None:
    data = packed(build(shipped_tables()))
    OUT.write_bytes(data)
    print(f"{OUT.name} {len(data):,} bytes")


if __name__ == "__main__":
    main()
