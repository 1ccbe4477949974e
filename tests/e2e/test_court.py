"""A court's document on its way: recorded, confirmed by a second person, signed by two lawyers, printed, posted, graded, proven."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from songda.base import days
from songda.sim.carrier import SimContract, StandIn
from songda.sim.case_rows import case_row, write_rows

ON = ("--as-of", "2026-11-24")
DRILL = ("--out", "out", "--carrier", "sim", "--json")
DAY = date(2026, 11, 24)
TODAY = days.business_day(days.now())
FIRST_DAY = (min(TODAY, DAY) - timedelta(days=4)).isoformat()
LAST_DAY = (max(TODAY, DAY) + timedelta(days=60)).isoformat()
DOCKET = "（2026）测0101执123号"

SECOND_LAWYER = """
[[lawyers]]
name = "赵示例"
licence_no = "13101202000000001"
licence_valid_until = 2036-12-31
phone = "021-61000002"
assigned = true
conflict = false
daily_max = 100
public_key = \"\"\"
@second_key@\"\"\"

[mandate]"""


def document(pages: int = 3) -> bytes:
    """What a court might hand over: version, size of letters and signature of its own; nothing that the house makes."""
    with pikepdf.new() as pdf:
        for number in range(pages):
            page = pdf.add_blank_page(page_size=(595, 842))
            page.contents_add(pdf.make_stream(b"0.9 g 60 %d 200 40 re f" % (100 + 50 * number)))
        pdf.Root.AcroForm = pdf.make_indirect(
            pikepdf.Dictionary(Fields=[pikepdf.Dictionary(FT=pikepdf.Name.Sig, T=pikepdf.String("seal"))], SigFlags=3)
        )
        out = io.BytesIO()
        pdf.save(out, deterministic_id=True)
    return out.getvalue()


PDF = document()
SHA256 = hashlib.sha256(PDF).hexdigest()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def court(request: pytest.FixtureRequest, desk: Any) -> Any:
    """A desk with two lawyers and a drill's batch of two persons, on either database."""
    if request.param == "postgresql":
        import psycopg

        server, name = request.getfixturevalue("postgres_server"), f"court{abs(hash(request.node.nodeid)):x}"
        with psycopg.connect(f"{server.replace('+psycopg', '')}/postgres", autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name}")
        desk.environ["SONGDA_DATABASE_URL"] = f"{server}/{name}"
    prepare(desk)
    cases = write_rows(desk.folder / "cases.csv", case_row(0, 0), case_row(1, 1))
    desk.songda("run", cases, *DRILL, *ON)
    return desk


def prepare(desk: Any, *changes: tuple[str, str]) -> None:
    (desk.folder / "ruling.pdf").write_bytes(PDF)
    second = desk.key("second.pem")
    desk.profile(desk.key(), ("\n[mandate]", SECOND_LAWYER.replace("@second_key@", second)), *changes)


def entrust(desk: Any, *, file: str = "ruling.pdf", code: int = 0, **changes: str) -> Any:
    stated = {"sha256": SHA256, "court": "青石市人民法院", "docket": DOCKET, "document": "执行裁定书"}
    stated |= {"number": "（2026）测0101委送45号", "on": FIRST_DAY, "until": LAST_DAY, "by": "ops-7"} | changes
    words = [word for name, value in stated.items() for word in (f"--{name}", value)]
    said = desk.songda("court", "entrust", file, *words, "--json", code=code)
    return said if code else said.json["entrustment"]


def confirmed(desk: Any) -> str:
    made: str = entrust(desk)
    desk.songda(
        "court", "confirm", made, "--docket", "(2026) 测0101执123号", "--sha256", SHA256.upper(), "--by", "ops-2"
    )
    return made


def forwarded(desk: Any, made: str, *cases: str) -> Any:
    words = [word for each in cases for word in ("--case", each)]
    return desk.songda("court", "forward", made, *words, "--by", "ops-7", *ON, "--json").json


def approve(desk: Any, batch: str, lawyer: str, key: str, *, code: int = 0) -> Any:
    words = ("letters", "approve", batch, "--lawyer", lawyer, "--key", key, "--yes", *ON, "--json")
    said = desk.songda(*words, code=code)
    return said if code else said.json


def signed_by_two(desk: Any, batch: str) -> None:
    first = approve(desk, batch, "林示例", "lawyer.pem")
    assert first["second_lawyer_due"]
    second = approve(desk, batch, "赵示例", "second.pem")
    assert (second["second_lawyer_due"], second["list_sha256"]) == (False, first["list_sha256"])


def letters(desk: Any, batch: str) -> list[dict[str, Any]]:
    return desk.songda("letters", "list", batch, "--json").json["letters"]


def states(desk: Any, batch: str) -> list[tuple[Any, ...]]:
    return [(each["state"], *each["reasons"]) for each in letters(desk, batch)]


def manifests(desk: Any) -> list[dict[str, Any]]:
    paths = sorted((desk.folder / "home" / "runs").glob("*/manifest.json"))
    return [json.loads(path.read_text("utf-8")) for path in paths]


def test_a_document_is_forwarded_from_its_entrustment_to_its_proof(court: Any) -> None:
    made = confirmed(court)
    batch = forwarded(court, made, "AJ2026-0000000", "AJ2026-0000001")["batch"]
    assert states(court, batch) == [("ready", "chosen")] * 2
    signed_by_two(court, batch)
    posted = court.songda("run", "--resume", *DRILL, *ON).json
    posted = next(each for each in posted.get("batches", [posted]) if each["batch"] == batch)
    assert (posted["waybills"], posted["posted"]) == (2, 2)
    (manifest,) = manifests(court)
    for row in manifest["pieces"]:
        assert row["annex"] == {"file": f"annex-{manifest['job']:06}-{row['seq']:07}.pdf", "pages": 3, "sha256": SHA256}
        # One sheet of ours with a code on its front, three of the court's without, and the envelope: 8 + 4 × 4.99 g.
        assert (row["pages"], row["sheets"], row["weight_g"]) == (2, 1, 28)
    for day in ("2026-12-06", "2026-12-20", "2027-01-10"):
        court.songda("run", "--resume", *DRILL, "--as-of", day)
    grades = {each["grade"] for each in letters(court, batch)}
    assert grades <= {"A1", "A2", "B1", "B2", "C", "D", "E", "F"}
    number = letters(court, batch)[0]["letter_no"]
    court.songda("evidence", "export", number, "--out", "proof.zip", "--as-of", "2027-01-10")
    with zipfile.ZipFile(court.folder / "proof.zip") as bundle:
        assert bundle.read(f"letters/{number}/court-document.pdf") == PDF
        record = json.loads(bundle.read(f"letters/{number}/record.json"))
        summary = bundle.read("summary.html").decode()
    stated = record["court"]
    assert (stated["docket_no"], stated["document_sha256"]) == (DOCKET, SHA256)
    assert (stated["recorded_by"], stated["confirmed_by"]) == ("ops-7", "ops-2")
    assert [each["document"]["lawyer"] for each in stated["countersigned"]] == ["赵示例"]
    applied = {each["stage"]: each["applied"] for each in record["decisions"] if each["stage"] != "outcome"}
    assert all("L08" in applied[gate] for gate in ("accept", "approve", "lock"))
    assert "未加印任何内容" in summary
    # Sound; reservations are what a drill cannot have, such as a timestamp.
    said = court.songda("evidence", "verify", "proof.zip", code=2).out
    assert "另行签发同一名单" in said
    court.songda("audit", "verify")


def test_nothing_of_an_entrustment_lies_readable(court: Any) -> None:
    made = confirmed(court)
    batch = forwarded(court, made, "AJ2026-0000000")["batch"]
    signed_by_two(court, batch)
    court.songda("run", "--resume", *DRILL, *ON)
    court.songda("court", "show", made, "--to", "copy.pdf")
    assert (court.folder / "copy.pdf").read_bytes() == PDF
    assert (court.folder / "copy.pdf").stat().st_mode & 0o777 == 0o600
    listed = court.songda("court", "list", "--json").json["entrustments"]
    assert [(each["state"], each["pages"]) for each in listed] == [("confirmed", 3)]
    for path in (court.folder / "home").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"%PDF" not in data, path
            assert "执123号".encode() not in data, path
            assert "青石市".encode() not in data, path


def test_one_person_does_not_confirm_alone_and_a_slip_of_the_second_is_seen(court: Any) -> None:
    made = entrust(court)
    right = ("--docket", DOCKET, "--sha256", SHA256)
    assert (
        "没有由第二人确认"
        in court.songda("court", "forward", made, "--case", "AJ2026-0000000", "--by", "ops-7", *ON, code=65).err
    )
    assert "不能自己确认" in court.songda("court", "confirm", made, *right, "--by", "ops-7", code=77).err
    wrong = ("--docket", DOCKET.replace("123", "124"), "--sha256", SHA256)
    said = court.songda("court", "confirm", made, *wrong, "--by", "ops-2", code=65).err
    assert "案号与登记的不一致" in said
    assert "123" not in said
    other = ("--docket", DOCKET, "--sha256", "0" * 64)
    assert "文书哈希" in court.songda("court", "confirm", made, *other, "--by", "ops-2", code=65).err
    court.songda("court", "confirm", made, *right, "--by", "ops-2")
    assert "已经确认" in court.songda("court", "confirm", made, *right, "--by", "ops-3", code=65).err


def test_one_lawyer_alone_moves_no_letter(court: Any) -> None:
    batch = forwarded(court, confirmed(court), "AJ2026-0000000")["batch"]
    approve(court, batch, "林示例", "lawyer.pem")
    assert states(court, batch) == [("ready", "chosen")]
    court.songda("run", "--resume", *DRILL, *ON)
    assert manifests(court) == []
    assert "另一名律师" in approve(court, batch, "林示例", "lawyer.pem", code=77).err
    approve(court, batch, "赵示例", "second.pem")
    assert [each[0] for each in states(court, batch)] == ["approved"]


def test_what_moved_after_the_first_signature_is_signed_anew(court: Any) -> None:
    batch = forwarded(court, confirmed(court), "AJ2026-0000000")["batch"]
    first = approve(court, batch, "林示例", "lawyer.pem")
    # Another day, another template, another telephone: the second lawyer would sign what the first has not seen.
    path = court.folder / "bank.toml"
    path.write_text(path.read_text("utf-8").replace('phone = "021-61000000"', 'phone = "021-61000009"'), "utf-8")
    court.songda("tenant", "import", path, "--tenant", "bank")
    second = approve(court, batch, "赵示例", "second.pem")
    assert second["second_lawyer_due"]
    assert second["list_sha256"] != first["list_sha256"]
    assert not approve(court, batch, "林示例", "lawyer.pem")["second_lawyer_due"]
    assert [each[0] for each in states(court, batch)] == ["approved"]


def test_a_withdrawn_entrustment_stops_what_is_not_handed_over(court: Any) -> None:
    made = confirmed(court)
    batch = forwarded(court, made, "AJ2026-0000000", "AJ2026-0000001")["batch"]
    signed_by_two(court, batch)
    ended = court.songda("court", "withdraw", made, "--reason", "court_withdrew", "--by", "ops-7", "--json").json
    assert [each["outcome"] for each in ended["letters"]] == ["withdrawn"] * 2
    assert states(court, batch) == [("withdrawn", "stop:entrustment")] * 2
    court.songda("run", "--resume", *DRILL, *ON)
    assert manifests(court) == []
    said = court.songda("court", "forward", made, "--case", "AJ2026-0000000", "--by", "ops-7", *ON, code=65).err
    assert "已经撤回" in said
    assert "停止：法院委托已撤回" in court.songda("letters", "list", batch).out


def test_a_person_gets_a_document_once_and_a_repetition_is_the_same_batch(court: Any) -> None:
    made = confirmed(court)
    first = forwarded(court, made, "AJ2026-0000000")
    assert forwarded(court, made, "AJ2026-0000000") == first
    words = ("--case", "AJ2026-0000000", "--case", "AJ2026-0000001", "--by", "ops-7", *ON)
    said = court.songda("court", "forward", made, *words, code=65).err
    assert first["letters"][0]["letter_no"] in said
    assert (
        "没有这个案件编号" in court.songda("court", "forward", made, "--case", "X", "--by", "ops-7", *ON, code=65).err
    )


def test_after_its_last_day_an_entrustment_counts_for_nothing(court: Any) -> None:
    made = confirmed(court)
    late = (date.fromisoformat(LAST_DAY) + timedelta(days=1)).isoformat()
    words = ("court", "forward", made, "--case", "AJ2026-0000000", "--by", "ops-7")
    assert "不生效" in court.songda(*words, "--as-of", late, code=77).err
    batch = forwarded(court, made, "AJ2026-0000000")["batch"]
    key = ("--key", "lawyer.pem", "--lawyer", "林示例", "--yes", "--json")
    said = court.songda("letters", "approve", batch, *key, "--as-of", late).json
    assert (said["approved"], said["held"]) == (0, 1)
    assert states(court, batch) == [("held", "L08")]


def _encrypted() -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(PDF)) as pdf:
        pdf.save(out, encryption=pikepdf.Encryption(owner="o", user="u"))
    return out.getvalue()


def _with(change: Any) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(PDF)) as pdf:
        change(pdf)
        pdf.save(out)
    return out.getvalue()


def _script(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))


def _landscape(pdf: pikepdf.Pdf) -> None:
    pdf.pages[1].mediabox = pikepdf.Array([0, 0, 842, 595])


def _field(pdf: pikepdf.Pdf) -> None:
    pdf.Root.AcroForm.Fields.append(pikepdf.Dictionary(FT=pikepdf.Name.Tx, T=pikepdf.String("amount")))


UNFIT = {
    "encrypted": (_encrypted(), "文件已加密"),
    "no PDF": (b"GIF89a", "不是可读的 PDF"),
    "cut off": (PDF[: len(PDF) // 2], "不是可读的 PDF"),
    "script": (_with(_script), "含有脚本或动作"),
    "landscape": (_with(_landscape), "第 2 页：页面不是 A4 竖版"),
    "form": (_with(_field), "含有表单"),
    "too long": (document(60), "没有可以装下的信封"),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_a_document_that_cannot_be_printed_as_it_is_is_refused_with_its_reason(desk: Any, kind: str) -> None:
    data, why = UNFIT[kind]
    prepare(desk)
    (desk.folder / "ruling.pdf").write_bytes(data)
    assert why in entrust(desk, sha256=hashlib.sha256(data).hexdigest(), code=65).err
    assert desk.songda("court", "list", "--json").json["entrustments"] == []


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ({"sha256": "0" * 64}, 65, "SHA-256 与所给的不一致"),
        ({"sha256": "9f86"}, 65, "文书哈希的写法不对"),
        ({"docket": "执123号"}, 65, "案号的写法不对"),
        ({"court": "青石市催收中心"}, 65, "法院的写法不对"),
        ({"number": " "}, 65, "委托编号的写法不对"),
        ({"until": "2020-01-01"}, 65, "有效期的写法不对"),
        ({"on": "2099-01-01", "until": "2099-02-01"}, 65, "委托日期的写法不对"),
        ({"by": "张三"}, 64, "人员编号的写法不对"),
    ],
)
def test_what_is_entered_wrongly_is_refused(desk: Any, changes: dict[str, str], code: int, told: str) -> None:
    prepare(desk)
    said = entrust(desk, code=code, **changes).err
    assert told in said
    assert "执123号）" not in said


def test_the_factory_prints_the_document_as_it_is_and_the_scale_counts_its_sheets(desk: Any) -> None:
    contract = SimContract(number_range=("1100000000001", "1100009999999"), starts_at=days.at(DAY, 8))
    with StandIn(contract) as post:
        desk.environ |= {
            "SONGDA_EMS_AUTHORIZATION": post.contract.authorization,
            "SONGDA_EMS_SIGN_KEY": post.contract.sign_key or "",
        }
        numbers = 'number_range = { first = "1100000000001", last = "1100009999999" }'
        kind = 'kind = "china_post_ems"'
        prepare(desk, ("@endpoint@", post.url), (kind, f"{kind}\n{numbers}"))
        cases = write_rows(desk.folder / "cases.csv", case_row(0, 0), case_row(1, 1))
        desk.songda("run", cases, "--out", "out", *ON)
        made = confirmed(desk)
        batch = forwarded(desk, made, "AJ2026-0000000", "AJ2026-0000001")["batch"]
        signed_by_two(desk, batch)
        desk.songda("run", "--resume", "--out", "out", *ON, "--json")
        (run,) = desk.songda("press", "list", "--json").json["runs"]
        assert "预检通过" in desk.songda("press", "preflight", run["id"]).out
        desk.songda("press", "handoff", run["id"], "--to", "pickup", "--clear")
        pickup = desk.folder / "pickup" / run["id"]
        lines = list(csv.DictReader(io.StringIO((pickup / "inserter.csv").read_text("utf-8"))))
        assert [(row["sheets"], row["annex_sheets"], row["envelope"]) for row in lines] == [("1", "3", "zl")] * 2
        for row in lines:
            assert (pickup / row["annex"]).read_bytes() == PDF
            # One sheet too few is more than half a sheet off.
            assert float(row["min_g"]) > 8 + 3 * 4.99
            assert float(row["max_g"]) < 8 + 5 * 4.99
        desk.songda("press", "acknowledge", run["id"], run["manifest_sha256"])
        desk.songda("sim", "factory", Path("pickup") / run["id"], "--to", "shift", "--seed", "2")
        desk.songda("press", "accept", "shift/shift.csv")
        assert desk.songda("press", "balance", run["id"], "--json").json["state"] == "balanced"
        # The court takes one back when the envelopes are closed: the run waits until the factory has taken it out.
        ended = desk.songda("court", "withdraw", made, "--reason", "court_withdrew", "--by", "ops-7", "--json").json
        assert [(each["outcome"], len(each["pieces"])) for each in ended["letters"]] == [("recalled", 1)] * 2
        desk.songda("press", "post", run["id"], *ON, code=75)
        desk.songda("press", "divert", run["id"], "--done")
        assert desk.songda("press", "post", run["id"], *ON, "--json").json["posted"] == 0


def test_an_entrustment_that_ran_out_at_the_factory_is_pulled_at_the_hand_over(desk: Any) -> None:
    contract = SimContract(number_range=("1100000000001", "1100009999999"), starts_at=days.at(DAY, 8))
    with StandIn(contract) as post:
        desk.environ |= {
            "SONGDA_EMS_AUTHORIZATION": post.contract.authorization,
            "SONGDA_EMS_SIGN_KEY": post.contract.sign_key or "",
        }
        numbers = 'number_range = { first = "1100000000001", last = "1100009999999" }'
        kind = 'kind = "china_post_ems"'
        prepare(desk, ("@endpoint@", post.url), (kind, f"{kind}\n{numbers}"))
        desk.songda("run", write_rows(desk.folder / "cases.csv", case_row(0, 0)), "--out", "out", *ON)
        batch = forwarded(desk, confirmed(desk), "AJ2026-0000000")["batch"]
        signed_by_two(desk, batch)
        desk.songda("run", "--resume", "--out", "out", *ON, "--json")
        (run,) = desk.songda("press", "list", "--json").json["runs"]
        desk.songda("press", "acknowledge", run["id"], run["manifest_sha256"])
        desk.songda("press", "report", run["id"])
        late = ("--as-of", (date.fromisoformat(LAST_DAY) + timedelta(days=1)).isoformat())
        desk.songda("press", "post", run["id"], *late, code=75)
        assert states(desk, batch) == [("withdrawn", "gate_hand_over")]
        assert desk.record("SELECT reasons FROM decision WHERE stage = 'hand_over'") == [('["L08"]',)]
