"""Labelled lines as files and as arrays."""

from __future__ import annotations

from pathlib import Path

import pytest

from songda.address.training.lines import Labelled, prepare, read_labelled

_LINE: Labelled = ("杭州 延安路295号", [("杭州", "city"), ("延安路", "road"), ("295号", "roadno")])


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "# of ours\n\n杭州/city 延安路/road 295号/roadno\n"),
        (
            "a.jsonl",
            '\n{"text": "杭州延安路295号", "spans": [["杭州","city"],["延安路","road"],["295号","roadno"]]}\n\n',
        ),
    ],
)
def test_a_byte_order_mark_and_blank_lines_are_no_labels(tmp_path: Path, name: str, text: str, mark: str) -> None:
    (tmp_path / name).write_text(mark + text, encoding="utf-8")
    assert read_labelled(tmp_path / name) == [("杭州延安路295号", _LINE[1])]


def test_lines_without_a_token_are_passed_over() -> None:
    lines = prepare([("", []), _LINE, (" ", [])])
    assert lines.starts.tolist() == [0, len(lines.states)]
    assert len(lines.heads) == 1
    assert prepare([]).starts.tolist() == [0]
