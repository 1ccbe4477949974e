"""The generator of labelled training addresses."""

from __future__ import annotations

from collections import Counter

import pytest

from songda.address.compiled.tagger import LABELS
from songda.address.training.generate import Labelled, generate


@pytest.fixture(scope="module")
def lines() -> list[Labelled]:
    return generate(6000, seed=1)


def test_the_pieces_joined_are_the_text_without_its_blanks(lines: list[Labelled]) -> None:
    for text, pieces in lines:
        assert "".join(piece for piece, _ in pieces) == text.replace(" ", "")
        assert all(piece and not piece.isspace() for piece, _ in pieces)
        assert text == text.lstrip()


def test_labels_are_those_of_the_tagger_and_each_occurs(lines: list[Labelled]) -> None:
    assert {label for _, pieces in lines for _, label in pieces} == set(LABELS)


def test_the_same_seed_gives_the_same_lines(lines: list[Labelled]) -> None:
    assert generate(50, seed=1) == lines[:50]
    assert generate(50, seed=2) != lines[:50]
    assert generate(0, seed=1) == []


def test_lines_differ(lines: list[Labelled]) -> None:
    assert len({text for text, _ in lines}) > 0.99 * len(lines)
    assert len({tuple(label for _, label in pieces) for _, pieces in lines}) > len(lines) / 4


def test_nothing_of_the_grammar_is_left_in_a_text(lines: list[Labelled]) -> None:
    assert not [text for text, _ in lines if set("{}<>@?|") & set(text)]


def test_labels_are_about_as_frequent_as_in_real_texts(lines: list[Labelled]) -> None:
    count = Counter(label for _, pieces in lines for label in {label for _, label in pieces})
    share = {label: count[label] / len(lines) for label in LABELS}
    assert share["district"] > 0.7
    assert share["city"] > 0.6
    assert share["prov"] > 0.3
    assert 0.3 < share["town"] < 0.7
    for label in ("poi", "road"):
        assert share[label] > 0.4
    for label in ("community", "roadno", "houseno", "roomno", "redundant"):
        assert share[label] > 0.2
    for label in ("subpoi", "assist", "cellno", "floorno", "devzone", "subroad"):
        assert share[label] > 0.05
    for label in ("country", "person", "otherinfo", "subroadno"):
        assert 0.002 < share[label] < 0.15


def test_order_of_the_levels(lines: list[Labelled]) -> None:
    """Before a city stands no road, before a province no town but in repeated heads: seldom."""
    late = sum(
        labels.index("road") < labels.index("city")
        for labels in ([label for _, label in pieces] for _, pieces in lines)
        if "road" in labels and "city" in labels
    )
    assert late < 0.02 * len(lines)


def test_abolished_districts_and_village_names_occur() -> None:
    texts = "\n".join(text for text, _ in generate(20000, seed=3))
    for name in ("江干区", "闸北区", "萧山", "义乌", "石河子"):
        assert name in texts
