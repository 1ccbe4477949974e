"""What a reader's own browser makes of the report and of the page behind a letter's QR code."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from page_checks import DESK, LOW_CONTRAST, PHONE, overflow

from songda.base.settings import load
from songda.flow.report import write_report
from songda.flow.summary import (
    LEVELS,
    AddressQuality,
    Cost,
    Day,
    Level,
    Province,
    Reason,
    Stage,
    Step,
    Summary,
)
from songda.web import LetterCheck, create_app

pytestmark = pytest.mark.chromium

LETTER = LetterCheck(
    "示律函〔2026〕第000123号", "lawyer_letter", "示例律师事务所", "010-5555-0100", date(2026, 11, 24), "active"
)


def report(size: int) -> Summary:
    """A summary with every section filled; `size` multiplies the counts."""
    days = tuple(
        Day(date(2026, 10, 26) + timedelta(n), size * 9, size * n, size * (n % 7), n % 3, size) for n in range(30)
    )
    names = (
        *("广东省", "江苏省", "山东省", "内蒙古自治区", "黑龙江省", "西藏自治区"),
        *("香港特别行政区", "新疆维吾尔自治区", "四川省", "北京市"),
    )
    return Summary(
        institution="示例消费金融有限公司" * (3 if size > 1000 else 1),
        firm="示例律师事务所",
        as_of=date(2026, 11, 24),
        days=30,
        cases=size * 96,
        addresses=size * 200,
        addresses_standardised=size * 199,
        letters=size * 80,
        posted=size * 80,
        pieces=size * 90,
        grades={"A1": size * 30, "A2": size * 10, "B1": size, "B2": size * 4, "C": size * 20, "D": size, "E": size * 5},
        cost_fen=size * 100_000,
        drill=True,
        simulated=True,
        config="world-v1-with-a-long-name-that-offers-no-place-to-break",
        self_approved=True,
        funnel=(
            Step("数据行", size * 100),
            Step("受理案件", size * 96),
            Step("债务人", size * 90, "同一债务人合并为一封"),
        ),
        address_quality=AddressQuality(
            size * 200, tuple(Level(name, size * 90, size * 190) for name in LEVELS), 1, 2, 3
        ),
        not_sent_reasons=(Reason("R07", "没有合法来源的地址", size * 7),),
        rejected_reasons=(Reason("I03", "身份证号校验码不符", size * 4),),
        costs=(Cost("邮费", size * 90_000, "标准快递"), Cost("打印", size * 10_000)),
        timeline=days,
        provinces={name: Province(size * n * n, size * n, n) for n, name in enumerate(names)},
        stages=(Stage("地址标准化", size * 200, 1.5), Stage("生成函件", size * 80, 12.0)),
    )


REPORTS = {
    "full": report(10),
    "huge": report(10_000_000),
    "empty": Summary(institution="示例银行", firm="示例律师事务所", as_of=date(2026, 11, 24)),
}


@pytest.fixture(params=REPORTS)
def report_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    path = tmp_path / "report.html"
    write_report(REPORTS[request.param], path)
    return path.as_uri()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    import uvicorn

    app = create_app(
        load({}, home=tmp_path_factory.mktemp("home")), find_letter=lambda token: LETTER if token == "genuine" else None
    )
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()  # from here on a connection waits for the server instead of being refused
    server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=20)


def test_the_report_opens_from_a_file_and_asks_nothing_of_the_network(browser: Any, report_url: str) -> None:
    tab = browser.tab(width=DESK)
    tab.open(report_url)
    assert tab.requests == [report_url]
    assert tab.complaints == []
    assert tab.evaluate("document.querySelector('h1').textContent").startswith("函件送达报告")


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_report_never_scrolls_sideways(browser: Any, report_url: str, width: int) -> None:
    tab = browser.tab(width=width)
    tab.open(report_url)
    assert tab.evaluate("innerWidth") == width
    assert overflow(tab) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_can_be_read_by_day_and_by_night(browser: Any, report_url: str, scheme: str) -> None:
    tab = browser.tab(width=DESK, scheme=scheme)
    tab.open(report_url)
    assert tab.evaluate(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
    assert tab.evaluate(LOW_CONTRAST) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/c/genuine", "/c/unknown"])
def test_the_letter_page_is_styled_under_its_policy_without_a_violation(
    browser: Any, site: str, path: str, scheme: str
) -> None:
    tab = browser.tab(width=PHONE, scheme=scheme)
    tab.open(site + path)
    assert [url for url in tab.requests if not url.startswith("data:")] == [site + path]
    # Chromium logs a 404 answer as an error of its own; nothing else may be said.
    assert [words for words in tab.complaints if "404" not in words] == []
    assert tab.evaluate("getComputedStyle(document.querySelector('main')).borderTopWidth") == "5px"
    assert overflow(tab) == 0
    assert tab.evaluate(LOW_CONTRAST) == []


def test_these_tests_would_notice_a_page_that_does_it_wrong(browser: Any, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<!doctype html><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; img-src http:\">"
        "<body><img src='http://127.0.0.1:1/x.png'><script>1</script>"
        "<pre>" + "x" * 400 + "</pre><font color=#cccccc>pale</font>",
        encoding="utf-8",
    )
    tab = browser.tab(width=PHONE)
    tab.open(bad.as_uri())
    assert "http://127.0.0.1:1/x.png" in tab.requests
    assert any("Content Security Policy" in words for words in tab.complaints)
    assert overflow(tab) > 100
    assert any("pale" in found for found in tab.evaluate(LOW_CONTRAST))
