"""`songda plan` and `songda calendar` as an operator meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from program import songda

PLAN = """
[[factory]]
valid_from = 2026-01-01
per_day = 1000
cut_off = "17:30"
works = "working_days"

[[province]]
valid_from = 2026-01-01
code = "44"
per_day = 300

[[share]]
valid_from = 2026-01-01
tenant = "nobody"
per_day = 5
"""


def test_settings_are_checked_and_shown(tmp_path: Path) -> None:
    assert json.loads(songda(tmp_path, "plan", "check", "--json")) == {"limited": False}
    (tmp_path / "plan.toml").write_text(PLAN, "utf-8")
    found = json.loads(songda(tmp_path, "plan", "check", "--as-of", "2026-11-24", "--json"))
    assert (found["per_day"], found["per_province"], found["shut"]) == (1000, {"44": 300}, None)
    assert found["unknown_tenants"] == ["nobody"]
    assert "不工作" in songda(tmp_path, "plan", "check", "--as-of", "2026-10-05")
    assert json.loads(songda(tmp_path, "plan", "show", "--json"))["slots"] == []
    (tmp_path / "plan.toml").write_text(PLAN.replace("17:30", "noon"), "utf-8")
    assert "cut_off" in songda(tmp_path, "plan", "check", rc=78)


def test_the_calendar_tells_where_it_ends(tmp_path: Path) -> None:
    day = json.loads(songda(tmp_path, "calendar", "2026-10-10", "--json"))
    assert (day["working"], day["next_working_day"], day["known_until"]) == (True, "2026-10-12", "2026-12-31")
    assert "SONGDA_CALENDAR" in songda(tmp_path, "calendar", "2027-01-04", rc=78)


@pytest.mark.parametrize("words", [("plan", "show"), ("plan", "check"), ("calendar",)])
def test_every_command_has_a_help_with_an_example(words: tuple[str, ...], tmp_path: Path) -> None:
    assert "Example: songda" in songda(tmp_path, *words, "--help")
