"""Real texts: every line is read, none is slow, and the labelled ones are read as well as they were."""

from __future__ import annotations

import json
import time
from pathlib import Path

import polars as pl
import pytest

from songda.address import standardize
from songda.base.schemas import STANDARD

pytestmark = pytest.mark.testdata


def _lines(folder: Path, name: str) -> list[str]:
    file = folder / name
    if not file.is_file():
        pytest.skip(f"SONGDA_TEST_DATA holds no {name}: tests on real texts need it")
    return file.read_text(encoding="utf-8").splitlines()


def test_every_real_line_is_read(test_data: Path) -> None:
    texts = _lines(test_data, "addresses_real.txt")
    frame = standardize(texts)
    assert frame.schema == STANDARD
    assert frame["text"].to_list() == texts
    with_county = frame["adcode"].is_not_null().sum() / frame.height
    assert with_county > 0.99
    assert not frame["noise"].fill_null("").str.contains(r"\d{8}").any()
    joined = frame.select(pl.col("label").list.join("") == pl.col("standard").fill_null(""))
    assert joined.to_series().all()


def test_no_real_line_is_slow(test_data: Path) -> None:
    texts = _lines(test_data, "addresses_real.txt")[::4]
    standardize(texts[:1])
    for text in texts:
        started = time.process_time()
        standardize([text])
        assert time.process_time() - started < 0.05, text


def test_the_canonical_line_of_a_real_text_stands_for_the_same_place(test_data: Path) -> None:
    first = standardize(_lines(test_data, "addresses_real.txt")[::8])
    second = standardize(first["standard"])
    assert (first["adcode"] == second["adcode"]).mean() > 0.99
    assert (first["place_key"] == second["place_key"]).mean() > 0.92


@pytest.mark.parametrize(
    ("field", "at_least"),
    [
        ("adcode", 0.985),
        ("town", 0.97),
        ("road", 0.94),
        ("road_no", 0.98),
        ("building", 0.96),
        ("unit", 0.98),
        ("room", 0.965),
    ],
)
def test_labelled_lines_are_read_as_well_as_before(test_data: Path, field: str, at_least: float) -> None:
    gold = [json.loads(line) for line in _lines(test_data, "address_gold_dev.jsonl")]
    found = standardize([row["text"] for row in gold])[field].to_list()
    equal = [(a or "").upper() == (b or "").upper() for a, b in zip([row[field] for row in gold], found, strict=True)]
    assert sum(equal) / len(equal) >= at_least
