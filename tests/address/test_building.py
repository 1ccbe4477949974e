"""The dictionary is what its tables say, and the shipped one is built from the shipped tables."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest

from songda.address.building import build, packed
from songda.address.compiled.lexicon import Lexicon
from songda.address.gazetteer import shipped_tables, table
from songda.address.naming import aliases_of, stem_of, town_class, town_stem


def test_the_shipped_dictionary_is_built_from_the_shipped_tables() -> None:
    arrays = build(shipped_tables())
    with np.load(files("songda.address").joinpath("data/lexicon.npz").open("rb")) as kept:
        assert set(arrays) == set(Lexicon._fields) == set(kept)
        for name in Lexicon._fields:
            assert arrays[name].dtype == kept[name].dtype
            assert np.array_equal(arrays[name], kept[name]), name
    assert packed(arrays) == packed(arrays)


def test_the_spoken_names_of_the_shipped_list_follow_the_rules() -> None:
    """So that a new division of an edition is spoken as one of the shipped list is."""
    for row in table("divisions"):
        if row["official"] == "1" and row["level"] == "4":
            assert town_class(row["name"]) == (row["kind"], list(filter(None, row["aliases"].split("|")))), row
        elif row["official"] == "1":
            assert "|".join(aliases_of(row["name"], int(row["level"]))) == row["aliases"], row


@pytest.mark.parametrize(
    ("name", "stem"),
    [("双流县", "双流"), ("石林彝族自治县", "石林"), ("泾县", "泾县"), ("恩施土家族苗族自治州", "恩施")],
)
def test_the_stem_of_a_county_is_a_name(name: str, stem: str) -> None:
    assert stem_of(name) == stem


@pytest.mark.parametrize(("name", "stem"), [("祥符街道办事处", "祥符"), ("城关镇", "城关"), ("乡镇", "乡镇")])
def test_the_stem_of_a_town_is_a_name(name: str, stem: str) -> None:
    assert town_stem(name) == stem
