"""Evidence of a small drill, through the command line alone: exported, verified by a stranger, forged and found."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from songda.sim.authority import Authority, stamping

PROGRAM = [sys.executable, "-c", "from songda.cli import main; main()"]
DRILL = ("--carrier", "sim", "--json")


@pytest.fixture(scope="module")
def authority() -> Iterator[Authority]:
    with stamping() as authority:
        yield authority


@pytest.fixture(scope="module")
def way(shared_desk: Any, authority: Authority) -> dict[str, Any]:
    """A drill up to settled letters; the institution's key and the authority's root as a court would hold them."""
    desk = shared_desk
    pem = authority.root.decode()
    stamps = f'[timestamp]\nurl = "{authority.url}"\ncertificate = """\n{pem}"""\n\n[policy]'
    desk.profile(desk.key(), ("[policy]", stamps))
    file, out = desk.cases(25), desk.folder / "out"
    batch = desk.songda("run", file, "--out", out, "--as-of", "2026-11-24", *DRILL).json["batch"]
    desk.songda("letters", "approve", batch, "--key", desk.folder / "lawyer.pem", "--as-of", "2026-11-24", "--yes")
    # The stand-in's clock goes on when it is handed letters: the second ways bring the news of the first.
    for day in ("2026-11-24", "2026-12-02", "2026-12-10", "2026-12-28", "2026-12-29"):
        desk.songda("run", "--resume", "--out", out, "--as-of", day, *DRILL)
    trust = desk.folder / "trust.pem"
    trust.write_text(desk.songda("evidence", "key").out + pem, "utf-8")
    (number,) = desk.record("SELECT letter_no FROM letter WHERE grade IN ('A1', 'A2') ORDER BY letter_no LIMIT 1")[0]
    proof = desk.folder / "proof.zip"
    said = desk.songda("evidence", "export", number, "--out", proof, "--as-of", "2026-12-29", "--json").json
    return {"desk": desk, "batch": batch, "number": number, "proof": proof, "trust": trust, "said": said}


def test_the_bundle_is_private_whole_and_never_overwritten(way: dict[str, Any]) -> None:
    assert way["proof"].stat().st_mode & 0o777 == 0o600
    assert way["said"]["stamped"] is True
    way["desk"].songda("evidence", "export", way["number"], "--out", way["proof"], "--as-of", "2026-12-29", code=73)
    names = zipfile.ZipFile(way["proof"]).namelist()
    assert {"README.txt", "summary.html", "manifest.json", "manifest.sig", "manifest.tsr"} <= set(names)
    assert f"letters/{way['number']}/letter-1.pdf" in names


def test_a_stranger_reads_what_is_proven_what_is_missing_and_the_grade(way: dict[str, Any]) -> None:
    said = way["desk"].songda("evidence", "verify", way["proof"], "--trust", way["trust"], code=2).out
    assert "这是演练" in said
    assert "证明等级：A" in said
    assert "可信时间戳成立（证书由你提供）" in said
    assert "默克尔证明成立" in said
    for missing in ("电子印章证书", "邮局加盖日戳", "签收人签名图像"):
        assert missing in said
    ledger = way["desk"].record(f"SELECT grade FROM letter WHERE letter_no = '{way['number']}'")[0][0]
    verdict = way["desk"].songda("evidence", "verify", way["proof"], "--trust", way["trust"], "--json", code=2).json
    (letter,) = verdict["letters"]
    assert (letter["grade"], letter["agrees"], letter["final"]) == (ledger, True, True)
    assert [link["no"] for link in letter["links"]] == list(range(1, 9))


def test_without_trust_the_bundle_only_says_itself_who_it_is_from(way: dict[str, Any]) -> None:
    said = way["desk"].songda("evidence", "verify", way["proof"], code=2).out
    assert said.count("自称") >= 3


def test_the_program_runs_alone_and_starts_no_database(way: dict[str, Any], tmp_path: Path) -> None:
    program = (
        "import sys; from songda.evidence.verify import main; code = main(sys.argv[1:]);"
        "heavy = {'sqlalchemy', 'polars', 'numpy', 'httpx', 'fastapi', 'typst', 'pikepdf', 'pydantic', 'typer', 'jinja2'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, way["proof"], "--trust", way["trust"], "--timeline"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": "", "PYTHONUTF8": "1"},
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "经过：" in done.stdout


def test_one_changed_byte_and_a_strange_key_are_found(way: dict[str, Any]) -> None:
    desk, data = way["desk"], bytearray(way["proof"].read_bytes())
    data[len(data) // 2] ^= 1
    (desk.folder / "changed.zip").write_bytes(data)
    assert "证据包" in desk.songda("evidence", "verify", desk.folder / "changed.zip", code=65).err
    (desk.folder / "other.pem").write_text(desk.key("other-lawyer.pem") + "\n", "utf-8")
    said = desk.songda("evidence", "verify", way["proof"], "--trust", desk.folder / "other.pem", code=65)
    assert "不是你所信任的机构" in said.err


def test_an_export_is_in_the_audit_log_and_a_real_date_is_only_a_drills(way: dict[str, Any]) -> None:
    rows = way["desk"].record("SELECT action FROM audit WHERE action = 'evidence.export'")
    assert rows
    way["desk"].songda("evidence", "export", "YX2026-999999", code=65)
    way["desk"].songda("audit", "verify")


def test_everything_toward_one_person_in_order(way: dict[str, Any]) -> None:
    desk, pack = way["desk"], way["desk"].folder / "person.zip"
    case_no = (desk.folder / "cases.csv").read_text("utf-8-sig").splitlines()
    column = case_no[0].split(",").index("案件编号")
    desk.songda("evidence", "person", case_no[1].split(",")[column], "--out", pack, "--as-of", "2026-12-29")
    said = desk.songda("evidence", "verify", pack, "--trust", way["trust"], "--timeline", code=2).out
    assert "立项审查" in said
    archive = zipfile.ZipFile(io.BytesIO(pack.read_bytes()))
    assert "person.json" in archive.namelist()
    # A person to whom nothing was sent: the pack says why.
    (row,) = desk.record(
        'SELECT row_no FROM letter_case JOIN letter ON letter.id = letter_id JOIN "case" c ON c.id = case_id '
        "WHERE letter.state = 'not_sent' LIMIT 1"
    )[0]
    refused = desk.folder / "refused.zip"
    desk.songda("evidence", "person", case_no[row - 1].split(",")[column], "--out", refused, "--as-of", "2026-12-29")
    said = desk.songda("evidence", "verify", refused, "--trust", way["trust"], "--timeline", code=2).out
    assert "立项审查：不发。理由：" in said
    assert "没有寄送" in said
    assert "缺 决定不发：" in said
    desk.songda("evidence", "person", "no-such-case", "--out", desk.folder / "none.zip", code=65)
    desk.songda("evidence", "person", code=64)


def test_a_person_is_found_by_the_number_of_the_identity_card_which_no_command_line_holds(way: dict[str, Any]) -> None:
    desk, pack = way["desk"], way["desk"].folder / "debtor.zip"
    head, first, *_ = (line.split(",") for line in (desk.folder / "cases.csv").read_text("utf-8-sig").splitlines())
    done = subprocess.run(
        [*PROGRAM, "evidence", "person", "--debtor", "--out", pack, "--as-of", "2026-12-29", "--json"],
        input=first[head.index("身份证号")] + "\n",
        capture_output=True,
        text=True,
        cwd=desk.folder,
        env=os.environ | {"SONGDA_HOME": str(desk.folder / "home")},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    person = json.loads(zipfile.ZipFile(pack).read("person.json"))
    assert first[head.index("案件编号")] in [case["case_no"] for case in person["cases"]]
    assert person["id_number"].count("*") == 16
    desk.songda("evidence", "person", "--debtor", code=65)


@pytest.mark.postgres
def test_the_same_from_a_record_on_postgresql(desk: Any, postgres_server: str) -> None:
    import psycopg

    with psycopg.connect(f"{postgres_server.replace('+psycopg', '')}/postgres", autocommit=True) as admin:
        admin.execute("CREATE DATABASE evidence")
    desk.environ["SONGDA_DATABASE_URL"] = f"{postgres_server}/evidence"
    desk.profile(desk.key())
    batch = desk.songda("run", desk.cases(12), "--out", "out", "--as-of", "2026-11-24", *DRILL).json["batch"]
    desk.songda("letters", "approve", batch, "--key", "lawyer.pem", "--as-of", "2026-11-24", "--yes")
    for day in ("2026-11-24", "2026-12-02"):
        desk.songda("run", "--resume", "--out", "out", "--as-of", day, *DRILL)
    # Whether its way is over by then is the courier's affair.
    posted = desk.songda("letters", "list", batch, "--json").json["letters"]
    number = next(letter["letter_no"] for letter in posted if letter["state"] in ("active", "closed"))
    desk.songda("evidence", "export", number, "--out", "proof.zip", "--as-of", "2026-12-02")
    verdict = desk.songda("evidence", "verify", "proof.zip", "--json", code=2).json
    assert [letter["agrees"] for letter in verdict["letters"]] == [True]
    assert any("未加盖时间戳" in text for text in verdict["reservations"])


def test_a_stop_order_stands_in_the_pack(way: dict[str, Any]) -> None:
    desk = way["desk"]
    (letter,) = desk.record(f"SELECT id, tenant_id FROM letter WHERE letter_no = '{way['number']}'")
    row = ("stp_1", letter[1], "letter", letter[0], "disputed", "standing", 0, "2026-12-29 09:00:00.000000")
    with sqlite3.connect(desk.folder / "home" / "songda.db") as database:
        columns = "id, tenant_id, scope, object_id, reason, state, version, given_at"
        database.execute(f"INSERT INTO stop_order ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    desk.songda("evidence", "export", way["number"], "--out", desk.folder / "stopped.zip", "--as-of", "2026-12-29")
    said = desk.songda("evidence", "verify", desk.folder / "stopped.zip", "--timeline", code=2).out
    assert "停止令（本函）" in said


def test_a_run_whose_authority_was_down_is_stamped_later(desk: Any, authority: Authority) -> None:
    pem = authority.root.decode()
    dead = f'[timestamp]\nurl = "http://127.0.0.1:9/tsa"\ncertificate = """\n{pem}"""\n\n[policy]'
    public = desk.key()
    desk.profile(public, ("[policy]", dead))
    file, out = desk.cases(12), desk.folder / "out"
    batch = desk.songda("run", file, "--out", out, "--as-of", "2026-11-24", *DRILL).json["batch"]
    desk.songda("letters", "approve", batch, "--key", desk.folder / "lawyer.pem", "--as-of", "2026-11-24", "--yes")
    posted = desk.songda("run", "--resume", "--out", out, "--as-of", "2026-11-24", *DRILL).json["posted"]
    assert posted > 0
    assert desk.record("SELECT state FROM task WHERE kind = 'run_unstamped'") == [("open",)]
    desk.songda("evidence", "stamp", code=75)
    (number,) = desk.record("SELECT letter_no FROM letter WHERE state = 'active' LIMIT 1")[0]
    said = desk.songda("evidence", "export", number, "--out", desk.folder / "a.zip", "--as-of", "2026-11-24")
    assert "时间戳机构没有给出可用的应答" in said.err
    assert "未加盖时间戳" in desk.songda("evidence", "verify", desk.folder / "a.zip", code=2).out
    desk.profile(public, ("[policy]", dead.replace("http://127.0.0.1:9/tsa", authority.url)))
    assert desk.songda("evidence", "stamp", "--json").json == {"stamped": 1, "left": 0}
    assert desk.record("SELECT state FROM task WHERE kind = 'run_unstamped'") == [("dropped",)]
    desk.songda("evidence", "stamp")
