"""A real batch: the carrier by contract, the factory by hand, and everything that must stop it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from songda.base import days
from songda.letters import Manifest
from songda.sim.carrier import SimContract, StandIn

ON = ("--as-of", "2026-11-24")
NO_CONTRACT = (('kind = "china_post_ems"\n', ""),)


@pytest.fixture
def carrier() -> Iterator[StandIn]:
    contract = SimContract(number_range=("1100000000001", "1100009999999"), starts_at=days.at(date(2026, 11, 24), 8))
    with StandIn(contract) as post:
        yield post


def terms(post: StandIn) -> tuple[tuple[str, str], ...]:
    first, last = post.contract.number_range or ("", "")
    return (
        ("@endpoint@", post.url),
        (
            'kind = "china_post_ems"',
            f'kind = "china_post_ems"\nnumber_range = {{ first = "{first}", last = "{last}" }}',
        ),
    )


def secrets(post: StandIn) -> dict[str, str]:
    return {
        "SONGDA_EMS_AUTHORIZATION": post.contract.authorization,
        "SONGDA_EMS_SIGN_KEY": post.contract.sign_key or "",
    }


def approved(desk: Any, *, count: int = 8, file: Path | None = None) -> str:
    """A real batch whose letters a lawyer has signed."""
    path = file or desk.cases(count)
    batch: str = desk.songda("run", path, "--out", "out", *ON, "--json").json["batch"]
    desk.songda("letters", "approve", batch, "--key", desk.folder / "lawyer.pem", "--yes", *ON)
    return batch


def resume(desk: Any, *, code: int = 0, day: str = "2026-11-24") -> Any:
    return desk.songda("run", "--resume", "--out", "out", "--as-of", day, "--json", code=code)


def states(desk: Any, batch: str) -> set[str]:
    return {each["state"] for each in desk.songda("letters", "list", batch, "--json").json["letters"]}


def test_the_factory_answers_reports_and_hands_over(desk: Any, carrier: StandIn) -> None:
    desk.environ |= secrets(carrier)
    desk.profile(desk.key(), *terms(carrier))
    approved(desk)
    printed = resume(desk).json
    assert printed["pieces"] == printed["waybills"] == printed["letters"] > 3
    assert printed["posted"] == 0
    assert resume(desk).json["posted"] == 0  # nobody but the factory says that it has printed
    (run,) = desk.songda("press", "list", "--json").json["runs"]
    assert run["state"] == "locked"
    desk.songda("press", "post", run["id"], *ON, code=75)
    desk.songda("press", "acknowledge", run["id"], run["manifest_sha256"])
    manifest = (desk.folder / "out" / "runs" / "000001" / "manifest.csv").read_text("utf-8-sig")
    spoiled = manifest.splitlines()[1].split(",")[1]
    desk.songda("press", "report", run["id"], "--spoiled", "pce_nobody=jam", code=65)
    desk.songda("press", "report", run["id"], "--spoiled", f"{spoiled}=jam")
    posted = desk.songda("press", "post", run["id"], *ON, "--json").json
    assert (posted["posted"], posted["spoiled"]) == (printed["pieces"] - 1, 1)
    again = resume(desk).json
    assert again["pieces"] == printed["pieces"] + 1
    first, second = desk.songda("press", "list", "--json").json["runs"]
    assert (first["state"], second["state"], second["pieces"]) == ("handed_over", "locked", 1)
    assert "演练" not in (desk.folder / "out" / "report.html").read_text("utf-8")
    ((attempt, old),) = desk.record(f"SELECT attempt_id, waybill_no FROM piece WHERE id = '{spoiled}'")
    query = f"SELECT id, copy, waybill_no FROM piece WHERE attempt_id = '{attempt}' AND id != '{spoiled}'"
    ((successor, copy, waybill),) = desk.record(query)
    assert copy == 2
    assert old != waybill is not None
    desk.songda("press", "acknowledge", second["id"], second["manifest_sha256"])
    desk.songda("press", "report", second["id"])
    assert desk.songda("press", "post", second["id"], *ON, "--json").json["posted"] == 1
    assert desk.record(f"SELECT state FROM piece WHERE id = '{successor}'") == [("handed_over",)]
    assert carrier.stats()["duplicates"] == 0


def test_another_manifest_rejects_the_run_and_the_next_run_prints_its_pieces(desk: Any, carrier: StandIn) -> None:
    desk.environ |= secrets(carrier)
    desk.profile(desk.key(), *terms(carrier))
    approved(desk)
    printed = resume(desk).json
    waybills = desk.record("SELECT id, waybill_no FROM piece ORDER BY id")
    (run,) = desk.songda("press", "list", "--json").json["runs"]
    said = desk.songda("press", "acknowledge", run["id"], "0" * 64, code=65)
    assert "不一致" in said.err
    # Not even the right hash brings a rejected run back.
    desk.songda("press", "acknowledge", run["id"], run["manifest_sha256"], code=75)
    desk.songda("press", "report", run["id"], code=75)
    desk.songda("press", "post", run["id"], *ON, code=75)
    again = resume(desk).json
    old, new = desk.songda("press", "list", "--json").json["runs"]
    assert (old["state"], new["state"], new["pieces"]) == ("rejected", "locked", printed["pieces"])
    assert again["pieces"] == printed["pieces"]
    assert desk.record("SELECT id, waybill_no FROM piece ORDER BY id") == waybills
    assert carrier.stats()["orders"] == len(waybills)
    manifest = Manifest.from_json((desk.folder / "out" / "runs" / "000002" / "manifest.json").read_text("utf-8"))
    assert sorted((piece.piece_id, piece.waybill_no) for piece in manifest.pieces) == waybills
    assert not manifest.drill
    desk.songda("press", "acknowledge", new["id"], new["manifest_sha256"])
    desk.songda("press", "report", new["id"])
    assert desk.songda("press", "post", new["id"], *ON, "--json").json["posted"] == printed["pieces"]


def test_without_a_contract_nothing_is_ordered_and_nothing_is_lost(desk: Any, carrier: StandIn) -> None:
    public = desk.key()
    desk.profile(public, *NO_CONTRACT)
    batch = approved(desk)
    said = resume(desk, code=78)
    assert "承运合同" in said.err
    assert "kind" in said.err
    assert "approved" in states(desk, batch)
    desk.environ |= secrets(carrier)
    desk.profile(public, *terms(carrier))
    assert resume(desk).json["waybills"] > 0


def test_a_carrier_that_is_down_is_told_and_waited_for(desk: Any, carrier: StandIn) -> None:
    desk.environ |= secrets(carrier)
    desk.profile(desk.key(), *terms(carrier))
    approved(desk)
    carrier.kill()
    said = resume(desk, code=75)
    assert "尚未取得运单号：承运商没有" in said.err
    assert "songda run --resume" in said.err
    carrier.start()
    answer = resume(desk).json
    assert answer["waybills"] == answer["letters"]
    assert carrier.stats()["duplicates"] == 0


def test_drills_and_real_batches_do_not_mix(desk: Any) -> None:
    desk.profile(desk.key())
    file = desk.cases(6)
    desk.songda("run", file, "--out", "out", *ON)
    said = desk.songda("run", file, "--out", "out", *ON, "--carrier", "sim", code=64)
    assert "真实" in said.err
    desk.songda("run", "--resume", file, "--out", "out", *ON, "--carrier", "sim", code=64)


def test_a_lawyer_without_a_daily_maximum_signs_nothing(desk: Any) -> None:
    desk.profile(desk.key(), ("daily_max = 100000\n", ""))
    batch = desk.songda("run", desk.cases(6), "--out", "out", *ON, "--json").json["batch"]
    said = desk.songda("letters", "approve", batch, "--key", "lawyer.pem", "--yes", *ON, code=77)
    assert "daily_max" in said.err
    assert "approved" not in states(desk, batch)


def test_the_daily_maximum_leaves_the_rest_for_another_day(desk: Any) -> None:
    desk.profile(desk.key(), ("daily_max = 100000", "daily_max = 2"))
    batch = desk.songda("run", desk.cases(10), "--out", "out", *ON, "--json").json["batch"]
    approve = ("letters", "approve", batch, "--key", "lawyer.pem", "--yes", "--json")
    first = desk.songda(*approve, *ON).json
    assert first["approved"] == 2
    assert first["waiting"] > 0
    desk.songda(*approve, *ON, code=77)
    assert desk.songda(*approve, "--as-of", "2026-11-25").json["approved"] == 2


@pytest.mark.parametrize("mistake", ["password", "key", "no such file"])
def test_nobody_else_signs(desk: Any, mistake: str) -> None:
    desk.profile(desk.key())
    desk.key("other.pem")
    batch = desk.songda("run", desk.cases(6), "--out", "out", *ON, "--json").json["batch"]
    key = {"password": "lawyer.pem", "key": "other.pem", "no such file": "nothing.pem"}[mistake]
    environ = {"SONGDA_LAWYER_PASSWORD": "wrong"} if mistake == "password" else {}
    desk.songda("letters", "approve", batch, "--key", key, "--yes", *ON, code=77, environ=environ)
    assert "approved" not in states(desk, batch)


def test_a_profile_that_changed_after_the_approval_voids_it(desk: Any, carrier: StandIn) -> None:
    desk.environ |= secrets(carrier)
    public = desk.key()
    desk.profile(public, *terms(carrier))
    batch = approved(desk)
    desk.profile(public, *terms(carrier), ('complaint_phone = "021-60000001"', 'complaint_phone = "021-60000009"'))
    answer = resume(desk).json
    assert answer["waybills"] == 0
    letters = desk.songda("letters", "list", batch, "--state", "ready", "--json").json["letters"]
    assert letters
    assert all(each["reasons"] == ["approval_void:content"] for each in letters)
    desk.songda("letters", "approve", batch, "--key", "lawyer.pem", "--yes", *ON)
    assert resume(desk).json["waybills"] == len(letters)


def test_a_debt_that_was_paid_meanwhile_is_not_demanded(desk: Any, carrier: StandIn) -> None:
    desk.environ |= secrets(carrier)
    public = desk.key()
    desk.profile(public, *NO_CONTRACT)
    file = desk.cases(12)
    batch = approved(desk, file=file)
    paid = file.with_name("paid.csv")
    paid.write_text(file.read_text("utf-8-sig").replace("未结清", "已结清"), "utf-8-sig")
    desk.songda("run", paid, "--out", "out2", "--as-of", "2026-11-25")
    desk.profile(public, *terms(carrier))
    desk.songda("run", "--resume", file, "--out", "out", "--as-of", "2026-11-25", "--json")
    assert carrier.stats()["orders"] == 0
    after = desk.songda("letters", "list", batch, "--json").json["letters"]
    assert not [each for each in after if each["state"] in ("approved", "active")]
    assert [each for each in after if each["state"] == "withdrawn" and "S05" in each["reasons"]]


def test_a_debt_that_was_paid_after_printing_is_pulled_before_the_post_office(desk: Any, carrier: StandIn) -> None:
    desk.environ |= secrets(carrier)
    desk.profile(desk.key(), *terms(carrier))
    file = desk.cases(12)
    batch = approved(desk, file=file)
    printed = resume(desk).json
    (run,) = desk.songda("press", "list", "--json").json["runs"]
    desk.songda("press", "acknowledge", run["id"], run["manifest_sha256"])
    desk.songda("press", "report", run["id"])
    # One debtor pays; the newer file says so of every case of the same person, and nothing else.
    query = (
        'SELECT c.row_no FROM letter t JOIN letter_case l ON l.letter_id = t.id JOIN "case" c ON c.id = l.case_id'
        " JOIN attempt n ON n.letter_id = t.id WHERE t.id = (SELECT min(letter_id) FROM attempt)"
    )
    rows = {row_no for (row_no,) in desk.record(query)}
    lines = file.read_text("utf-8-sig").splitlines(keepends=True)
    paid = file.with_name("paid.csv")
    text = [line.replace("未结清", "已结清") if number in rows else line for number, line in enumerate(lines, 1)]
    assert text != lines
    paid.write_text("".join(text), "utf-8-sig")
    desk.songda("run", paid, "--out", "out2", "--as-of", "2026-11-25")
    # The piece lies in the pile: nothing is posted before the factory says that it took it out.
    desk.songda("press", "post", run["id"], "--as-of", "2026-11-25", code=75)
    desk.songda("press", "divert", run["id"], "--done")
    posted = desk.songda("press", "post", run["id"], "--as-of", "2026-11-25", "--json").json
    assert (posted["posted"], posted["pulled"]) == (printed["pieces"] - 1, 1)
    assert desk.record("SELECT state, count(*) FROM piece GROUP BY state ORDER BY state") == [
        ("handed_over", printed["pieces"] - 1),
        ("pulled", 1),
    ]
    # Neither this letter nor another to the same debtor is made later, and the report of the batch stays true although
    # its cases stand in a newer file.
    after = desk.songda("run", "--resume", file, "--out", "out", "--as-of", "2026-11-26", "--json").json
    assert after["batch"] == batch
    for figure in ("cases", "addresses", "addresses_standardised", "pieces"):
        assert after[figure] == printed[figure] > 0
    assert "ready" not in states(desk, desk.record(f"SELECT id FROM batch WHERE id != '{batch}'")[0][0])
    ((state,),) = desk.record("SELECT state FROM letter WHERE id = (SELECT min(letter_id) FROM attempt)")
    assert state not in ("ready", "approved")
    (reasons,) = [
        row
        for row in desk.record("SELECT outcome, reasons FROM decision WHERE stage = 'hand_over'")
        if row[0] == "pulled"
    ]
    assert "S05" in reasons[1]


def test_several_batches_answer_with_one_object_and_a_folder_each(desk: Any, carrier: StandIn) -> None:
    desk.environ |= secrets(carrier)
    desk.profile(desk.key(), *terms(carrier))
    batches = {approved(desk, file=desk.cases(4, seed=seed, name=f"{seed}.csv")) for seed in (4, 5)}
    both = resume(desk).json["batches"]
    assert {each["batch"] for each in both} == batches
    for each in both:
        assert each["waybills"] == each["letters"] > 0
        assert (desk.folder / "out" / each["batch"] / "report.html").exists()
        assert each["out"] == f"out/{each['batch']}"


def test_a_run_goes_through_the_stand_in_factory_by_its_files(desk: Any, carrier: StandIn) -> None:
    desk.environ |= secrets(carrier)
    desk.profile(desk.key(), *terms(carrier))
    approved(desk)
    printed = resume(desk).json
    (run,) = desk.songda("press", "list", "--json").json["runs"]
    assert "预检通过" in desk.songda("press", "preflight", run["id"]).out
    desk.songda("press", "handoff", run["id"], "--to", "pickup", "--age", "age1wrong", code=64)
    desk.songda("press", "handoff", run["id"], "--to", "pickup", code=64)
    desk.songda("press", "handoff", run["id"], "--to", "pickup", "--clear")
    desk.songda("press", "handoff", run["id"], "--to", "pickup", "--clear", code=73)
    chance = ("--seed", "2", "--jam", "0.2", "--loss", "0.3")
    desk.songda("sim", "factory", Path("pickup") / run["id"], "--to", "shift", *chance)
    desk.songda("press", "accept", "shift/shift.csv", code=75)  # the manifest is not acknowledged yet
    desk.songda("press", "acknowledge", run["id"], run["manifest_sha256"])
    desk.tried("press", "accept", "shift/shift.csv", "--to", "answers.csv")
    assert len((desk.folder / "answers.csv").read_text("utf-8-sig").splitlines()) == printed["pieces"] + 1
    desk.tried("press", "accept", "shift/inspected.csv")
    said = desk.tried("press", "balance", run["id"], "--write-off", "--json")
    assert (said.json["difference"], said.json["state"]) == (0, "balanced")
    anew = desk.songda("press", "reprint", run["id"], "--json").json["reprints"]
    assert len(anew) == said.json["pieces"].get("spoiled", 0) > 0
    assert desk.songda("press", "divert", run["id"], "--json").json["pieces"] == []
    posted = desk.songda("press", "post", run["id"], *ON, "--json").json["posted"]
    assert posted == printed["pieces"] - len(anew)
    desk.songda("press", "deleted", run["id"], "0" * 64, code=65)
    desk.songda("press", "deleted", run["id"], run["manifest_sha256"])
    desk.songda("press", "open", run["id"], code=66)
    (desk.folder / "back.csv").write_text("邮件号,退回原因,退回日期\n1,查无此人,2026-11-26\n", "utf-8")
    assert "未登记" in desk.songda("press", "returned", "back.csv", code=75).out
