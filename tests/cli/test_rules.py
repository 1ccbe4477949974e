"""`songda rules` as an operator meets it."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from program import Desk
from songda.base import days
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


def test_an_institution_changes_its_rules_by_two_persons(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "rules")
    desk.imports(tmp_path / "tenant.toml")
    file = tmp_path / "stricter.toml"
    file.write_text("[T07]\nmin_days = 45\n", "utf-8")
    tomorrow = (days.business_day(days.now()) + timedelta(days=1)).isoformat()
    said = ("propose", str(file), "--reason", "董事会决议", "--from", tomorrow, "--by", "ops-7")
    assert desk.json(*said) == {"change": 1}
    assert [each["judged"] for each in desk.json("shadow", "--change", "1")["gates"]] == [0] * 5
    assert "试算" in desk.songda("shadow", str(file), "--since", "2026-11-01")
    assert "须由两人决定" in desk.songda("approve", "1", "--by", "ops-7", rc=77)
    assert "T07" in desk.songda("approve", "1", "--by", "ops-2")
    assert "参数 min_days = 45" in desk.songda("explain", "T07", "--as-of", tomorrow)
    assert "参数 min_days = 30" in desk.songda("explain", "T07")
    listed = desk.json("list", "--as-of", tomorrow)
    assert "/1+" in listed["rule_set"]
    assert [(each["state"], each["rules"]) for each in listed["changes"]] == [("approved", ["T07"])]
    assert "董事会决议" in desk.songda("list")
    assert "须由两人决定" in desk.songda("withdraw", "1", "--by", "ops-7", rc=77)
    later = (days.business_day(days.now()) + timedelta(days=9)).isoformat()
    assert later in desk.songda("withdraw", "1", "--by", "ops-7", "--second", "ops-2", "--from", later)
    file.write_text("[T07]\nmin_days = 20\n", "utf-8")
    assert "放宽了规则 T07" in desk.songda(*said, rc=77)
