"""From the paper to the page: the QR code of a real letter, followed by a real browser to the record behind it."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from page_checks import DESK, LOW_CONTRAST, PHONE, overflow
from web_house import Office, qr_code

from songda.base.money import yuan
from songda.flow.doors import link_key
from songda.flow.press import open_file
from songda.web import press_path

pytestmark = [
    pytest.mark.chromium,
]


def page_of(office: Office, browser: Any, letter: Any, folder: Path, *, width: int = PHONE) -> Any:
    """The tab of a person who points a camera at the letter."""
    printed = urlsplit(qr_code(office.record(letter.letter_no), folder))
    assert f"{printed.scheme}://{printed.netloc}" == office.house.tenant.profile.firm.check_url
    assert printed.query == printed.fragment == ""
    tab = browser.tab(width=width)
    tab.open(office.base + printed.path)
    return tab


def text_of(tab: Any) -> str:
    text: str = tab.evaluate("document.body.innerText")
    return text


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_code_on_a_posted_letter_leads_to_the_page_that_confirms_it(
    office: Office, browser: Any, tmp_path: Path, width: int
) -> None:
    letter = office.letters("active", "closed")[1]
    tab = page_of(office, browser, letter, tmp_path, width=width)
    text = text_of(tab)
    firm = office.house.tenant.profile.firm
    for words in ("本函真实", firm.name, "2026年11月24日", "为保护隐私，本页不显示收件人和金额"):
        assert words in text
    assert tab.evaluate("document.querySelector('a[href^=tel]').getAttribute('href')") == f"tel:{firm.phone}"
    whole = tab.evaluate("document.documentElement.outerHTML")
    assert [person["name"] for person in office.persons() if person["name"] in whole] == []
    assert yuan(letter.amount_fen) not in whole
    # Styled under its own policy, and nothing was asked of any other host.
    assert tab.complaints == []
    assert {urlsplit(url).netloc for url in tab.requests if not url.startswith("data:")} == {
        urlsplit(office.base).netloc
    }
    assert tab.evaluate("getComputedStyle(document.querySelector('main')).borderTopWidth") == "5px"
    assert overflow(tab) == 0
    assert tab.evaluate(LOW_CONTRAST) == []


def test_the_code_on_a_letter_that_was_stopped_leads_to_its_withdrawal(
    office: Office, browser: Any, tmp_path: Path
) -> None:
    text = text_of(page_of(office, browser, office.letter("withdrawn"), tmp_path))
    assert "本函已撤回" in text
    assert "请勿按本函付款" in text


def test_the_code_on_a_letter_of_a_drill_leads_to_the_word_drill(office: Office, browser: Any, tmp_path: Path) -> None:
    text = text_of(page_of(office, browser, office.letter("approved", batch_id=office.drill_id), tmp_path))
    assert "演练函件" in text
    assert "从未寄出" in text


def test_a_code_that_nobody_printed_leads_to_a_warning(office: Office, browser: Any) -> None:
    tab = browser.tab(width=PHONE)
    tab.open(f"{office.base}/c/{'A' * 24}")
    assert "查不到这封函件" in text_of(tab)
    assert "请勿付款" in text_of(tab)


def test_a_browser_that_follows_a_link_saves_the_print_file(office: Office, browser: Any, tmp_path: Path) -> None:
    key, expires = link_key(office.house.tenant), office.now + timedelta(hours=1)
    path = press_path(office.run_id, 1, holder="factory-2", expires=expires, key=key)
    browser.call("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    # A download is a navigation that shows no page.
    browser.tab(width=DESK).call("Page.navigate", url=office.base + path)
    deadline = time.monotonic() + 30
    while not (saved := [file for file in tmp_path.iterdir() if file.suffix == ".pdf"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (file,) = saved
    sealed = b"".join(open_file(office.house.tenant, office.run_id, file.name, home=office.house.home))
    assert file.read_bytes() == sealed
