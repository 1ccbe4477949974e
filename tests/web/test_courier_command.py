"""`songda courier`: the lists, the links and the reports of delivery offices from the command line."""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from courier_house import MORNING, OFFICE, OTHER, Tour, slip, tour

from songda.base import days
from songda.base.errors import SongdaError
from songda.cli.courier import BadOffice
from songda.cli.door import app
from songda.cli.holder import BadHolder
from songda.cli.usage import WrongUsage
from songda.flow.courier_links import NoSuchLink

__all__ = ["tour"]


@pytest.fixture
def songda(tour: Tour, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """`songda("courier", "offices")`: what the command prints, at the tour's hour."""
    tour.house.now = MORNING
    monkeypatch.setenv("SONGDA_HOME", str(tour.house.house.home))
    monkeypatch.setattr(days, "now", lambda: MORNING)

    def run(*words: str) -> str:
        capsys.readouterr()
        app(list(words), standalone_mode=False)
        return capsys.readouterr().out

    return run


def test_offices_are_listed_with_what_lies_there(songda: Callable[..., str], tour: Tour) -> None:
    found = json.loads(songda("courier", "offices", "--json"))["offices"]
    assert found == [
        {"office": OFFICE, "name": "西湖投递部", "letters": len(tour.here)},
        {"office": OTHER, "name": "滨江投递部", "letters": len(tour.there)},
    ]
    assert "西湖投递部" in songda("courier", "offices")


def test_a_list_is_a_table_json_or_csv_and_names_nobody(songda: Callable[..., str], tour: Tour) -> None:
    table = songda("courier", "list", OTHER)
    listed = songda("courier", "list", OTHER, "--json")
    as_csv = songda("courier", "list", OTHER, "--csv")
    rows = list(csv.DictReader(io.StringIO(as_csv)))
    numbers = {letter.waybill_no for letter in tour.there}
    assert {row["邮件号"] for row in rows} == numbers == {each["waybill_no"] for each in json.loads(listed)["items"]}
    assert all(row["理由"] and row["可交付给"] for row in rows)
    for letter in tour.there:
        assert not any(letter.name in text or letter.phone in text for text in (table, listed, as_csv))


def test_a_link_opens_the_list_and_is_in_the_log(songda: Callable[..., str], tour: Tour) -> None:
    said = json.loads(
        songda("courier", "link", OFFICE, "--holder", "team-5", "--hours", "2", "--base", tour.house.base, "--json")
    )
    parts = urlsplit(said["url"])
    with tour.house.browser() as client:
        answer = client.get(f"/api{parts.path}/items", headers={"Authorization": f"Bearer {parts.fragment}"})
    assert len(answer.json()["items"]) == len(tour.here)
    actor, _, details = tour.house.audited("courier.link")[-1]
    assert (actor, details["office"], details["holder"]) == ("operator", OFFICE, "team-5")
    assert parts.fragment not in json.dumps(details)


def test_links_are_listed_and_revoked_one_by_one_or_all(songda: Callable[..., str], tour: Tour) -> None:
    def given(holder: str) -> Callable[[], int]:
        said = songda("courier", "link", OTHER, "--holder", holder, "--base", tour.house.base, "--json")
        parts = urlsplit(json.loads(said)["url"])

        def status() -> int:
            with tour.house.browser() as client:
                where, shown = f"/api{parts.path}/items", {"Authorization": f"Bearer {parts.fragment}"}
                return client.get(where, headers=shown).status_code

        return status

    def holders() -> list[str]:
        return [each["holder"] for each in json.loads(songda("courier", "links", OTHER, "--json"))["links"]]

    one, two, three = given("t-1"), given("t-2"), given("t-3")
    assert holders() == ["t-1", "t-2", "t-3"]
    assert "t-2" in songda("courier", "links")
    by = ("--by", "ops-7")
    said = json.loads(songda("courier", "revoke", OTHER, "--holder", "t-2", *by, "--json"))
    assert (said["revoked"], said["holders"]) == (1, ["t-2"])
    assert (one(), two(), three(), holders()) == (200, 403, 200, ["t-1", "t-3"])
    assert tour.house.audited("courier.revoke")[-1] == (
        *("ops-7", tour.tenant.id),
        {"office": OTHER, "holder": "t-2", "links": 1},
    )
    # A holder who has none is a slip of the pen, and is told.
    for words in (("--holder", "t-2"), ("--holder", "t-9")):
        with pytest.raises(NoSuchLink):
            songda("courier", "revoke", OTHER, *words, *by)
    assert "2 个链接" in songda("courier", "revoke", OTHER, "--all", *by)
    assert (one(), three(), holders()) == (403, 403, [])
    again = given("t-2")
    assert (again(), holders()) == (200, ["t-2"])


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--by", "ops-7"), WrongUsage),
        (("--holder", "t-1", "--all", "--by", "ops-7"), WrongUsage),
        (("--all", "--by", "张三"), BadHolder),
    ],
)
def test_a_revocation_says_of_what_and_by_whom(
    songda: Callable[..., str], words: tuple[str, ...], error: type[SongdaError]
) -> None:
    with pytest.raises(error):
        songda("courier", "revoke", OTHER, *words)


@pytest.mark.parametrize(
    ("words", "error"), [(("3100/0100", "--holder", "t"), BadOffice), ((OFFICE, "--holder", "张 三"), BadHolder)]
)
def test_a_link_for_nowhere_or_nobody_is_refused(
    songda: Callable[..., str], words: tuple[str, ...], error: type[SongdaError]
) -> None:
    with pytest.raises(error):
        songda("courier", "link", *words)


def test_reports_are_listed_and_a_slip_is_shown_to_who_says_who_he_is(
    songda: Callable[..., str], tour: Tour, tmp_path: Path
) -> None:
    import base64

    letter = tour.fresh()
    told = {
        "id": str(uuid.uuid4()),
        "waybill_no": letter.waybill_no,
        "at": MORNING.isoformat(),
        "outcome": "signed",
        "relation": "本人",
        "signer_name": letter.name,
        "slip": base64.b64encode(slip()).decode(),
    }
    with tour.team(holder="team-5") as team:
        assert team.post("outcomes", json={"outcomes": [told]}).json()["answers"][0]["status"] == "taken"
    text = songda("courier", "reports", "--json")
    (report,) = json.loads(text)["reports"]
    assert (report["waybill_no"], report["holder"], report["teller"], report["has_slip"]) == (
        *(letter.waybill_no, "team-5", "courier"),
        True,
    )
    assert letter.name not in text + songda("courier", "reports", OFFICE)
    assert json.loads(songda("courier", "reports", OTHER, "--json"))["reports"] == []

    target = tmp_path / "slip.jpg"
    songda("courier", "slip", report["report_id"], "--to", str(target), "--by", "ops-7")
    assert target.read_bytes().startswith(b"\xff\xd8")
    assert target.stat().st_mode & 0o777 == 0o600
    assert tour.house.audited("courier.slip")[-1][:2] == ("ops-7", report["report_id"])
    with pytest.raises(SongdaError):
        songda("courier", "slip", "rpt_none", "--to", str(tmp_path / "other.jpg"), "--by", "ops-7")


def test_the_carriers_key_is_shown_and_changed_by_the_command_for_secrets(
    songda: Callable[..., str], tour: Tour
) -> None:
    (shared,) = json.loads(songda("secrets", "show", "courier", "--json"))["secrets"]
    with tour.house.browser() as client:

        def status(key: str) -> int:
            where = f"/api/v1/courier/worklist?office={OFFICE}"
            return client.get(where, headers={"Authorization": f"Bearer {key}"}).status_code

        assert status(shared["secret"]) == 200
        songda("secrets", "rotate", "courier", "--overlap-days", "0")
        assert status(shared["secret"]) == 401
