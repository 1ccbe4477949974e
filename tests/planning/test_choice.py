from datetime import date
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from songda.planning import choose_address, rank_addresses

SCHEMA = {
    "letter": pl.String,
    "record": pl.String,
    "place": pl.Int64,
    "eligible": pl.Boolean,
    "recorded_on": pl.Date,
    "completeness": pl.Float64,
}


def chosen(*rows: tuple[Any, ...]) -> dict[str, str]:
    frame = pl.DataFrame(list(rows), schema=SCHEMA, orient="row")
    return dict(choose_address(frame).select("letter", "record").iter_rows())


OLD, NEW = date(2019, 1, 1), date(2025, 1, 1)


def test_agreement_of_records_beats_the_latest_record() -> None:
    assert chosen(("a", "r1", 1, True, OLD, 1.0), ("a", "r2", 1, True, OLD, 0.5), ("a", "r3", 2, True, NEW, 1.0)) == {
        "a": "r1"
    }


def test_without_agreement_the_latest_record_wins() -> None:
    assert chosen(("a", "r1", 1, True, OLD, 1.0), ("a", "r2", 2, True, NEW, 0.5)) == {"a": "r2"}


def test_an_undated_record_comes_after_every_dated_one() -> None:
    assert chosen(("a", "r1", 1, True, None, 1.0), ("a", "r2", 2, True, OLD, 0.1)) == {"a": "r2"}


def test_a_record_that_fails_a_rule_counts_as_evidence_but_gets_no_letter() -> None:
    rows = [("a", "r1", 1, True, OLD, 1.0), ("a", "r2", 1, False, OLD, 1.0), ("a", "r3", 2, True, NEW, 1.0)]
    assert chosen(*rows) == {"a": "r1"}
    assert chosen(("a", "r1", 1, False, OLD, 1.0)) == {}


def test_unknown_places_agree_with_nothing() -> None:
    assert chosen(("a", "r1", None, True, OLD, 1.0), ("a", "r2", None, True, NEW, 1.0)) == {"a": "r2"}


@given(st.permutations([("a", f"r{i}", i % 3, i % 4 != 0, date(2020, 1, 1 + i), i / 10) for i in range(8)]))
def test_the_order_of_the_file_does_not_matter(rows: list[tuple[Any, ...]]) -> None:
    assert chosen(*rows) == chosen(*sorted(rows))


def test_each_place_is_ranked_once_by_its_best_record() -> None:
    rows = [
        ("a", "r1", 1, True, OLD, 1.0),
        ("a", "r2", 1, True, NEW, 1.0),
        ("a", "r3", 2, True, NEW, 1.0),
        ("a", "r4", 3, False, NEW, 1.0),
    ]
    ranked = rank_addresses(pl.DataFrame(rows, schema=SCHEMA, orient="row"))
    assert ranked.select("record", "n").rows() == [("r2", 1), ("r3", 2)]
