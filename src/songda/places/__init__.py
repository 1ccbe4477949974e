"""Places: which records of a person mean the same door, told from keys alone.

>>> import polars as pl
>>> from songda.places import group_places
>>> records = pl.DataFrame({
...     "record": ["r1", "r2", "r3"], "person_id": ["p", "p", "p"], "place": ["road;room", "road", "elsewhere"],
...     "place_keys": [["city", "road", "road;room"], ["city", "road"], ["city", "elsewhere"]],
...     "level": ["room", "road_no", "room"], "recorded_on": [None, None, None]})
>>> group_places(records)["place"].to_list()
['road;room', 'road;room', 'elsewhere']

The engine never reads a key: they may be blind indexes, equal for equal places and telling nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songda.places.grouping import DOOR_LEVELS, group_places, identity_key
    from songda.places.types import place_type

__all__ = ["DOOR_LEVELS", "group_places", "identity_key", "place_type"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from importlib import import_module

        return getattr(import_module(f"songda.places.{'types' if name == 'place_type' else 'grouping'}"), name)
    raise AttributeError(name)
