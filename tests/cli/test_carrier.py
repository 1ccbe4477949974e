"""`songda carrier` as the operator meets it: a table is shown, run beside the one in force, adopted, and replayed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from songda.cli.drill import invented_profile
from songda.sim.carrier import SimContract, StandIn


@pytest.fixture
def home(tmp_path: Path) -> Path:
    text, *_ = invented_profile()
    profile = tmp_path / "tenant.toml"
    profile.write_text(text, encoding="utf-8")
    assert songda(tmp_path, "tenant", "import", str(profile), "--tenant", "t").returncode == 0
    return tmp_path


def songda(home: Path, *words: str, **secrets: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from songda.cli import main; main()"]
    environ = os.environ | {"SONGDA_HOME": str(home / "home")} | secrets
    return subprocess.run([*program, *words], capture_output=True, text=True, timeout=60, check=False, env=environ)


def test_a_table_is_shown_tried_adopted_replayed_and_in_the_audit_log(home: Path) -> None:
    shipped = songda(home, "carrier", "mapping", "show", "--csv").stdout
    own = home / "codes.csv"
    own.write_text(
        shipped.splitlines()[0] + "\nV_704,,signed_unclear,,fine,妥投,合同附件三,carrier,\n", encoding="utf-8"
    )

    tried = json.loads(songda(home, "carrier", "mapping", "shadow", str(own), "--json").stdout)
    assert tried["changes"] == []
    assert songda(home, "carrier", "mapping", "adopt", str(own)).returncode == 0

    replayed = json.loads(songda(home, "carrier", "replay", "--json").stdout)
    assert replayed["version"] == tried["after"] != tried["before"]
    assert tried["after"] in songda(home, "carrier", "mapping", "show").stdout
    audit = songda(home, "audit", "verify", "--json")
    assert (audit.returncode, json.loads(audit.stdout)["breaks"]) == (0, [])


@pytest.mark.parametrize(
    ("text", "code", "told"), [(None, 66, "找不到轨迹代码表"), ("code,fact\n1,in_transit\n", 78, "缺少列")]
)
def test_a_table_that_cannot_be_used_is_told_in_chinese_and_changes_nothing(
    home: Path, text: str | None, code: int, told: str
) -> None:
    own = home / "codes.csv"
    if text is not None:
        own.write_text(text, encoding="utf-8")
    before = songda(home, "carrier", "mapping", "show").stdout
    answer = songda(home, "carrier", "mapping", "adopt", str(own))
    assert answer.returncode == code
    assert told in answer.stderr
    assert songda(home, "carrier", "mapping", "show").stdout == before


def test_a_table_as_a_spreadsheet_saves_it_is_the_same_table(home: Path) -> None:
    text = songda(home, "carrier", "mapping", "show", "--csv").stdout.splitlines()[0] + "\nX1,,in_transit,,,x,y,one,\n"
    plain, saved = home / "plain.csv", home / "saved.csv"
    plain.write_text(text, encoding="utf-8")
    saved.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert songda(home, "carrier", "mapping", "adopt", str(plain)).returncode == 0
    in_force = songda(home, "carrier", "mapping", "show").stdout
    assert songda(home, "carrier", "mapping", "adopt", str(saved)).returncode == 0
    assert songda(home, "carrier", "mapping", "show").stdout == in_force
    assert (home / "home" / "carrier" / "tracking_codes.csv").read_bytes() == text.encode()


def test_the_stand_in_lists_its_menu_and_refuses_what_is_not_on_it(home: Path) -> None:
    listed = songda(home, "sim", "carrier", "--numbers").stdout
    assert "19900000743" in listed
    assert "reset_after" in listed
    wrong = songda(home, "sim", "carrier", "--port", "0", "--fault", "reset_after=5")
    assert (wrong.returncode, "reset_after=5" in wrong.stderr) == (64, True)


def test_a_ping_says_whether_the_carrier_answers_and_by_how_much_the_clocks_differ(home: Path) -> None:
    with StandIn(SimContract()) as post:
        text = (home / "tenant.toml").read_text("utf-8").replace("http://127.0.0.1/stand-in", post.url)
        (home / "tenant.toml").write_text(text, encoding="utf-8")
        assert songda(home, "tenant", "import", str(home / "tenant.toml"), "--tenant", "t").returncode == 0
        secrets = {
            "SONGDA_EMS_AUTHORIZATION": post.contract.authorization,
            "SONGDA_EMS_SIGN_KEY": post.contract.sign_key or "",
        }
        answer = json.loads(songda(home, "carrier", "ping", "--json", **secrets).stdout)["carrier"]
        assert answer["answer"] == "answered"
        assert abs(answer["clock_skew_s"]) <= 2
        wrong = secrets | {"SONGDA_EMS_AUTHORIZATION": secrets["SONGDA_EMS_SIGN_KEY"]}
        assert json.loads(songda(home, "carrier", "ping", "--json", **wrong).stdout)["carrier"]["answer"] == "refused"
    assert "没有应答" in songda(home, "carrier", "ping", **secrets).stdout
