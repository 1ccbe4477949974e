"""The tables in `data/`, from which the dictionary of the engine is built (scripts/build_lexicon.py) and lifelike addresses
are made (training/).

>>> table("renamed")[0]["old_name"]
'燕山区'
"""

from __future__ import annotations

import csv
import io
import re
from importlib.resources import files

_CLASS = re.compile(r"(?:街道办事处|地区办事处|办事处|街道|地区|民族苏木|苏木|民族乡|乡|镇)$")


def table(name: str) -> list[dict[str, str]]:
    """Rows of a table in `data/`; their columns are described in docs/address.md."""
    data = files("songda.address").joinpath("data")
    if name == "renamed":
        text = data.joinpath("renamed.csv").read_text(encoding="utf-8")
    else:
        import zstandard

        packed = data.joinpath(f"{name}.csv.zst").read_bytes()
        text = zstandard.ZstdDecompressor().decompressobj().decompress(packed).decode()
    return list(csv.DictReader(io.StringIO(text)))


def town_stem(name: str) -> str:
    """Name of a town without its class word; the name itself when one character would be left."""
    stem = _CLASS.sub("", name)
    return stem if len(stem) > 1 else name
