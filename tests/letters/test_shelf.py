from pathlib import Path

import pytest

from songda.letters import TemplateChanged, house_template, in_force, parse, take, versions

HOUSE = house_template("reminder")
FIRST = parse(HOUSE.text.replace("感谢您的配合。", "谢谢。"))
SECOND = parse(HOUSE.text.replace("感谢您的配合。", "多谢。"))


def test_the_highest_version_is_in_force_and_earlier_ones_stay(tmp_path: Path) -> None:
    for template in (FIRST, FIRST, SECOND):
        take(tmp_path, "ten_a", template)
    assert [each.number for each in versions(tmp_path, "ten_a")] == [1, 2]
    assert in_force(tmp_path, "ten_a") == {"reminder": SECOND}
    take(tmp_path, "ten_a", FIRST)
    assert in_force(tmp_path, "ten_a") == {"reminder": FIRST}


def test_a_tenant_sees_no_other(tmp_path: Path) -> None:
    take(tmp_path, "ten_a", FIRST)
    assert in_force(tmp_path, "ten_b") == {}
    for name in ("../ten_a", "ten_a/reminder", "", "."):
        with pytest.raises(ValueError, match="tenant"):
            versions(tmp_path, name)


def test_one_changed_character_on_the_shelf_stops_everything(tmp_path: Path) -> None:
    version = take(tmp_path, "ten_a", FIRST)
    version.path.write_text(FIRST.text.replace("谢谢", "谢了"), "utf-8")
    with pytest.raises(TemplateChanged):
        in_force(tmp_path, "ten_a")


def test_only_the_owner_reads_a_template(tmp_path: Path) -> None:
    assert take(tmp_path, "ten_a", FIRST).path.stat().st_mode & 0o777 == 0o600
