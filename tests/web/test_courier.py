"""What a delivery office's link and the carrier's key open, and what they do not."""

from __future__ import annotations

import base64
import io
import json
import uuid
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from courier_house import DEBT_WORDS, MORNING, OFFICE, OTHER, Letter, Tour, slip, tour
from PIL import Image

from songda.evidence import Trust, sentences, verify_bundle
from songda.flow.courier import lines, worklist
from songda.flow.courier_links import revoke
from songda.flow.proof import letter_bundle
from songda.flow.slips import BadSlip, read_slip, reduced

__all__ = ["tour"]


@pytest.fixture(autouse=True)
def _clock(tour: Tour) -> None:
    tour.house.now = MORNING


def outcome(letter: Letter, **fields: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "waybill_no": letter.waybill_no,
        "at": MORNING.isoformat(),
        "outcome": "signed",
        "relation": "配偶",
        "signer_name": "某甲",
    }
    return usual | fields


def reported(client: Any, *told: dict[str, Any], office: str = "") -> list[tuple[str, str]]:
    answer = client.post(f"outcomes?office={office}" if office else "outcomes", json={"outcomes": told})
    assert answer.status_code == 200, answer.text
    return [(each["status"], each["reason"]) for each in answer.json()["answers"]]


# The list


def test_the_list_shows_what_lies_there_masked_and_says_nothing_of_a_debt(tour: Tour) -> None:
    with tour.team() as team:
        answer = team.get("items")
        shown = answer.json()
    assert shown["office_name"] == "西湖投递部"
    assert {item["digits"] for item in shown["items"]} == {letter.waybill_no[-4:] for letter in tour.here}
    for letter in tour.here:
        for hidden in (letter.name, letter.waybill_no, letter.phone, letter.address["room"] or "暂无"):
            assert hidden not in json.dumps(shown["items"], ensure_ascii=False).replace("号室", ""), hidden
    for word in (*DEBT_WORDS, tour.tenant.profile.firm.name, tour.tenant.profile.institution.name):
        assert word not in answer.text
    (first, *_) = shown["items"]
    assert first["advice"]["why_then"]
    assert all(hint["reason"] for hint in first["advice"]["hand_to"])


def test_a_letter_called_back_is_marked_and_shows_no_phone(tour: Tour) -> None:
    from sqlalchemy import select, update

    from songda.store import tables

    letter = tour.fresh()
    of_it = select(tables.attempt.c.letter_id).where(tables.attempt.c.id == letter.attempt_id)
    change = update(tables.letter).where(tables.letter.c.id.in_(of_it)).values(flags=["stop_requested"])
    with tour.house.house.engine.begin() as connection:
        connection.execute(change)
    with tour.team(holder="back") as team:
        item = next(each for each in team.get("items").json()["items"] if each["digits"] == letter.waybill_no[-4:])
        shown = team.post("unmask", json={"waybill_no": letter.waybill_no, "how": "scanned"}).json()
    assert "停止投递" in item["advice"]["hold"]["text"]
    assert shown["phone"] is None


def test_the_list_as_csv_holds_no_person(tour: Tour) -> None:
    rows = worklist(tour.house.house.engine, tour.tenant, OFFICE, home=tour.house.house.home, at=MORNING)
    text = "\n".join(map("|".join, lines(rows)))
    assert all(letter.waybill_no in text for letter in tour.here)
    assert not any(letter.name in text or letter.phone in text for letter in tour.here)


# Links


def test_an_expired_link_is_told_and_opens_nothing(tour: Tour) -> None:
    with tour.team(hours=1) as team:
        tour.house.now = MORNING + timedelta(hours=1, seconds=1)
        for answer in (team.get("items"), team.post("unmask", json={}), team.post("outcomes", json={"outcomes": []})):
            assert answer.status_code == 410
            assert "链接已过期" in answer.json()["error"]["message"]


def taken_back(tour: Tour, holder: str | None, office: str = OFFICE) -> None:
    revoke(tour.house.house.engine, tour.tenant, office, holder=holder, by="ops-7", at=tour.house.now)


def test_a_revoked_link_opens_nothing_from_that_moment_on_and_a_new_one_does(tour: Tour) -> None:
    letter = tour.fresh()
    told = outcome(letter)
    with tour.team(holder="lost-phone") as team, tour.team(holder="other-team") as other:
        assert team.get("items").status_code == 200
        taken_back(tour, "lost-phone")
        answers = (
            team.get("items"),
            team.post("unmask", json={"waybill_no": letter.waybill_no, "how": "scanned"}),
            team.post("outcomes", json={"outcomes": [told]}),
        )
        for answer in answers:
            assert answer.status_code == 403
            assert "链接已被作废" in answer.json()["error"]["message"]
            assert letter.name not in answer.text
        assert other.get("items").status_code == 200
        assert "courier:signed" not in tour.codes(letter)
    # The team itself goes on with a new link, and what waited on its phone is taken, once.
    with tour.team(holder="lost-phone") as team:
        assert reported(team, told) == [("taken", "")]


def test_all_links_of_an_office_are_revoked_and_no_other_offices(tour: Tour) -> None:
    with tour.team(holder="a-1") as one, tour.team(holder="a-2") as two, tour.team(OTHER, holder="a-1") as elsewhere:
        taken_back(tour, None)
        assert [client.get("items").status_code for client in (one, two, elsewhere)] == [403, 403, 200]
        with tour.team(holder="a-1") as again:
            assert again.get("items").status_code == 200
            taken_back(tour, "a-1")
            assert again.get("items").status_code == 403


def test_a_report_whose_photo_was_under_way_when_the_link_was_revoked_is_not_taken(tour: Tour) -> None:
    letter = tour.fresh()
    body = json.dumps({"outcomes": [outcome(letter)]}).encode()

    def slowly() -> Any:
        yield body[:10]
        taken_back(tour, "slow-phone")
        yield body[10:]

    with tour.team(holder="slow-phone") as team:
        answer = team.post("outcomes", content=slowly(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 403
    assert "courier:signed" not in tour.codes(letter)


def test_a_link_that_is_revoked_and_expired_is_called_expired_and_a_forged_one_forged(tour: Tour) -> None:
    with tour.team(holder="short", hours=1) as team:
        taken_back(tour, "short")
        team.headers["Authorization"] += "A"
        assert team.get("items").status_code == 404
        team.headers["Authorization"] = team.headers["Authorization"][:-1]
        tour.house.now = MORNING + timedelta(hours=2)
        assert team.get("items").status_code == 410


@pytest.mark.parametrize("token", ["-", "x", "0.YQ.AAAA", "0.0.YQ.AAAA"])
def test_a_forged_link_is_not_found(tour: Tour, token: str) -> None:
    with tour.team() as team:
        team.headers["Authorization"] = f"Bearer {token}"
        assert team.get("items").status_code == 404


def test_a_link_opens_no_other_office_and_no_other_tenant(tour: Tour) -> None:
    with tour.team() as team:
        own = str(team.base_url)
        for foreign in (own.replace(OFFICE, OTHER), own.replace(tour.tenant.id, "ten_01aaaaaaaaaaaaaaaaaaaaaaaa")):
            assert foreign != own
            team.base_url = foreign
            for answer in (team.get("items"), team.post("unmask", json={}), team.post("outcomes", json={})):
                assert answer.status_code == 404


def test_a_print_link_is_no_courier_link(tour: Tour) -> None:
    from songda.web import sign

    key = tour.house.house.tenant.key.token("courier.link").encode()
    forged = sign("press", f"{tour.tenant.id}/{OFFICE}", MORNING + timedelta(hours=1), key + b"0" * 8, holder="x")
    with tour.team() as team:
        team.headers["Authorization"] = f"Bearer {forged}"
        assert team.get("items").status_code == 404


def test_the_shell_holds_no_data_and_states_its_policy(tour: Tour) -> None:
    with tour.house.browser() as client:
        answer = client.get(tour.link().split("#")[0])
        worker = client.get("/courier/sw.js")
        assets = [client.get(f"/courier/assets/{name}") for name in ("app.js", "store.js", "scan.js", "app.css")]
        assert client.get("/courier/assets/sw.js").status_code == 404
        assert client.get("/courier/assets/..%2Fapp.py").status_code == 404
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["Permissions-Policy"].startswith("camera=(self)")
    assert b"@version@" not in worker.content
    texts = [answer.text, worker.text, *(asset.text for asset in assets)]
    assert "<script>" not in answer.text
    for text in texts:
        assert "http://" not in text
        assert "https://" not in text
        assert tour.tenant.id not in text
        assert [word for word in DEBT_WORDS if word in text] == []


# One at a time


def test_66_an_item_is_shown_to_who_knows_its_number_and_the_log_says_to_whom(tour: Tour) -> None:
    """66. Screens show masks; opening the room number writes a read-audit row. (What logs say: tests/security; roles: later.)"""
    letter = tour.here[0]
    before = len(tour.house.audited("courier.unmask"))
    with tour.team(holder="team-7") as team:
        listed = {item["digits"]: item for item in team.get("items").json()["items"]}[letter.waybill_no[-4:]]
        assert letter.name not in listed["name"]
        assert "".join(letter.address["label"]) not in listed["address"]
        assert len(tour.house.audited("courier.unmask")) == before
        shown = team.post("unmask", json={"waybill_no": letter.waybill_no, "how": "scanned"}).json()
    assert (shown["name"], shown["phone"]) == (letter.name, letter.phone)
    assert shown["address"] == list(letter.address["label"])
    entry = tour.house.audited("courier.unmask")[-1]
    assert entry == ("team-7", letter.attempt_id, {"office": OFFICE, "how": "scanned", "phone": True})


def test_no_phone_is_shown_at_night(tour: Tour) -> None:
    tour.house.now = MORNING.replace(hour=22)
    with tour.team(holder="night") as team:
        shown = team.post("unmask", json={"waybill_no": tour.here[0].waybill_no, "how": "scanned"}).json()
    assert shown["phone"] is None
    assert shown["name"]


def test_what_lies_at_another_office_is_not_shown(tour: Tour) -> None:
    seen = len(tour.house.audited("courier.unmask"))
    with tour.team(holder="curious") as team:
        answer = team.post("unmask", json={"waybill_no": tour.there[0].waybill_no, "how": "scanned"})
    assert answer.status_code == 404
    assert tour.there[0].name not in answer.text
    assert len(tour.house.audited("courier.unmask")) == seen


def test_who_guesses_numbers_is_stopped_after_three_whatever_he_claims(tour: Tour) -> None:
    with tour.team(holder="guesser") as team:
        codes = [
            team.post("unmask", json={"waybill_no": f"98{n:011d}", "how": "scanned"}).status_code for n in range(6)
        ]
        own = team.post("unmask", json={"waybill_no": tour.here[0].waybill_no, "how": "scanned"})
    assert codes == [404, 404, 404, 429, 429, 429]
    assert own.status_code == 429
    assert int(own.headers["Retry-After"]) > 0


def test_typed_numbers_are_shown_fewer_a_minute_than_scanned_ones(tour: Tour) -> None:
    def shown(how: str) -> int:
        with tour.team(holder=how) as team:
            asked = {"waybill_no": tour.here[0].waybill_no, "how": how}
            return [team.post("unmask", json=asked).status_code for _ in range(32)].count(200)

    assert shown("typed") <= 6
    assert shown("scanned") >= 20


@pytest.mark.parametrize(
    "asked",
    [
        *({}, [], {"waybill_no": 7, "how": "typed"}, {"waybill_no": "9800000000006", "how": "dreamt"}),
        *(
            {"waybill_no": number, "how": "typed"}
            for number in ("", "1", "98\0000000000", "９８００００００００００６", "9" * 41)
        ),
    ],
)
def test_a_question_that_is_none_is_refused(tour: Tour, asked: Any) -> None:
    with tour.team(holder="odd") as team:
        assert team.post("unmask", json=asked).status_code == 422


# Reports


def test_a_report_with_its_slip_is_taken_once_and_grades_no_better_than_c(tour: Tour) -> None:
    letter = tour.fresh()
    said = outcome(letter, slip=base64.b64encode(slip()).decode(), relation="本人", signer_name=letter.name)
    with tour.team() as team:
        assert reported(team, said) == [("taken", "")]
        assert reported(team, said, said) == [("duplicate", "")] * 2
        assert reported(team, said | {"signer_name": "某乙"}) == [("conflict", "other_content")]
        assert letter.waybill_no[-4:] not in [item["digits"] for item in team.get("items").json()["items"]]
    assert tour.codes(letter).count("courier:signed") == 1
    (report_id,) = tour.house.column("courier_report", "id", attempt_id=letter.attempt_id)
    kept = read_slip(tour.house.house.home, tour.tenant.key, report_id)
    with Image.open(io.BytesIO(kept)) as image:
        assert (image.format, image.mode, max(image.size), dict(image.getexif())) == ("JPEG", "L", 1600, {})
    files = list((tour.house.house.home / "slips").rglob("*.bin"))
    assert len(files) == len({file.stem for file in files}) == 1
    assert b"JFIF" not in files[0].read_bytes()
    from songda.dispatch import settle

    settle(tour.house.house.engine, tenant_id=tour.tenant.id, at=MORNING + timedelta(minutes=5))
    assert tour.house.column("attempt", "provisional_grade", id=letter.attempt_id) == ["C"]


@pytest.mark.parametrize(
    "photo",
    [b"no picture", b"\xff\xd8\xff\xe0" + b"0" * 100, b"GIF89a" + b"0" * 100],
)
def test_what_is_no_picture_is_refused_and_nothing_of_the_report_is_kept(tour: Tour, photo: bytes) -> None:
    letter = tour.here[0]
    with tour.team() as team:
        assert reported(team, outcome(letter, slip=base64.b64encode(photo).decode())) == [("refused", "bad_slip")]
        assert reported(team, outcome(letter, slip="!!")) == [("refused", "malformed")]
    assert not any(code.startswith("courier:") for code in tour.codes(letter))


def test_a_photo_too_large_in_bytes_or_pixels_is_refused() -> None:
    with pytest.raises(BadSlip):
        reduced(b"\xff" * 2_000_001)
    target = io.BytesIO()
    Image.new("1", (8000, 8000)).save(target, "PNG")
    assert len(target.getvalue()) < 100_000
    with pytest.raises(BadSlip):
        reduced(target.getvalue())
    assert b"30.27N" in slip()
    assert b"30.27N" not in reduced(slip())


def test_a_body_beyond_all_measure_is_not_read(tour: Tour) -> None:
    with tour.team() as team:
        assert team.post("outcomes", content=b"x" * 6_000_001).status_code == 413


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"at": (MORNING + timedelta(days=1)).isoformat()}, "clock"),
        ({"at": "2026-11-26T10:00:00"}, "malformed"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "malformed"),
        ({"at": "9999-12-31T23:59:59-12:00"}, "malformed"),
        ({"outcome": "eaten"}, "unknown_outcome"),
        ({"relation": "驿站"}, "no_relation"),
        ({"outcome": "absent"}, "relation_needless"),
        ({"id": "1"}, "malformed"),
        ({"more": 1}, "malformed"),
        ({"waybill_no": "9899999999999"}, "not_here"),
    ],
)
def test_each_refusal_names_its_reason_and_the_others_of_the_call_are_taken(
    tour: Tour, fields: dict[str, Any], reason: str
) -> None:
    letter = tour.here[-1]
    good = outcome(letter, outcome="later", relation="", signer_name="")
    with tour.team() as team:
        assert reported(team, outcome(letter, **fields), good) == [("refused", reason), ("taken", "")]


def test_a_malformed_report_is_answered_without_what_stood_in_it(tour: Tour) -> None:
    with tour.team() as team:
        answer = team.post("outcomes", json={"outcomes": [outcome(tour.here[0], signer_name="欧" * 50)]})
    assert "signer_name" in answer.text
    assert "欧" not in answer.json()["answers"][0]["message"]


def test_after_the_carriers_own_result_a_report_is_kept_and_told_so(tour: Tour) -> None:
    letter = tour.fresh()
    tour.tell(letter, "704", MORNING - timedelta(minutes=5), OFFICE, deliver_code="10")
    with tour.team() as team:
        answer = team.post(
            "outcomes", json={"outcomes": [outcome(letter, outcome="absent", relation="", signer_name="")]}
        )
    (said,) = answer.json()["answers"]
    assert said["status"] == "superseded"
    assert "以承运商的为准" in said["message"]


def test_a_report_and_its_slip_are_in_the_evidence_and_called_what_they_are(tour: Tour) -> None:
    letter = tour.fresh()
    said = outcome(letter, signer_name="司马某乙", slip=base64.b64encode(slip()).decode())
    with tour.team() as team:
        assert reported(team, said) == [("taken", "")]
    (letter_id,) = tour.house.column("attempt", "letter_id", id=letter.attempt_id)
    (letter_no,) = tour.house.column("letter", "letter_no", id=letter_id)
    house = tour.house.house
    at = MORNING + timedelta(hours=1)
    bundle = letter_bundle(house.engine, house.tenant, letter_no, home=house.home, at=at, actor="test")
    with zipfile.ZipFile(io.BytesIO(bundle.data)) as files:
        (photo,) = (name for name in files.namelist() if name.endswith(".jpg"))
        with Image.open(io.BytesIO(files.read(photo))) as image:
            assert image.mode == "L"
        words = json.loads(files.read(photo.replace(".jpg", ".json")))
        summary = files.read("summary.html").decode()
    assert (words["signer_name"], words["reported_by"]) == ("司马某乙", "courier")
    told = "\n".join(sentences(verify_bundle(bundle.data, Trust())))
    for words_zh in ("1 条是投递网点人员", "签收联照片在包内", "只有投递网点人员的回报", "没有签收联原件"):
        assert words_zh in told, told
    assert "投递人员的回报 courier:signed" in summary


def test_nothing_readable_of_anybody_lies_on_the_disk_after_all_this(tour: Tour) -> None:
    home = tour.house.house.home
    with tour.team(holder="last") as team:
        letter = tour.fresh()
        assert team.post("unmask", json={"waybill_no": letter.waybill_no, "how": "scanned"}).status_code == 200
        said = outcome(letter, signer_name="独孤无名氏", slip=base64.b64encode(slip()).decode())
        assert reported(team, said) == [("taken", "")]
    written = b"".join(file.read_bytes() for file in home.rglob("*") if file.is_file())
    assert letter.waybill_no.encode() in written
    for person in (letter.name, letter.phone, "独孤无名氏", "\\u72ec\\u5b64"):
        assert person.encode() not in written


# The carrier's own program


def test_the_carriers_program_reads_whole_numbers_and_no_person(tour: Tour) -> None:
    with tour.program() as program:
        answer = program.get("worklist", params={"office": OTHER})
    assert {item["waybill_no"] for item in answer.json()["items"]} == {letter.waybill_no for letter in tour.there}
    assert not any(letter.name in answer.text or letter.phone in answer.text for letter in tour.there)
    assert [word for word in DEBT_WORDS if word in answer.text] == []


def test_what_the_carriers_program_reports_is_the_carriers_word(tour: Tour) -> None:
    letter = tour.fresh()
    with tour.program() as program:
        said = outcome(letter, relation="配偶")
        assert reported(program, said, office=OFFICE) == [("taken", "")]
        assert reported(program, said, office=OFFICE) == [("duplicate", "")]
    assert "app:signed" in tour.codes(letter)
    from songda.dispatch import settle

    settle(tour.house.house.engine, tenant_id=tour.tenant.id, at=MORNING + timedelta(minutes=5))
    assert tour.house.column("attempt", "provisional_grade", id=letter.attempt_id) == ["A2"]


def test_only_the_key_for_couriers_opens_the_program_and_nothing_else(tour: Tour) -> None:
    from songda.flow.shared_secrets import valid

    (feed,) = valid(tour.house.house.engine, tour.tenant, "api", at=MORNING)
    (courier,) = valid(tour.house.house.engine, tour.tenant, "courier", at=MORNING)
    with tour.house.browser() as client:

        def status(path: str, key: str) -> int:
            return client.get(path, headers={"Authorization": f"Bearer {key}"}).status_code

        listed = f"/api/v1/courier/worklist?office={OFFICE}"
        assert status(listed, courier.text) == 200
        assert status("/api/v1/events", courier.text) == 401
        assert [status(listed, key) for key in (feed.text, "-", "x")] == [401] * 3
