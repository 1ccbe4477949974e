"""An imported edition of the divisions, from the ministry's list to addresses read by it: each step a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from songda.address.editions import shipped

PROGRAM = [sys.executable, "-c", "from songda.cli import main; main()"]
Reading = dict[str, Any]


class Desk(NamedTuple):
    folder: Path

    def songda(self, *words: str, stdin: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
        """`songda address …` in a fresh process."""
        said = subprocess.run(
            [*PROGRAM, "address", *words],
            input=stdin,
            cwd=self.folder,
            env=os.environ | {"SONGDA_HOME": str(self.folder / "home"), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert said.returncode == code, said.stderr
        return said

    def read(self, *texts: str) -> dict[str, Reading]:
        said = self.songda("parse", "--format", "jsonl", stdin="\n".join(texts))
        return {reading["text"]: reading for reading in map(json.loads, said.stdout.splitlines())}


def next_year() -> dict[str, str]:
    """The shipped list (code → name) as the ministry might publish it a year on."""
    rows = dict(shipped().filter(~pl.col("code").str.contains("^(7|8)")).select("code", "name").iter_rows())
    # The islands of 三沙 stand below codes that only the bureau's list has.
    rows = {code: name for code, name in rows.items() if not code.startswith("46032")}

    def recode(old: str, new: str, name: str) -> None:
        for code in [code for code in rows if code.startswith(old)]:
            rows[new + code[6:]] = rows.pop(code)
        rows[new] = name

    rows["330182"] = "严州市"  # 建德市 renamed
    recode("330122", "330152", "桐庐县")
    recode("330127", "330115", "淳安区")  # a county becomes a district
    rows["330105030"] = "北城街道"
    rows["330106120"] = rows.pop("330110110")  # 瓶窑镇 moves from 余杭区 to 西湖区
    for code in [code for code in rows if code.startswith("341203")]:  # 颍东区 merged into 颍泉区
        name = rows.pop(code)
        if len(code) == 9:
            rows[f"341204{int(code[6:]) + 300}"] = name
    for code in [code for code in rows if code.startswith("341225")]:  # 阜南县 gone without a word
        del rows[code]
    return rows


def write(path: Path, rows: dict[str, str]) -> None:
    pl.DataFrame({"行政区划代码": list(rows), "单位名称": list(rows.values())}).sort("行政区划代码").write_csv(path)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("editions"))


@pytest.fixture(scope="module")
def imported(desk: Desk) -> dict[str, Any]:
    """A rule is kept, then the list of 2026 is imported."""
    desk.songda(*("blocklist", "add", "杭州市桐庐县城南街道迎春南路8号"), "--reason", "demolished")
    write(desk.folder / "2026年区划.csv", next_year())
    told: dict[str, Any] = json.loads(desk.songda("editions", "import", "2026年区划.csv", "--json").stdout)
    return told


@pytest.fixture(scope="module")
def read(desk: Desk, imported: dict[str, Any]) -> Callable[[str], Reading]:
    readings = desk.read(*(text for text, *_ in READ), MERGED_TOWN, GONE, MOVED, LOST_TOWN, SAME_TOWN)
    return readings.__getitem__


READ = [
    ("浙江省杭州市建德市新安江街道新安东路12号", "严州市", "330182", "330182001", "311600", "renamed 2026"),
    ("浙江省杭州市严州市新安江街道新安东路12号", "严州市", "330182", "330182001", "311600", ""),
    ("杭州严州新安东路12号", "严州市", "330182", None, "311600", ""),
    ("浙江省杭州市桐庐县城南街道迎春南路8号", "桐庐县", "330152", "330152004", "311500", ""),
    ("浙江省杭州市淳安县千岛湖镇新安北路7号", "淳安区", "330115", "330115100", "311700", "class changed 2026"),
    ("杭州市拱墅区北城街道延安路295号", "拱墅区", "330105", "330105030", "310011", ""),
    ("杭州市西湖区瓶窑镇凤都路5号", "西湖区", "330106", "330106120", "310012", ""),
    ("安徽省阜阳市颍东区北京东路3号", "颍泉区", "341204", None, "236000", "merged 2026"),
    ("浙江杭州下城区延安路295号", "拱墅区", "330105", None, "310011", "merged 2021"),
    ("石家庄高新技术产业开发区宋营镇天山大街1号", "石家庄高新技术产业开发区", "130171", "130171100", None, ""),
    ("香港特别行政区中西区皇后大道中1号", "中西区", "810001", None, None, ""),
]
MERGED_TOWN = "阜阳市颍东区口孜镇光明路3号"
GONE = "安徽省阜阳市阜南县谷河路3号"
MOVED = "杭州市余杭区瓶窑镇凤都路5号"
LOST_TOWN = "安徽省阜阳市阜南县鹿城镇谷河路3号"
SAME_TOWN = "安徽省阜阳市阜南县城关镇谷河路3号"


@pytest.mark.parametrize(("text", "district", "adcode", "town_code", "postcode", "reason"), READ)
def test_addresses_are_read_by_the_edition(
    read: Callable[[str], Reading],
    text: str,
    district: str,
    adcode: str,
    town_code: str | None,
    postcode: str | None,
    reason: str,
) -> None:
    found = read(text)
    named = ("district", "adcode", "town_code", "postcode")
    assert tuple(found[name] for name in named) == (district, adcode, town_code, postcode)
    assert found["issues"] == []
    assert [each.rpartition(":")[2] for each in found["corrections"]] == ([reason] if reason else [])


def test_a_town_of_a_merged_county_is_found_in_its_successor(read: Callable[[str], Reading]) -> None:
    found = read(MERGED_TOWN)
    assert (found["district"], found["town"], found["town_code"]) == ("颍泉区", "口孜镇", "341204400")


def test_a_town_that_moved_leads_to_its_county_of_today(read: Callable[[str], Reading]) -> None:
    found = read(MOVED)
    assert (found["district"], found["town_code"]) == ("西湖区", "330106120")


@pytest.mark.parametrize("text", [GONE, LOST_TOWN])
def test_what_is_gone_without_a_word_is_never_guessed(read: Callable[[str], Reading], text: str) -> None:
    found = read(text)
    assert (found["city"], found["district"], found["corrections"]) == ("阜阳市", None, [])
    assert "ambiguous_successor" in found["issues"]
    assert {"安徽省阜阳市临泉县", "安徽省阜阳市"} < set(found["alternatives"])
    assert not any("园区" in each for each in found["alternatives"])  # a functional zone succeeds no county
    assert found["confidence"] <= 0.3


def test_a_town_of_the_same_name_beside_a_county_that_is_gone_is_no_proof(read: Callable[[str], Reading]) -> None:
    """太和县 has a 城关镇 too: the reading stays marked as open."""
    found = read(SAME_TOWN)
    assert "ambiguous_successor" in found["issues"]
    assert "安徽省阜阳市" in found["alternatives"]
    assert found["confidence"] <= 0.3


def test_the_import_says_what_changed_and_which_stored_keys_are_met_no_more(imported: dict[str, Any]) -> None:
    changes = imported["changes"]
    assert (imported["against"], imported["current"]) == ("shipped", "2026")
    assert (changes["added"], changes["renamed"], changes["class changed"], changes["merged"]) == (1, 1, 1, 1)
    assert {(each["old_code"], each["code"]) for each in imported["other_codes"]} == {
        ("330122", "330152"),
        ("330127", "330115"),
        ("341203", "341204"),
        ("341225", None),
        ("330110110", "330106120"),
    }
    assert imported["lost_rules"] == {"own": 1}


def test_a_list_of_rules_says_that_one_of_them_hits_nothing(desk: Desk, imported: dict[str, Any]) -> None:
    said = desk.songda("blocklist", "check", stdin="杭州市桐庐县城南街道迎春南路8号\n")
    assert "1 条规则" in said.stderr


def test_a_malformed_list_is_refused_and_the_edition_in_force_stays(desk: Desk, imported: dict[str, Any]) -> None:
    write(desk.folder / "2027.csv", next_year() | {"33010": "某区"})
    assert "2、4、6、9 位数字" in desk.songda("editions", "import", "2027.csv", code=65).stdout
    assert json.loads(desk.songda("editions", "list", "--json").stdout)["current"] == "2026"


def test_going_back_and_forth(desk: Desk, imported: dict[str, Any]) -> None:
    text = READ[0][0]
    back = desk.songda("editions", "use", "shipped").stdout
    assert "330152" in back  # the code that keys begin with no more
    assert desk.read(text)[text]["district"] == "建德市"
    assert "随附清单（现行）" in desk.songda("editions", "list").stdout
    desk.songda("editions", "use", "2026")
    assert desk.read(text)[text]["district"] == "严州市"
    assert "2025" in desk.songda("editions", "use", "2025", code=66).stderr
