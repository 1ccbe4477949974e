"""What the desk's own codes say in Chinese: words.toml.

>>> words_of("stop:paid").short
'有生效的停止令'
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Words(NamedTuple):
    short: str
    remedy: str


@cache
def load_words() -> Mapping[str, Words]:
    raw = tomllib.loads(files("songda.contacts").joinpath("words.toml").read_text("utf-8"))
    return {code: Words(entry["short"], entry["remedy"]) for code, entry in raw.items()}


def words_of(code: str) -> Words:
    """Raises KeyError for a code that is none of the desk's."""
    head, sign, _ = code.partition(":")
    return load_words()[head + sign]
