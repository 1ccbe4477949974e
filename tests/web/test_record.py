"""The doors over a real record, asked over HTTP: letters, print files, and what the carrier pushes."""

from __future__ import annotations

import hashlib
import json
import statistics
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from web_house import NAME, Office, later

from songda.base.money import yuan
from songda.carriers import Envelope
from songda.flow.audit import verify_audit
from songda.flow.doors import find_letter, link_key
from songda.flow.follow import conclude
from songda.flow.press import open_file, read_manifest
from songda.web import press_path, push_path
from songda.web.app import QUANTUM_S

NOTHING_ELSE = "default-src 'none'"


def private_texts(office: Office) -> set[str]:
    """Every text of a person that a page might give away."""
    texts: set[str] = set()
    for person in office.persons():
        texts |= {person["name"], person["id_number"], *person["phones"]}
        for address in person["addresses"].values():
            texts |= {address["standard"], address["text"], *(address["label"] or ())}
    return {text for text in texts if text}


def test_a_posted_letter_is_genuine_and_its_page_names_the_firm_alone(office: Office) -> None:
    letter = office.letters("active", "closed")[0]
    with office.browser() as browser:
        answer = browser.get(f"/c/{office.token(letter.id)}")
    assert answer.status_code == 200
    assert NOTHING_ELSE in answer.headers["content-security-policy"]
    firm = office.house.tenant.profile.firm
    for words in ("本函真实", "律师函", firm.name, firm.phone, "2026年11月24日", letter.letter_no[-3:]):
        assert words in answer.text
    assert letter.letter_no not in answer.text
    given_away = [text for text in private_texts(office) if text in answer.text]
    assert given_away == []
    assert yuan(letter.amount_fen) not in answer.text
    assert "元" not in answer.text


def test_no_page_of_any_letter_shows_a_person_or_an_amount(office: Office) -> None:
    private = private_texts(office)
    for letter in office.letters("active", "closed", "withdrawn"):
        with office.browser() as browser:
            page = browser.get(f"/c/{office.token(letter.id)}").text
        assert [text for text in private if text in page] == []
        assert yuan(letter.amount_fen) not in page


def test_a_page_does_not_wait_for_a_run_that_is_writing(office: Office) -> None:
    path = f"/c/{office.token(office.letter('withdrawn').id)}"
    with office.house.engine.begin(), office.browser() as browser:
        assert browser.get(path, timeout=4).status_code == 200


def test_a_letter_stopped_before_it_left_is_called_withdrawn(office: Office) -> None:
    with office.browser() as browser:
        page = browser.get(f"/c/{office.token(office.letter('withdrawn').id)}").text
    assert "本函已撤回" in page
    assert "请勿按本函付款" in page
    assert "本函真实" not in page


def test_a_letter_of_a_drill_is_called_a_drill(office: Office) -> None:
    with office.browser() as browser:
        page = browser.get(f"/c/{office.token(office.letter('approved', batch_id=office.drill_id).id)}").text
    assert "演练函件" in page
    assert "从未寄出" in page
    assert "本函真实" not in page


def test_a_letter_that_was_never_approved_has_no_page(office: Office) -> None:
    with office.browser() as browser:
        answers = [browser.get(f"/c/{office.token(letter.id)}") for letter in office.letters("not_sent", "held")[:3]]
    assert answers
    assert {answer.status_code for answer in answers} == {404}


def test_the_record_says_which_letters_have_left_the_house(office: Office) -> None:
    engine, master = office.house.engine, office.master
    posted = find_letter(engine, master, office.token(office.letters("active", "closed")[0].id))
    stopped = find_letter(engine, master, office.token(office.letter("withdrawn").id))
    assert posted is not None
    assert stopped is not None
    assert (posted.posted, stopped.posted) == (True, False)


def test_an_unknown_token_is_a_page_that_warns_and_takes_the_same_time(office: Office) -> None:
    known = f"/c/{office.token(office.letters('active', 'closed')[0].id)}"
    took: dict[int, list[float]] = {200: [], 404: []}
    with office.browser() as browser:
        browser.get(known)
        for number in range(12):
            for path in (known, f"/c/{'x' * 23}{number}"):
                began = time.perf_counter()
                answer = browser.get(path)
                took[answer.status_code].append(time.perf_counter() - began)
    assert (len(took[200]), len(took[404])) == (12, 12)
    assert min(took[200] + took[404]) >= QUANTUM_S * 0.95
    # The clock may not tell; what is left is the noise of a busy machine.
    assert abs(statistics.median(took[200]) - statistics.median(took[404])) < QUANTUM_S / 2
    assert "请勿付款" in answer.text
    assert NOTHING_ELSE in answer.headers["content-security-policy"]


@pytest.mark.parametrize("token", ["%00", "%ff%fe", "a" * 5000, "..%2f..%2fetc", "%F0%9F%92%A3"])
def test_strange_tokens_are_just_unknown(office: Office, token: str) -> None:
    with office.browser() as browser:
        assert browser.get(f"/c/{token}").status_code == 404


# Print files


def signed(office: Office, number: int = 1, **changes: Any) -> str:
    stated: dict[str, Any] = {"holder": "factory-2", "expires": office.now + timedelta(hours=4)}
    return press_path(office.run_id, number, **stated | {"key": link_key(office.house.tenant)} | changes)


def test_a_link_downloads_what_was_sealed_and_the_audit_log_names_its_holder(office: Office) -> None:
    before = len(office.audited("press.open"))
    with office.browser() as browser:
        answer = browser.get(signed(office))
    (stated,) = read_manifest(office.house.home, office.run_id).files
    sealed = b"".join(open_file(office.house.tenant, office.run_id, stated.name, home=office.house.home))
    assert answer.status_code == 200
    assert answer.content == sealed
    assert hashlib.sha256(answer.content).hexdigest() == stated.sha256
    assert answer.headers["content-disposition"] == f'attachment; filename="{stated.name}"'
    assert NOTHING_ELSE in answer.headers["content-security-policy"]
    (entry,) = office.audited("press.open")[before:]
    assert entry[:2] == ("factory-2", office.run_id)
    assert entry[2]["file"] == 1
    with office.house.engine.connect() as connection:
        assert verify_audit(connection).breaks == ()


def test_expired_forged_and_foreign_links_are_refused_and_nothing_is_audited(office: Office) -> None:
    before = office.audited("press.open")
    genuine = signed(office)
    token = genuine.partition("?t=")[2]
    with office.browser() as browser:
        for path, status in (
            (signed(office, expires=office.now - timedelta(seconds=1)), 410),
            (signed(office, key=bytes(32)), 404),
            (genuine[:-1] + ("A" if genuine[-1] != "A" else "B"), 404),
            (genuine.partition("?")[0], 404),
            (f"/press/{office.run_id}/2?t={token}", 404),
            (f"/press/run_01m85dmb00e989z5zz2fr4ej5s/1?t={token}", 404),
            # Genuine, but there is no such file.
            (signed(office, 2), 404),
            (f"/press/%00/1?t={token}", 422),
        ):
            answer = browser.get(path)
            assert answer.status_code == status, path
            assert b"%PDF" not in answer.content
    assert office.audited("press.open") == before


def test_a_file_that_the_ledger_does_not_know_is_not_printed(office: Office) -> None:
    folder = office.house.home / "runs" / office.run_id
    path, sealed = folder / "manifest.json", next(folder.glob("*.pdf"))
    manifest = read_manifest(office.house.home, office.run_id)
    for file, changed in (
        (path, path.read_bytes()[:-9]),
        # One that is right in itself.
        (path, replace(manifest, duplex=not manifest.duplex).to_json().encode()),
        (sealed, sealed.read_bytes()[:60] + b"\0\0\0\0" + sealed.read_bytes()[64:]),
    ):
        kept = file.read_bytes()
        file.write_bytes(changed)
        try:
            with office.browser() as browser:
                answer = browser.get(signed(office))
        finally:
            file.write_bytes(kept)
        assert answer.status_code == 500
        assert b"%PDF" not in answer.content
        assert NOTHING_ELSE in answer.headers["content-security-policy"]


def test_a_print_file_cut_short_breaks_the_connection(office: Office) -> None:
    sealed = next((office.house.home / "runs" / office.run_id).glob("*.pdf"))
    kept = sealed.read_bytes()
    sealed.write_bytes(kept[: len(kept) // 2])
    try:
        with office.browser() as browser, pytest.raises(httpx.RemoteProtocolError):
            browser.get(signed(office))
    finally:
        sealed.write_bytes(kept)


# Pushes


def a_push(office: Office, waybill: str, *, serial: str = "s1") -> bytes:
    """An event as the carrier sends it, under the keys that the tenant's profile states."""
    item = {"waybillNo": waybill, "opTime": "2026-11-24 18:00:00", "opCode": "203", "opDesc": "已收寄，张三丰"}
    carrier = office.house.tenant.profile.carrier
    _, sign_key = carrier.secrets({})
    sealed = Envelope(sign_key or "").seal_push(json.dumps(item).encode())
    call = {"senderNo": carrier.sender_no, "method": "040002", "serialNo": serial, "logitcsInterface": sealed}
    return json.dumps(call).encode()


def test_only_the_secret_path_takes_pushes(office: Office) -> None:
    secret = office.house.tenant.key.token("carrier.push")
    body = a_push(office, office.column("piece", "waybill_no", state="handed_over")[0])
    facts = office.column("fact", "id")
    with office.browser() as browser:
        for path in (f"/carrier/{NAME}/{'x' * 24}", f"/carrier/{NAME}/", f"/carrier/else/{secret}", "/carrier/%00/x"):
            assert browser.post(path, content=body).status_code in {404, 422}, path
        assert browser.get(office.push_path()).status_code == 405
    assert office.column("fact", "id") == facts


def test_who_guesses_the_path_is_slowed_down(office: Office) -> None:
    with office.browser() as browser:
        codes = [browser.post(f"/carrier/{NAME}/{number}", content=b"{}").status_code for number in range(34)]
    assert set(codes) == {404, 429}


def test_what_is_not_ours_is_not_acknowledged_and_logged_without_data(
    office: Office, capfd: pytest.CaptureFixture[str]
) -> None:
    facts = office.column("fact", "id")
    with office.browser() as browser:
        for body, kind in (
            (a_push(office, "9999999999999"), "UnknownWaybill"),
            (b"{}", "BadPush"),
            (a_push(office, "1").replace(b"|$4|", b"|$5|"), "BadEnvelope"),
        ):
            answer = browser.post(office.push_path(), content=body)
            assert (answer.status_code, answer.content) == (422, b"")
            logged = "".join(capfd.readouterr())
            assert kind in logged
            for hidden in ("9999999999999", "张三丰", office.house.tenant.key.token("carrier.push"), "senderNo"):
                assert hidden not in logged
    assert office.column("fact", "id") == facts


def test_a_body_too_long_is_not_even_read(office: Office) -> None:
    with office.browser() as browser:
        for content in (b"x" * 100_000, iter([b"x" * 40_000] * 4)):
            assert browser.post(office.push_path(), content=content).status_code == 413


def test_a_tenant_without_a_contract_gives_no_acknowledgement(office: Office) -> None:
    from importlib import resources

    from songda.flow.tenants import import_tenant

    text = resources.files("songda.sim").joinpath("tenant.toml").read_text(encoding="utf-8")
    text = text.replace("@endpoint@", "https://carrier.invalid/open").replace("@sender_no@", "1")
    other = import_tenant(
        office.house.engine, office.master, name="other", profile_toml=text, at=office.now, actor="test"
    )
    with office.browser() as browser:
        own = browser.post(push_path("other", other.key.token("carrier.push")), content=b"{}")
        foreign = browser.post(push_path("other", office.house.tenant.key.token("carrier.push")), content=b"{}")
    assert (own.status_code, own.content) == (503, b"")
    assert foreign.status_code == 404


def test_a_push_is_acknowledged_when_it_is_stored_and_again_when_it_comes_again(office: Office) -> None:
    waybill = office.column("piece", "waybill_no", state="handed_over")[-1]
    with office.browser() as browser:
        answers = [browser.post(office.push_path(), content=a_push(office, waybill)) for _ in range(2)]
        stored = [event for event in office.column("fact", "event") if event["waybill_no"] == waybill]
    for answer in answers:
        assert answer.status_code == 200
        assert (answer.json()["serialNo"], answer.json()["code"]) == ("s1", "00000")
    assert len([event for event in stored if event["op_code"] == "203"]) == 1
    assert "张三丰" not in json.dumps(stored, ensure_ascii=False)


def test_what_the_carrier_pushes_moves_the_letters_to_their_ends(office: Office) -> None:
    """Nobody asks the carrier anything: every event comes through the door."""
    asked = office.stand_in.stats()["calls"]
    for number in range(1, 22):
        office.now = later(number)
        office.stand_in.advance(to=office.now)
        conclude(office.house.engine, office.house.tenant, at=office.now)
    assert office.stand_in.stats()["calls"] == asked
    facts = office.column("fact", "id")
    posted = office.column("piece", "attempt_id", state="handed_over")
    assert len(facts) > 4 * len(posted)
    closed = office.letters("closed")
    assert len(closed) > len(posted) / 2
    grades = set(office.column("letter", "grade", state="closed"))
    assert grades & {"A1", "A2"}
    with office.browser() as browser:
        assert "本函真实" in browser.get(f"/c/{office.token(closed[0].id)}").text
