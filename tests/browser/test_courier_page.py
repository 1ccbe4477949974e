"""A courier's tour with a real browser: the list, one item, what happened, without a line, and what the device keeps of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from page_checks import LOW_CONTRAST, PHONE, overflow

sys.path.insert(0, str(Path(__file__).parents[1] / "web"))
from courier_house import DEBT_WORDS, MORNING, OFFICE, OTHER, Letter, Tour, open_tour, slip

from songda.flow.courier_links import revoke

pytestmark = pytest.mark.chromium

#: All that lies in the page's database, as text: what a thief of the phone would read.
STORED = """(async () => {
  const database = await new Promise((fulfil, fail) => {
    const request = indexedDB.open('songda-courier'); request.onsuccess = () => fulfil(request.result); request.onerror = fail; });
  const found = [];
  for (const name of database.objectStoreNames) {
    const rows = await new Promise(fulfil => { const request = database.transaction(name).objectStore(name).getAll();
      request.onsuccess = () => fulfil(request.result); });
    for (const row of rows) found.push(name + ' ' + Object.keys(row).sort() + ' ' +
      new TextDecoder('utf-8').decode(row.data) + new TextDecoder('utf-16').decode(row.data));
  }
  database.close();
  return JSON.stringify(found);
})()"""

#: Everything else that a page can leave on a device.
LEFT = """(async () => {
  const kept = [];
  for (const name of await caches.keys()) for (const request of await (await caches.open(name)).keys()) {
    kept.push(request.url + ' ' + await (await caches.match(request)).text()); }
  return JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage), document.cookie, kept]);
})()"""

#: Things to touch that are smaller than 44 CSS pixels (WCAG 2.2, 2.5.5), and fields without a label.
SMALL = """[...document.querySelectorAll('button, input, select, summary, dd a')].filter(node => node.offsetParent)
  .filter(node => node.getBoundingClientRect().height < 44).map(node => node.outerHTML.slice(0, 80))"""
UNLABELLED = """[...document.querySelectorAll('input, select, video')]
  .filter(node => !(node.labels && node.labels.length) && !node.ariaLabel).map(node => node.id)"""


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tour]:
    with ExitStack() as stack:
        yield open_tour(tmp_path_factory.mktemp("tour"), stack)


@pytest.fixture(autouse=True)
def _clock(tour: Tour) -> None:
    tour.house.now = MORNING


class Page:
    """The page of one team on one phone."""

    def __init__(self, browser: Any, tour: Tour, url: str, *, holder: str = "") -> None:
        self.tour, self.holder = tour, holder
        self.context = browser.call("Target.createBrowserContext", {})["browserContextId"]
        self.tab = browser.tab(width=PHONE, context=self.context)
        # The phone's clock is the server's.
        script = f"""{{ const shift = {int(MORNING.timestamp() * 1000)} - Date.now(); const Real = Date;
          Date = class extends Real {{ constructor(...a) {{ a.length ? super(...a) : super(Real.now() + shift); }}
            static now() {{ return Real.now() + shift; }} }}; }}"""
        self.tab.call("Page.addScriptToEvaluateOnNewDocument", source=script)
        self.tab.open(url)
        self.until("document.getElementById('summary').textContent !== '正在读取……'")

    def until(self, expression: str) -> None:
        waiting = f"""new Promise((fulfil, fail) => {{ const began = performance.now(); const look = () => {{
          if ({expression}) fulfil(true);
          else if (performance.now() - began > 20000) fail(new Error('never: ' + document.body.innerText.slice(0, 400)));
          else setTimeout(look, 30); }}; look(); }})"""
        self.tab.evaluate(waiting)

    @property
    def text(self) -> str:
        shown: str = self.tab.evaluate("document.body.innerText")
        return shown

    def reload(self) -> None:
        before = len(self.tab.loaded)
        self.tab.call("Page.reload")
        self.tab.browser.wait(lambda: len(self.tab.loaded) > before)

    def find(self, number: str) -> None:
        self.tab.evaluate(f"document.getElementById('number').value = '{number}'")
        self.click("#find button[type=submit]")

    def opened(self, number: str) -> None:
        self.find(number)
        self.until("!document.getElementById('opened').hidden")

    def click(self, selector: str) -> None:
        self.tab.evaluate(f"document.querySelector('{selector}').click()")

    def choose(self, field: str, value: str) -> None:
        self.tab.evaluate(
            f"""{{ const field = document.getElementById('{field}'); field.value = '{value}';
            field.dispatchEvent(new Event('change', {{bubbles: true}})); }}"""
        )

    def signed(self, letter: Letter, *, name: str = "某甲", relation: str = "配偶") -> None:
        self.opened(letter.waybill_no)
        self.choose("result", "signed")
        self.choose("relation", relation)
        self.choose("name", name)

    def save(self) -> None:
        self.click("#outcome button[type=submit]")
        self.until("document.getElementById('opened').hidden")

    def answered(self, status: str) -> None:
        self.until(f"document.querySelector('#answers li[data-status={status}]')")

    def line(self, *, up: bool) -> None:
        """Takes the line from page and worker alike, or gives it back."""
        self.tab.browser.offline(self.context, not up)
        self.tab.call(
            "Network.emulateNetworkConditions", offline=not up, latency=0, downloadThroughput=-1, uploadThroughput=-1
        )

    def stored(self) -> str:
        return str(self.tab.evaluate(STORED))


@pytest.fixture
def page(browser: Any, tour: Tour, request: pytest.FixtureRequest) -> Iterator[Page]:
    # A team of its own, so that no test uses up the rate of another.
    holder = f"team-{len(request.node.name)}-{hash(request.node.name) % 10**6}"
    page = Page(browser, tour, tour.link(holder=holder), holder=holder)
    yield page
    browser.call("Target.disposeBrowserContext", {"browserContextId": page.context})


def elsewhere(tab: Any, base: str) -> set[str]:
    return {urlsplit(url).netloc for url in tab.requests if not url.startswith(("data:", "blob:"))} - {
        urlsplit(base).netloc
    }


def test_the_list_is_masked_readable_touchable_and_silent_about_any_debt(page: Page, tour: Tour) -> None:
    page.click("#items summary")
    assert "西湖投递部" in page.text
    assert "理由：" in page.text
    assert "可交付" in page.text
    whole = page.tab.evaluate("document.documentElement.outerHTML")
    for letter in tour.here:
        assert letter.waybill_no not in whole
        assert letter.name not in whole
    assert [word for word in DEBT_WORDS if word in whole] == []
    assert tour.tenant.profile.firm.name not in whole
    assert page.tab.evaluate(LOW_CONTRAST) == []
    assert page.tab.evaluate(SMALL) == []
    assert page.tab.evaluate(UNLABELLED) == []
    assert overflow(page.tab) == 0
    assert page.tab.complaints == []
    assert elsewhere(page.tab, tour.house.base) == set()


def test_it_is_as_readable_in_the_dark_with_an_item_open(page: Page, tour: Tour) -> None:
    page.tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    page.signed(tour.here[0], relation="邻居")
    assert "此人不在可交付之列" in page.text
    assert page.tab.evaluate(LOW_CONTRAST) == []
    assert page.tab.evaluate(SMALL) == []
    assert overflow(page.tab) == 0


def test_one_item_at_a_time_is_unmasked_and_masked_again(page: Page, tour: Tour) -> None:
    first, second = tour.here[:2]
    before = len(tour.house.audited("courier.unmask"))
    page.opened(first.waybill_no)
    page.until(f"document.body.innerText.includes('{first.name}')")
    assert page.tab.evaluate("document.querySelector('#fields a').getAttribute('href')") == f"tel:{first.phone}"
    page.opened(second.waybill_no)
    page.until(f"document.body.innerText.includes('{second.name}')")
    whole = page.tab.evaluate("document.documentElement.outerHTML")
    assert (first.name in whole, first.phone in whole) == (first.name == second.name, first.phone == second.phone)
    page.click("#mask")
    assert second.name not in page.tab.evaluate("document.documentElement.outerHTML")
    # Shown again out of the sealed store; masked when the courier turns to something else.
    page.opened(second.waybill_no)
    page.until(f"document.body.innerText.includes('{second.name}')")
    page.tab.evaluate(
        "Object.defineProperty(document, 'hidden', { value: true }); document.dispatchEvent(new Event('visibilitychange'))"
    )
    assert second.name not in page.tab.evaluate("document.documentElement.outerHTML")
    assert len(tour.house.audited("courier.unmask")) == before + 2
    assert {entry[0] for entry in tour.house.audited("courier.unmask")[before:]} == {page.holder}
    assert page.tab.complaints == []


def test_a_number_that_is_not_on_the_list_opens_nothing(page: Page, tour: Tour) -> None:
    page.find(tour.there[0].waybill_no[:-4] + "0000")
    page.until("document.body.innerText.includes('不在本网点的清单上')")
    # Right at its end, wrong before it: only the server can tell.
    page.find("97" + "0" * 7 + tour.here[0].waybill_no[-4:])
    page.until("document.body.innerText.includes('不在本网点的清单上')")
    assert page.tab.evaluate("document.getElementById('opened').hidden")


def test_who_types_too_fast_is_asked_to_wait(browser: Any, tour: Tour) -> None:
    page = Page(browser, tour, tour.link(holder="hasty"))
    number = "97" + "0" * 7 + tour.here[0].waybill_no[-4:]
    for _ in range(4):
        page.find(number)
        page.tab.evaluate("new Promise(done => setTimeout(done, 300))")
    page.until("document.body.innerText.includes('查询过于频繁')")


def test_an_outcome_with_its_slip_reaches_the_record(page: Page, tour: Tour, tmp_path: Path) -> None:
    letter = tour.fresh()
    photo = tmp_path / "slip.jpg"
    photo.write_bytes(slip())
    page.signed(letter)
    assert "只拍签收联。不要拍人" in page.text
    document = page.tab.call("DOM.getDocument")["root"]["nodeId"]
    node = page.tab.call("DOM.querySelector", nodeId=document, selector="#slip")["nodeId"]
    page.tab.call("DOM.setFileInputFiles", files=[str(photo)], nodeId=node)
    page.until("!document.getElementById('preview').hidden")
    page.save()
    page.answered("taken")
    assert tour.codes(letter)[-1] == "courier:signed"
    assert tour.house.column("courier_report", "slip_sha256", attempt_id=letter.attempt_id) != [None]
    page.until(f"!document.getElementById('items').innerText.includes('…{letter.waybill_no[-4:]}')")
    assert page.stored() == "[]"
    assert page.tab.complaints == []


def test_a_tour_without_a_line_is_kept_sealed_and_synced_once(page: Page, tour: Tour) -> None:
    letter, other = tour.fresh(), tour.fresh()
    page.opened(letter.waybill_no)
    page.until(f"document.body.innerText.includes('{letter.name}')")
    page.click("#close")
    page.line(up=False)
    page.signed(letter, name="欧阳某甲")
    assert letter.name in page.text
    page.save()
    # Never seen before: no name without a line, but its outcome can be told.
    page.opened(other.waybill_no)
    assert other.name not in page.text
    page.choose("result", "absent")
    page.save()
    page.until("document.getElementById('pending-title').textContent === '待同步 2 条'")
    assert "离线" in page.text

    stored, left = page.stored(), page.tab.evaluate(LEFT)
    assert len(json.loads(stored)) == 3
    for readable in (
        "欧阳某甲",
        letter.name,
        letter.waybill_no,
        letter.phone,
        other.waybill_no,
        "signed",
        "配偶",
        "waybill",
    ):
        assert readable not in stored
        assert readable not in left.replace("signed", "") or readable in ("signed", "配偶", "waybill")
    token = tour.link().split("#")[1]
    assert token not in stored + left
    assert "courier:signed" not in tour.codes(letter)

    page.line(up=True)
    page.click("#sync")
    page.until("document.querySelectorAll('#answers li[data-status=taken]').length === 2")
    page.until("document.getElementById('pending').hidden")
    assert tour.codes(letter).count("courier:signed") == 1
    assert tour.codes(other).count("courier:absent") == 1
    page.until("document.getElementById('line').textContent === '在线'")
    assert page.stored() == "[]"


def test_the_page_opens_without_a_line_and_says_what_was_lost_by_closing_it(page: Page, tour: Tour) -> None:
    letter = tour.here[0]
    page.until("navigator.serviceWorker.controller !== null")
    page.until("caches.match('/courier/shell').then(kept => window.shell = Boolean(kept)) && window.shell")
    page.line(up=False)
    page.opened(letter.waybill_no)
    page.choose("result", "absent")
    page.save()
    page.until("!document.getElementById('pending').hidden")
    page.tab.evaluate("window.onbeforeunload = null")
    page.reload()
    page.until("document.body.innerText.includes('离线，没有可读的清单')")
    page.until("document.body.innerText.includes('上次有 1 条结果没有同步')")
    assert page.stored() == "[]"
    assert "courier:absent" not in tour.codes(letter)


def test_an_answer_that_got_lost_is_no_second_report(page: Page, tour: Tour) -> None:
    letter = tour.fresh()
    page.signed(letter)
    # The server takes it; its answer never arrives.
    page.tab.call("Fetch.enable", patterns=[{"urlPattern": "*/outcomes", "requestStage": "Response"}])
    page.tab.lose_answers = True
    page.save()
    page.until("document.getElementById('line').textContent === '离线'")
    assert tour.codes(letter).count("courier:signed") == 1
    page.tab.lose_answers = False
    page.tab.call("Fetch.disable")
    page.click("#sync")
    page.answered("duplicate")
    page.until("document.getElementById('pending').hidden")
    assert "没有重复登记" in page.text
    assert tour.codes(letter).count("courier:signed") == 1


def test_a_late_answer_is_not_shown_under_another_items_number(page: Page, tour: Tour) -> None:
    first, second = tour.here[:2]
    page.tab.evaluate(
        """{ const real = window.fetch; let held = true; window.fetch = async (...asked) => {
          const answer = await real(...asked); const wait = held; held = false;
          if (wait) await new Promise(done => { window.letGo = done; }); return answer; }; }"""
    )
    page.find(first.waybill_no)
    page.until("window.letGo")
    page.opened(second.waybill_no)
    page.until(f"document.body.innerText.includes('{second.name}')")
    page.tab.evaluate("window.letGo(); new Promise(done => setTimeout(done, 200))")
    assert first.name not in page.text or first.name == second.name
    assert second.name in page.text
    assert second.waybill_no in page.text


def test_a_report_that_is_added_while_another_is_sent_is_sent_as_well(page: Page, tour: Tour) -> None:
    first, second = tour.fresh(), tour.fresh()
    page.opened(first.waybill_no)
    page.choose("result", "absent")
    page.tab.evaluate(
        """{ const real = window.fetch; window.fetch = async (...asked) => {
          if (asked[0].endsWith('/outcomes') && !window.letGo) await new Promise(done => { window.letGo = done; });
          return real(...asked); }; }"""
    )
    # Tapped twice: one report.
    page.click("#outcome button[type=submit]")
    page.click("#outcome button[type=submit]")
    page.until("window.letGo")
    page.signed(second)
    page.save()
    page.until("document.getElementById('pending-title').textContent === '待同步 2 条'")
    page.tab.evaluate("window.letGo()")
    page.until("document.querySelectorAll('#answers li[data-status=taken]').length === 2")
    page.until("document.getElementById('pending').hidden")
    assert tour.codes(first).count("courier:absent") == 1
    assert tour.codes(second).count("courier:signed") == 1
    assert len(tour.house.column("courier_report", "id", attempt_id=first.attempt_id)) == 1
    page.until("document.getElementById('summary').textContent.includes('件')")
    assert page.stored() == "[]"


def test_an_expired_link_says_so_and_a_new_one_saves_the_tour(page: Page, tour: Tour) -> None:
    letter = tour.fresh()
    page.opened(letter.waybill_no)
    tour.house.now = MORNING + timedelta(hours=13)
    page.choose("result", "absent")
    page.save()
    page.until("!document.getElementById('renew').hidden")
    assert "链接已过期" in page.text
    assert "courier:absent" not in tour.codes(letter)
    page.choose("new-link", tour.link(OTHER))
    page.click("#renew button")
    page.until("document.body.innerText.includes('这不是本网点的链接')")
    page.choose("new-link", tour.link())
    page.click("#renew button")
    page.answered("taken")
    assert tour.codes(letter)[-1] == "courier:absent"


def test_a_revoked_link_leaves_nothing_that_was_shown_and_keeps_what_waits(page: Page, tour: Tour) -> None:
    letter, other = tour.fresh(), tour.fresh()
    page.opened(letter.waybill_no)
    page.line(up=False)
    page.choose("result", "absent")
    page.save()
    revoke(tour.house.house.engine, tour.tenant, OFFICE, holder=page.holder, by="ops-7", at=tour.house.now)
    page.line(up=True)
    page.click("#sync")
    page.until("document.body.innerText.includes('链接已被作废')")
    assert page.tab.evaluate("document.querySelectorAll('#items li').length") == 0
    assert [entry for entry in json.loads(page.stored()) if entry.startswith("shown")] == []
    assert letter.name not in page.text
    page.find(other.waybill_no)
    page.until("document.body.innerText.includes('链接已被作废')")
    assert other.name not in page.text
    assert "courier:absent" not in tour.codes(letter)
    page.choose("new-link", tour.link(holder=page.holder))
    page.click("#renew button")
    page.answered("taken")
    assert tour.codes(letter)[-1] == "courier:absent"


def test_a_link_that_is_expired_or_for_another_office_shows_nothing(browser: Any, tour: Tour) -> None:
    tour.house.now = MORNING - timedelta(hours=2)
    expired = tour.link(hours=1)
    tour.house.now = MORNING
    foreign = tour.link(OTHER).split("#")[0] + "#" + tour.link().split("#")[1]
    for url, word in ((expired, "链接已过期"), (foreign, "不是本网点的链接")):
        page = Page(browser, tour, url)
        page.until(f"document.body.innerText.includes('{word}')")
        assert page.tab.evaluate("document.querySelectorAll('#items li').length") == 0


def test_a_second_tab_does_not_wipe_the_first(page: Page, tour: Tour, browser: Any) -> None:
    second = browser.tab(width=PHONE, context=page.context)
    second.open(tour.link())
    assert "已在另一个标签页打开" in second.evaluate("document.body.innerText")


def test_a_barcode_opens_its_item_where_the_browser_reads_barcodes(browser: Any, tour: Tour, page: Page) -> None:
    """This browser has a camera (a made one) but no reader; a reader of its kind is given to the page."""
    assert page.tab.evaluate("document.getElementById('scan').hidden") is (
        not page.tab.evaluate("'BarcodeDetector' in window")
    )
    letter = tour.here[0]
    page.tab.call(
        "Page.addScriptToEvaluateOnNewDocument",
        source=f"""window.BarcodeDetector = class {{ async detect(video) {{
          return video.videoWidth ? [{{ rawValue: '?' }}, {{ rawValue: '{letter.waybill_no}' }}] : []; }} }};""",
    )
    browser.call("Browser.grantPermissions", {"permissions": ["videoCapture"], "browserContextId": page.context})
    page.reload()
    page.until("document.getElementById('summary').textContent.includes('件')")
    page.click("#scan")
    page.until(f"document.body.innerText.includes('{letter.name}')")
    assert tour.house.audited("courier.unmask")[-1][2]["how"] == "scanned"
    assert page.tab.evaluate("document.getElementById('video').srcObject") is None
