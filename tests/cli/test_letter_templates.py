"""`songda letters template` and `songda letters preview` as a law firm meets them."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog
from PIL import Image

from program import Desk
from songda.base import days
from songda.base.settings import load
from songda.cli.drill import invented_profile
from songda.cli.opening import open_base
from songda.flow.tenants import import_tenant


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "home", "letters")


@pytest.fixture
def firm(tmp_path: Path) -> Desk:
    profile, *_ = invented_profile()
    with open_base(load({}, home=tmp_path)) as (engine, master, _):
        import_tenant(engine, master, name="firm", profile_toml=profile, at=days.now(), actor="test")
    # Opening the house sends logs to the stderr of this test.
    structlog.reset_defaults()
    return Desk(tmp_path, "letters")


def test_a_picture_of_a_kind_needs_no_tenant(desk: Desk, tmp_path: Path) -> None:
    desk.songda("preview", "mediation", "--to", str(tmp_path / "m.png"), "--dpi", "30")
    with Image.open(tmp_path / "m.png") as image:
        assert image.width > image.height
    desk.songda("preview", "court_forward", "--to", str(tmp_path / "c.pdf"))
    assert (tmp_path / "c.pdf").read_bytes().startswith(b"%PDF")
    assert "preview" in desk.songda("preview", "--help")


def test_a_template_is_shown_changed_checked_and_taken(firm: Desk, tmp_path: Path) -> None:
    text = firm.songda("template", "show", "reminder")
    own = tmp_path / "own.txt"
    own.write_text(text.replace("感谢您的配合。", "让你坐牢。"), "utf-8")
    found = firm.json("template", "check", str(own), rc=65)
    assert not found["ok"]
    (finding,) = found["findings"]
    assert (finding["code"], finding["severity"], finding["text"]) == ("threat", "block", "坐牢")
    assert own.read_text("utf-8").splitlines()[finding["line"] - 1][finding["column"] - 1 :].startswith("坐牢")
    firm.songda("template", "import", str(own), rc=65)
    own.write_text(text.replace("感谢您的配合。", "谢谢您的配合。"), "utf-8")
    taken = firm.json("template", "import", str(own))
    assert (taken["taken"], taken["version"]) == (True, 1)
    (listed,) = firm.json("template", "list")["own"]
    assert (listed["kind"], listed["version"], listed["in_force"]) == ("reminder", 1, True)
    shown = firm.json("template", "show", "reminder")
    assert shown["sha256"] == taken["template_sha256"]
    assert "谢谢您的配合" in shown["text"]
    assert "感谢您的配合" in firm.songda("template", "show", "reminder", "--house")


def test_what_is_no_template_is_told_in_chinese(desk: Desk, tmp_path: Path) -> None:
    assert "没有名为" in desk.songda("template", "show", "nothing", rc=65)
    assert "--kind" in desk.songda("template", "import", str(tmp_path / "a.docx"), rc=64)
