"""The tables in `data/`, from which the dictionary of the engine is built (songda.address.building) and lifelike addresses
are made (training/).

>>> table("renamed")[0]["old_name"]
'燕山区'
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple

Row = dict[str, str]
#: How a former name is known (column `how`): an imported edition ended it, so that its year is certain.
EDITION = "edition"


class Tables(NamedTuple):
    """What the names of a dictionary are built from; the columns are described in docs/address.md."""

    divisions: list[Row]
    #: Names of levels 1 to 3 that are no more: `former` and `renamed`.
    former: list[Row]
    former_towns: list[Row]
    postcodes: list[Row]
    #: Names of the villages of each town.
    villages: Sequence[Row] = ()


def shipped_tables() -> Tables:
    """The tables that come with songda."""
    former = [*table("former"), *table("renamed")]
    return Tables(table("divisions"), former, table("former_towns"), table("postcodes"), table("villages"))


def table(name: str) -> list[Row]:
    """Rows of a table in `data/`; their columns are described in docs/address.md."""
    data = files("songda.address").joinpath("data")
    if name == "renamed":
        text = data.joinpath("renamed.csv").read_text(encoding="utf-8")
    else:
        import zstandard

        packed = data.joinpath(f"{name}.csv.zst").read_bytes()
        text = zstandard.ZstdDecompressor().decompressobj().decompress(packed).decode()
    return list(csv.DictReader(io.StringIO(text)))
