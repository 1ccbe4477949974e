"""The web door, asked as a browser asks it."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import anyio
import httpx
import pytest
from fastapi import FastAPI

from songda.base.settings import Settings, load
from songda.web import LetterCheck, Link, PrintFile, create_app, press_path
from songda.web import app as app_module
from songda.web.guard import StreamBroken
from songda.web.letter_check import mask_number, token_hash

KEY = bytes(range(32))
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
TOKEN = "k7Qm2vXcR9sT4wYb"
LETTER = LetterCheck(
    "示律函〔2026〕第000123号", "lawyer_letter", "示例律师事务所", "010-5555-0100", date(2026, 11, 24), "active"
)
PDF = [b"%PDF-1.7 ", b"invented"]


def find(token: str) -> LetterCheck | None:
    return LETTER if token_hash(token) == token_hash(TOKEN) else None


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({}, home=tmp_path)


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings, find_letter=find)


def ask(app: FastAPI, path: str, *, method: str = "GET", client: str = "192.0.2.7") -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, client=(client, 1234))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as browser:
            return await browser.request(method, path)

    return anyio.run(go)


def make_press(settings: Settings, audit: Callable[[Link], None], chunks: Callable[[], Iterator[bytes]]) -> FastAPI:
    def open_file(run_id: str, number: int) -> PrintFile | None:
        return PrintFile(f"{run_id}-{number:03}.pdf", chunks()) if (run_id, number) == ("run_a", 1) else None

    return create_app(
        settings, open_print_file=open_file, audit_press=audit, link_key=lambda _run: KEY, clock=lambda: NOW
    )


def link(number: int = 1, *, minutes: int = 15) -> str:
    return press_path("run_a", number, holder="usr_7", expires=NOW + timedelta(minutes=minutes), key=KEY)


@pytest.mark.parametrize("path", ["/healthz", f"/c/{TOKEN}", "/c/unknown", "/nowhere", "/press/run_a/1"])
def test_every_answer_carries_the_strict_headers(app: FastAPI, path: str) -> None:
    headers = ask(app, path).headers
    policy = headers["content-security-policy"]
    assert re.fullmatch(
        r"default-src 'none'; style-src 'nonce-[\w-]{22}'; img-src data:; "
        r"frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
        policy,
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "camera=()" in headers["permissions-policy"]


def test_each_page_has_a_nonce_of_its_own_that_its_style_sheet_carries(app: FastAPI) -> None:
    nonces = set()
    for _ in range(3):
        answer = ask(app, f"/c/{TOKEN}")
        found = re.search(r"nonce-([\w-]+)'", answer.headers["content-security-policy"])
        assert found
        assert f'<style nonce="{found[1]}">' in answer.text
        assert "style=" not in answer.text
        nonces.add(found[1])
    assert len(nonces) == 3


def test_a_genuine_letter_is_confirmed_without_its_whole_number(app: FastAPI) -> None:
    answer = ask(app, f"/c/{TOKEN}")
    assert answer.status_code == 200
    for words in ("本函真实", "律师函", "示例律师事务所", "010-5555-0100", "2026年11月24日", "示律函〔", "123号"):
        assert words in answer.text
    assert LETTER.letter_no not in answer.text
    assert TOKEN not in answer.text


@pytest.mark.parametrize(("state", "status"), [("closed", 200), ("ready", 404), ("not_sent", 404), ("held", 404)])
def test_only_a_letter_that_was_issued_has_a_page(settings: Settings, state: str, status: int) -> None:
    letter = LetterCheck("2026-0001", "reminder", "示例律师事务所", "010", date(2026, 11, 24), state)
    assert ask(create_app(settings, find_letter=lambda _: letter), "/c/x").status_code == status


@pytest.mark.parametrize(("posted", "status"), [(True, 200), (False, 404)])
def test_a_letter_that_was_posted_and_waits_for_a_second_way_stays_genuine(
    settings: Settings, posted: bool, status: int
) -> None:
    letter = replace(LETTER, state="held", posted=posted)
    answer = ask(create_app(settings, find_letter=lambda _: letter), "/c/x")
    assert answer.status_code == status
    assert ("本函真实" in answer.text) == posted


def test_the_page_of_an_unknown_letter_sends_nobody_to_the_number_on_the_paper(app: FastAPI) -> None:
    page = ask(app, "/c/unknown").text
    assert "函件可能是伪造的" in page
    assert "司法行政机关公布的律师事务所电话" in page
    assert "函件上的律师事务所" not in page
    # A wrong address elsewhere says nothing about letters.
    assert "函件" not in ask(app, "/nowhere").text


def test_a_page_says_when_it_was_asked_for(settings: Settings) -> None:
    app = create_app(settings, find_letter=find, clock=lambda: NOW)
    assert "查询时间 2026年11月24日 17:00" in ask(app, f"/c/{TOKEN}").text


def test_a_withdrawn_letter_says_so(settings: Settings) -> None:
    text = ask(create_app(settings, find_letter=lambda _: replace(LETTER, state="withdrawn")), "/c/x").text
    assert "本函已撤回" in text
    assert "本函真实" not in text


@pytest.mark.parametrize(("state", "status"), [("active", 200), ("withdrawn", 200), ("ready", 404)])
def test_a_drill_is_never_called_genuine(settings: Settings, state: str, status: int) -> None:
    answer = ask(create_app(settings, find_letter=lambda _: replace(LETTER, state=state, drill=True)), "/c/x")
    assert answer.status_code == status
    assert ("演练函件" in answer.text) == (status == 200)
    assert "本函真实" not in answer.text


def test_markup_in_a_firms_name_is_shown_as_text(settings: Settings) -> None:
    letter = LetterCheck("2026-0001", "reminder", "<script>x</script>", '"><b>', date(2026, 11, 24), "active")
    text = ask(create_app(settings, find_letter=lambda _: letter), "/c/x").text
    assert "<script>" not in text
    assert "<b>" not in text


@pytest.mark.parametrize("letter_no", ["示律函〔2026〕第000123号", "2026-0001", "7", ""])
def test_a_masked_number_keeps_both_ends_and_hides_half(letter_no: str) -> None:
    masked = mask_number(letter_no)
    shown = len(masked.replace("*", ""))
    assert shown <= len(letter_no) / 2
    assert letter_no.startswith(masked.partition("*")[0])
    assert letter_no.endswith(masked.rpartition("*")[2])


def test_an_unknown_token_takes_as_long_as_a_known_one(settings: Settings) -> None:
    def slow_for_known(token: str) -> LetterCheck | None:
        if token == TOKEN:
            time.sleep(0.02)
            return LETTER
        return None

    app = create_app(settings, find_letter=slow_for_known)
    slept: list[float] = []
    real_sleep = anyio.sleep

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await real_sleep(seconds)

    def timed(path: str) -> float:
        began = time.monotonic()
        ask(app, path)
        return time.monotonic() - began

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app_module.anyio, "sleep", sleep)
        known, unknown = timed(f"/c/{TOKEN}"), timed("/c/unknown")
    # What the lookup took and what was waited add up to a whole number of quanta.
    assert min(known, unknown) >= app_module.QUANTUM_S
    assert all(0 <= each <= app_module.QUANTUM_S for each in slept)
    assert len(slept) == 2


def test_a_guesser_is_slowed_down_and_others_are_not(app: FastAPI) -> None:
    limit = app_module.PER_MINUTE
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app_module, "QUANTUM_S", 0.001)
        patch.setattr(app_module.time, "monotonic", lambda: 1.0)
        answers = [ask(app, f"/c/guess{n}") for n in range(limit + 1)]
        assert [answer.status_code for answer in answers] == [404] * limit + [429]
        assert answers[-1].headers["retry-after"] == "2"
        assert "访问过于频繁" in answers[-1].text
        assert ask(app, f"/c/{TOKEN}", client="192.0.2.8").status_code == 200


def test_errors_are_chinese_pages_without_details(app: FastAPI) -> None:
    for path, method, status in (("/nowhere", "GET", 404), (f"/c/{TOKEN}", "POST", 405), ("/docs", "GET", 404)):
        answer = ask(app, path, method=method)
        assert answer.status_code == status
        assert 'lang="zh-CN"' in answer.text
        assert "Traceback" not in answer.text


def test_a_failure_shows_and_logs_nothing_of_its_message(settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    def broken(token: str) -> LetterCheck | None:
        raise RuntimeError(f"secret name while looking for {token}")

    answer = ask(create_app(settings, find_letter=broken), f"/c/{TOKEN}")
    assert answer.status_code == 500
    assert "系统出现错误" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    logged = "".join(capfd.readouterr())
    assert "RuntimeError" in logged
    for hidden in ("secret name", TOKEN):
        assert hidden not in answer.text
        assert hidden not in logged


def test_the_api_is_described_only_when_asked(settings: Settings) -> None:
    assert ask(create_app(settings), "/openapi.json").status_code == 404
    described = ask(create_app(settings, docs=True), "/openapi.json").json()
    assert list(described["paths"]) == ["/healthz"]


def test_health_needs_a_database_with_a_schema(settings: Settings, tmp_path: Path) -> None:
    app = create_app(settings)
    missing = ask(app, "/healthz")
    assert (missing.status_code, missing.json()["database"]) == (503, "unreachable")
    assert not (tmp_path / "songda.db").exists()
    with sqlite3.connect(tmp_path / "songda.db") as database:
        database.execute("CREATE TABLE other (x)")
    empty = ask(app, "/healthz")
    assert (empty.status_code, empty.json()) == (
        503,
        {"status": "unavailable", "database": "reachable", "schema_revision": None},
    )
    with sqlite3.connect(tmp_path / "songda.db") as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR)")
        database.execute("INSERT INTO alembic_version VALUES ('0001')")
    healthy = ask(app, "/healthz")
    assert (healthy.status_code, healthy.json()["status"], healthy.json()["schema_revision"]) == (200, "ok", "0001")


def test_a_database_server_that_is_down_is_unhealthy_and_its_address_stays_inside(tmp_path: Path) -> None:
    url = "postgresql+psycopg://songda:hidden@127.0.0.1:1/songda"
    answer = ask(create_app(load({"SONGDA_DATABASE_URL": url}, home=tmp_path)), "/healthz")
    assert answer.status_code == 503
    assert "hidden" not in answer.text
    assert "127.0.0.1" not in answer.text


def test_a_print_file_is_streamed_to_the_holder_after_the_audit(settings: Settings) -> None:
    order: list[str] = []

    def chunks() -> Iterator[bytes]:
        order.append("read")
        yield from PDF

    answer = ask(
        make_press(settings, lambda link: order.append(f"audit {link.holder} {link.object_id}"), chunks), link()
    )
    assert answer.status_code == 200
    assert answer.content == b"".join(PDF)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'attachment; filename="run_a-001.pdf"'
    assert order == ["audit usr_7 run_a/1", "read"]


def test_without_a_genuine_link_no_file_is_opened_and_nothing_audited(settings: Settings) -> None:
    touched: list[object] = []

    def chunks() -> Iterator[bytes]:
        touched.append("read")
        return iter(PDF)

    app = make_press(settings, touched.append, chunks)
    token = link().partition("?t=")[2]
    for path, status in (
        ("/press/run_a/1", 404),
        ("/press/run_a/1?t=forged", 404),
        (f"/press/run_a/2?t={token}", 404),
        (f"/press/run_b/1?t={token}", 404),
        (f"/press/run_a/0?t={token}", 422),
        (link(minutes=-1), 410),
    ):
        assert ask(app, path).status_code == status, path
    assert touched == []


def test_a_missing_print_file_is_not_found_and_not_audited(settings: Settings) -> None:
    audited: list[Link] = []
    assert ask(make_press(settings, audited.append, lambda: iter(PDF)), link(2)).status_code == 404
    assert audited == []


def test_no_byte_leaves_when_the_audit_log_cannot_be_written(settings: Settings) -> None:
    read: list[str] = []

    def chunks() -> Iterator[bytes]:
        read.append("read")
        yield from PDF

    def full_disk(_link: Link) -> None:
        raise OSError("disk full")

    answer = ask(make_press(settings, full_disk, chunks), link())
    assert answer.status_code == 500
    assert b"PDF" not in answer.content
    assert read == []


def test_a_damaged_print_file_breaks_the_connection_instead_of_ending_it(settings: Settings) -> None:
    def damaged() -> Iterator[bytes]:
        yield PDF[0]
        raise RuntimeError("tag does not match")

    with pytest.raises(StreamBroken) as caught:
        ask(make_press(settings, lambda _link: None, damaged), link())
    assert caught.value.__suppress_context__


def test_a_print_file_is_closed_however_its_reading_ends(settings: Settings) -> None:
    closed: list[str] = []

    def refuse(_link: Link) -> None:
        raise OSError("disk full")

    for audit in (refuse, lambda _link: None):
        app = create_app(
            settings,
            open_print_file=lambda _run, _number: PrintFile("x.pdf", iter(PDF), close=lambda: closed.append("closed")),
            audit_press=audit,
            link_key=lambda _run: KEY,
            clock=lambda: NOW,
        )
        ask(app, link())
    assert closed == ["closed", "closed"]


@pytest.mark.parametrize("left_out", ["open_print_file", "audit_press", "link_key"])
def test_print_files_exist_only_with_opener_audit_and_key_together(settings: Settings, left_out: str) -> None:
    doors = {
        "open_print_file": lambda _r, _n: PrintFile("x.pdf", iter(PDF)),
        "audit_press": print,
        "link_key": lambda _run: KEY,
    }
    doors.pop(left_out)
    assert ask(create_app(settings, clock=lambda: NOW, **doors), link()).status_code == 404  # type: ignore[arg-type]


def test_a_file_name_cannot_add_a_header(settings: Settings) -> None:
    app = create_app(
        settings,
        open_print_file=lambda _run, _number: PrintFile('a"\r\nX-Evil: 1.pdf', iter(PDF)),
        audit_press=lambda _link: None,
        link_key=lambda _run: KEY,
        clock=lambda: NOW,
    )
    headers = ask(app, link()).headers
    assert headers["content-disposition"] == 'attachment; filename="aX-Evil1.pdf"'
    assert "x-evil" not in headers
