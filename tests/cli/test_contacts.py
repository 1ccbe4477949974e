"""`songda contacts`: permits, outcomes, declarations and the plan from the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

sys.path.insert(0, str(Path(__file__).parents[1] / "flow"))

from contact_house import NOON, SCRIPT, Desk, open_desk, signed_letter

from songda.base import days
from songda.base.settings import load
from songda.cli.door import app
from songda.cli.opening import open_base
from songda.cli.usage import WrongUsage


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with open_base(load({}, home=tmp_path_factory.mktemp("contacts"))) as (engine, master, settings):
        found = open_desk(engine, master)
        (settings.home / "script.txt").write_text(SCRIPT, "utf-8")
        yield found
    structlog.reset_defaults()


@pytest.fixture
def songda(desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    home = Path(desk.engine.url.database or "").parent
    monkeypatch.setenv("SONGDA_HOME", str(home))
    monkeypatch.chdir(home)
    monkeypatch.setattr(days, "now", lambda: NOON)

    def run(*words: str, rc: int = 0) -> str:
        capsys.readouterr()
        assert (app(["contacts", *words], standalone_mode=False) or 0) == rc
        return capsys.readouterr().out

    return run


PROMISED = ("--script", "script.txt", "--identifies-self", "--recording", "--no-extra-fee")


def test_a_call_is_permitted_told_of_and_listed(songda: Callable[..., str], desk: Desk) -> None:
    case = desk.case()
    call = ("permit", case, "--phone", "1", "--mode", "interactive", *PROMISED)
    said = songda(*call)
    assert "准许 prm_" in said
    assert "禁：" in said
    told = json.loads(songda(*call, "--actor", "agency-1", "--json"))
    assert "未接通" in songda("report", told["permit"], "unanswered", "--by", "agent-7")
    refused = songda("permit", case, rc=2)
    assert "不准" in refused
    assert "T04" in refused
    listed = json.loads(songda("history", case, "--json"))["permits"]
    assert [row["state"] for row in listed] == ["open", "unanswered", "refused"]
    assert "待报" in songda("history", case)


def test_a_consent_opens_the_evening_until_it_is_withdrawn(
    songda: Callable[..., str], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = desk.case()
    own = ("declare", "out_of_hours", case, "--channel", "app", "--words", "script.txt", "--days", "1", "--by", "ops-7")
    declared = json.loads(songda(*own, "--json"))["declaration"]
    monkeypatch.setattr(days, "now", lambda: NOON + timedelta(hours=11))
    call = ("permit", case, "--phone", "1", "--mode", "interactive", *PROMISED, "--json")
    assert json.loads(songda(*call))["granted"]
    songda("withdraw", declared, "--by", "ops-7")
    assert json.loads(songda(*call, rc=2))["retry_at"] == "2026-11-27T08:00:00+08:00"
    with pytest.raises(WrongUsage):
        songda("declare", "adult", case, "--channel", "app", "--words", "script.txt", "--by", "ops-7")


def test_the_plan_names_the_first_lawful_instant_or_why_there_is_none(
    songda: Callable[..., str], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    evening = NOON + timedelta(hours=11)
    free, disputed, called = desk.case(), desk.case(dispute_open=True), desk.case()
    numbers = [signed_letter(desk, case, at=NOON - timedelta(hours=1)) for case in (free, disputed, called)]
    for _ in range(3):
        assert desk.ask(free, at=NOON - timedelta(hours=3)).permit.granted
    assert desk.ask(called).permit.granted
    steps = {step["letter_no"]: step for step in json.loads(songda("plan", "--json"))["steps"]}
    # Three calls before the letter came are still calls of the day.
    assert steps[numbers[0]]["call_at"] == "2026-11-27T08:00:00+08:00"
    assert (steps[numbers[1]]["call_at"], steps[numbers[1]]["reasons"]) == (None, ["S01"])
    assert (steps[numbers[2]]["call_at"], steps[numbers[2]]["called"]) == (None, True)
    monkeypatch.setattr(days, "now", lambda: evening)
    assert "2026-11-27" in songda("plan")


@pytest.mark.parametrize("command", ["permit", "report", "plan", "history", "declare", "withdraw"])
def test_every_command_has_an_example(songda: Callable[..., str], command: str) -> None:
    assert "Example: songda contacts" in songda(command, "--help")
