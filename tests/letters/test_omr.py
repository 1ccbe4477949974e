"""Bars for inserters that read no Data Matrix: which stand on a sheet, and where they really are on the page."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from sample_letters import page_image

from songda.letters import (
    BadMarks,
    Manifest,
    Omr,
    Piece,
    Rendered,
    build_run,
    load_products,
    parse_omr,
    verify_print,
)
from songda.letters.omr import MEANINGS, bars

MARKS = ("gate", "end", "parity", "piece1", "piece2", "piece4", "sheet1", "sheet2")
OMR = Omr(marks=MARKS)


@pytest.mark.parametrize(
    ("piece", "sheet", "sheets", "there"),
    [
        (1, 1, 1, ("gate", "end", "piece1", "sheet1")),
        (1, 1, 2, ("gate", "parity", "piece1", "sheet1")),
        (6, 2, 2, ("gate", "end", "parity", "piece2", "piece4", "sheet2")),
        (8, 3, 4, ("gate", "parity", "sheet1", "sheet2")),
    ],
)
def test_the_bars_of_a_sheet(piece: int, sheet: int, sheets: int, there: tuple[str, ...]) -> None:
    assert bars(MARKS, piece=piece, sheet=sheet, sheets=sheets) == there


def test_the_number_of_bars_is_always_even_and_neighbours_differ() -> None:
    seen = [bars(MARKS, piece=piece, sheet=1, sheets=1) for piece in range(1, 17)]
    assert all(len(each) % 2 == 0 for each in seen)
    assert all(one != two for one, two in pairwise(seen))


def test_feeders_are_told() -> None:
    marks = ("gate", "feeder1", "feeder2", "feeder3", "feeder4")
    assert bars(marks, piece=1, sheet=1, sheets=1, inserts=0b1010) == ("gate", "feeder2", "feeder4")


@pytest.mark.parametrize(
    "changes",
    [
        {"marks": ("end",)},
        {"marks": ("gate", "gate")},
        {"marks": ("gate", "colour")},
        {"marks": tuple(MEANINGS), "top": 250.0},
        {"top": 270.0},
        {"x": 12.0},
        {"thickness": 5.0},
        {"width": 0.0},
        {"top": 290.0},
    ],
)
def test_bars_that_no_eye_can_read_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadMarks):
        replace(OMR, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "table", [{}, {"marks": "gate"}, {"marks": ["gate"], "colour": 1}, {"marks": ["gate"], "top": "200"}]
)
def test_settings_that_say_something_else_are_refused(table: dict[str, object]) -> None:
    with pytest.raises(BadMarks):
        parse_omr(table)


def build(records: list[Rendered], omr: Omr | None) -> tuple[Manifest, dict[str, bytes]]:
    files: dict[str, bytes] = {}
    pieces = [
        Piece(f"pc_{seq}", seq, f"{seq}", f"{1_200_000_000_000 + seq}", partial(bytes, one.pdf), one.sha256, one.pages)
        for seq, one in enumerate(records[:3], 1)
    ]
    day, products = date(2026, 11, 25), load_products()
    manifest = build_run(pieces, run_id="run_1", job=7, day=day, products=products, write=files.__setitem__, omr=omr)
    return manifest, files


def problems(records: list[Rendered], data: bytes, name: str, manifest: Manifest) -> list[str]:
    return verify_print(data, name, manifest, lambda piece_id: records[int(piece_id.removeprefix("pc_")) - 1].pdf)


def test_the_bars_stand_on_the_paper_where_the_settings_say(records: list[Rendered], tmp_path: Path) -> None:
    manifest, files = build(records, OMR)
    ((name, data),) = files.items()
    longest = manifest.pieces[2]
    for page, sheet in ((longest.first_page, 1), (longest.first_page + 2, 2)):
        image = page_image(data, tmp_path, page=page, dpi=300).convert("L")
        scale = image.width / 210
        read = [
            name
            for place, name in enumerate(MARKS)
            if min(
                image.getpixel((int((OMR.x + 5) * scale), int((OMR.top + place * OMR.pitch + 0.2) * scale) + shift))
                for shift in (-1, 0, 1)
            )
            < 128
        ]
        assert tuple(read) == bars(MARKS, piece=3, sheet=sheet, sheets=longest.sheets)
    back = page_image(data, tmp_path, page=longest.first_page + 1, dpi=100).convert("L")
    edge = back.crop((0, int(195 * back.width / 210), int(19 * back.width / 210), int(250 * back.width / 210)))
    assert min(edge.tobytes()) > 200
    assert problems(records, data, name, manifest) == []


def test_the_manifest_knows_the_bars_and_says_nothing_where_there_are_none(records: list[Rendered]) -> None:
    with_bars, files = build(records, OMR)
    without, _ = build(records, None)
    assert Manifest.from_json(with_bars.to_json()) == with_bars
    assert "omr" not in without.to_json()
    ((name, data),) = files.items()
    found = problems(records, data, name, replace(with_bars, omr=None))
    assert any(problem.endswith(".stamp") for problem in found), "the bars count as stamps"
