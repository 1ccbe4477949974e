"""Reading Chinese addresses: from a text as a person wrote it to parts, a canonical line, and a key for the door.

    >>> from songda.address import standardize, same_place
    >>> frame = standardize(["浙江杭州下城区延安路２９５号二单元301", "拱墅区延安路295号2单元301室"])
    >>> frame["standard"][0]
    '浙江省杭州市拱墅区延安路295号2单元301室'
    >>> same_place(frame["place_keys"][0], frame["place_keys"][1])
    'same'

`standardize(texts, *, context=None)` → frame with the columns of `songda.base.schemas.STANDARD`, one row a text, same order; never raises
on any text. `same_place(a_keys, b_keys)` → "same", "less_precise" or "different". `read(text)` shows one reading with all its evidence.
The engine is pure; its data (divisions, villages, old names, postcodes) ships inside the package and is read once, on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songda.address.engine import read, standardize
    from songda.address.place import Match, same_place

__all__ = ["Match", "read", "same_place", "standardize"]

_HOME = {"standardize": "engine", "read": "engine", "same_place": "place", "Match": "place"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
