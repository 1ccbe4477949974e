"""What models 2, 3 and 4 know of an address: how the records of one debtor agree about it, and how old they are.

    features = place_features(records)      # one row a record, with the columns PLACES

In: one row an address record: person_id (or whatever groups the records of one debtor), record, place (of songda.places.group_places;
null = of its own), origin, recorded_on, as_of (dates), level, completeness, confidence, issues (list), adcode, place_type, overdue_days,
and, where there are own outcomes, signed_here, returned_here (how many letters of ours, of this person at this place).
"""

from __future__ import annotations

from typing import Final

import polars as pl

#: Columns that `place_features` makes, all declared in features.toml.
PLACES: Final = (
    "records_here", "origins_here", "records", "places", "years_since_latest", "years_since_first", "years_behind",
    "years_id_card", "years_contract", "years_debtor_update", "years_reserved", "years_earlier_letter", "years_court",
    "update_elsewhere", "letter_elsewhere", "court_elsewhere", "contract_elsewhere",
    "id_same_district", "id_same_province", "all_same_district",
    "place_type", "level", "completeness", "confidence", "issues", "overdue_days", "signed_here", "returned_here",
)  # fmt: skip
_ORIGINS: Final = ("id_card", "contract", "debtor_update", "reserved", "earlier_letter", "court")
_ELSEWHERE: Final = {
    "update_elsewhere": "debtor_update",
    "letter_elsewhere": "earlier_letter",
    "court_elsewhere": "court",
    "contract_elsewhere": "contract",
}
_DAYS_A_YEAR = 365.25
#: How deep an address goes, as a number.
LEVELS: Final = {
    name: n
    for n, name in enumerate(
        (
            *("none", "province", "city", "district", "town", "village", "group", "road", "road_no", "poi", "building"),
            *("unit", "floor", "room"),
        )
    )
}


def place_features(records: pl.DataFrame) -> pl.DataFrame:
    """One row a record, in the order of `records`: person_id, record, _place (its group) and PLACES.

    Place and person are what all records of the debtor say; level, completeness, confidence and issues are the record's own text.
    """
    for name in ("signed_here", "returned_here"):
        if name not in records.columns:
            records = records.with_columns(pl.lit(0).alias(name))
    place, person = ["person_id", "_place"], "person_id"
    here: dict[str, pl.Expr] = {
        f"years_{origin}": pl.col("_years").filter(pl.col("origin") == origin).min().over(place) for origin in _ORIGINS
    }
    elsewhere = {
        name: (pl.col("origin") == origin).sum().over(person) > (pl.col("origin") == origin).sum().over(place)
        for name, origin in _ELSEWHERE.items()
    }
    district = pl.col("adcode").filter(pl.col("origin") == "id_card").first().over(person)
    return (
        records.with_columns(
            _place=pl.coalesce(pl.col("place").cast(pl.String), pl.concat_str(pl.lit("?"), "record")),
            _years=(pl.col("as_of") - pl.col("recorded_on")).dt.total_days() / _DAYS_A_YEAR,
        )
        .with_columns(
            records_here=pl.len().over(place),
            origins_here=pl.col("origin").n_unique().over(place),
            records=pl.len().over(person),
            places=pl.col("_place").n_unique().over(person),
            years_since_latest=pl.col("_years").min().over(place),
            years_since_first=pl.col("_years").max().over(place),
            id_same_district=pl.col("adcode") == district,
            id_same_province=pl.col("adcode").str.slice(0, 2) == district.str.slice(0, 2),
            all_same_district=pl.col("adcode").n_unique().over(person) == 1,
            level=pl.col("level").replace_strict(LEVELS, default=None, return_dtype=pl.Int64),
            issues=pl.col("issues").list.len().fill_null(0),
            signed_here=pl.col("signed_here").max().over(place),
            returned_here=pl.col("returned_here").max().over(place),
            **here,
            **elsewhere,
        )
        .with_columns(years_behind=pl.col("years_since_latest") - pl.col("years_since_latest").min().over(person))
        .select("person_id", "record", "_place", *PLACES)
    )
