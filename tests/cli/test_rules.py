"""`songda rules` as an operator meets it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from program import Desk
from songda.cli.rules import markdown
from songda.compliance import load_rules


def test_rules_are_listed_explained_and_tested(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "rules")
    listed = desk.json("list")["rules"]
    assert len(listed) == 60
    # CBA 2026 came on 2026-01-30, the visit rule with it.
    assert "T08" not in {each["id"] for each in desk.json("list", "--as-of", "2026-01-29")["rules"]}
    told = desk.songda("explain", "T07")
    assert "last_days" in told
    assert "参数 min_days = 30：只能调高" in told
    assert "X99" in desk.songda("explain", "X99", rc=64)
    tested = desk.json("test", "T07", "C04")
    assert tested["failed"] == []
    assert tested["cases"] >= 8


def test_the_page_of_the_rules_says_what_the_rules_say() -> None:
    page = (Path(__file__).parents[2] / "docs" / "rules.zh-CN.md").read_text("utf-8")
    assert page.endswith(f"\n\n{markdown(load_rules(date(2026, 11, 26)))}\n")
