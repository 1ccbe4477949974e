"""Records of one person that mean one place: equal ones, and less precise ones that fit exactly one more precise.

A text without a room lies at the door of the text with the room, as long as the person has no second room in the same
building under more records. A text that names no door (only a town) agrees with nothing: it would agree with everything.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

#: Levels at which a text leads a courier to a door, or near enough to ask.
DOOR_LEVELS = ("village", "group", "road_no", "poi", "building", "unit", "floor", "room")
_FINE = frozenset("nrpbufm")


def identity_key(place_keys: Sequence[str]) -> str | None:
    """The key by which two texts of one place are equal: the deepest one that leaves the town out where it may.

    In: `place_keys` of `songda.address` (`division;tag=value;…`, coarse to fine, the whole last). None for no keys.
    """
    if not place_keys:
        return None
    whole = place_keys[-1]
    wanted = _fine(whole)
    if wanted and len(place_keys) > 1 and _fine(place_keys[-2]) == wanted:
        return place_keys[-2]
    return whole


def _fine(key: str) -> set[str]:
    return {part for part in key.split(";")[1:] if part[:1] in _FINE}


def group_places(records: pl.DataFrame) -> pl.DataFrame:
    """The same rows, in the same order, with `place` replaced by the place of the record's group.

    In: record (unique), person_id, place (identity key or its blind index; null = unknown), place_keys (all keys, coarse
    to fine), level, recorded_on; further columns are carried along. Groups never reach over persons.
    """
    known = records.filter(pl.col("place").is_not_null() & pl.col("level").is_in(DOOR_LEVELS).fill_null(value=False))
    own = known.group_by("person_id", "place").agg(pl.len().alias("records"), pl.max("recorded_on").alias("latest"))
    fine = (
        known.select("person_id", "place", key="place_keys")
        .explode("key")
        .filter(pl.col("key") != pl.col("place"))
        .unique()
        # The place whose key is `key` is a coarser view of `place`.
        .join(own.select("person_id", key="place"), on=["person_id", "key"], how="semi")
    )
    leaves = own.join(fine.select("person_id", place="key"), on=["person_id", "place"], how="anti")
    chosen = (
        fine.join(leaves, on=["person_id", "place"], how="inner")
        .sort(
            ["person_id", "key", "records", "latest", "place"],
            descending=[False, False, True, True, False],
            nulls_last=True,
        )
        .unique(["person_id", "key"], keep="first", maintain_order=True)
        .select("person_id", coarse="key", leaf="place")
    )
    return (
        records.join(
            chosen, left_on=["person_id", "place"], right_on=["person_id", "coarse"], how="left", maintain_order="left"
        )
        .with_columns(
            place=pl.when(pl.col("level").is_in(DOOR_LEVELS)).then(pl.coalesce("leaf", "place")).otherwise("place")
        )
        .drop("leaf")
    )
