import os
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from songda.base import days
from songda.sim.carrier import PlannedEvent, SimContract, StandIn, StandInFailed
from songda.sim.carrier.book import Book
from songda.sim.carrier.faults import Fault, Menu

POSTED_AT = days.at(date(2026, 11, 24), 17)


@pytest.fixture(scope="module")
def post():
    with StandIn() as stand_in:
        yield stand_in


@pytest.fixture
def customer(post, customer_of):
    post.clear_faults()
    return customer_of(post)


@pytest.mark.parametrize(
    ("kind", "error", "taken"),
    [
        ("reset_before", httpx.ReadError, 0),
        ("reset_after", httpx.ReadError, 1),
        ("cut", httpx.HTTPError, 1),
        ("html_before", httpx.HTTPStatusError, 0),
        ("html_after", httpx.HTTPStatusError, 1),
        ("truncated", ValueError, 1),
    ],
)
def test_fault_strikes_once_before_or_after_the_order_is_taken(customer, post, kind, error, taken):
    before = post.stats()["orders"]
    post.fault(kind, count=1)
    with pytest.raises(error):
        customer.order(f"fault-{kind}")
    assert post.stats()["orders"] == before + taken
    assert customer.order("after")["retCode"] == "00000"


def test_dropped_answer_never_comes_though_the_order_is_taken(customer, post):
    before = post.stats()["orders"]
    post.fault("drop_answer", count=1)
    customer.http.timeout = 0.3
    with pytest.raises(httpx.ReadTimeout):
        customer.order("dropped")
    assert post.stats()["orders"] == before + 1


def test_latency_delays_and_answers(customer, post):
    post.fault("latency", count=1, seconds=0.3)
    start = time.monotonic()
    assert customer.order("slow")["retCode"] == "00000"
    assert time.monotonic() - start >= 0.3


def test_chosen_code_is_refused_for_the_chosen_operation_only(customer, post):
    post.fault("refuse", api_code="020003", code="B00123", message="网点停运")
    assert customer.call("040001", {"waybillNo": "1"})["retCode"] == "00000"
    answer = customer.order("chosen")
    assert (answer["retCode"], answer["retMsg"]) == ("B00123", "网点停运")


def test_gbk_answer_is_gbk(customer, post):
    post.fault("gbk", count=1)
    content = customer.http.post(post.url, data=customer.form("040001", {"waybillNo": "1"})).content
    with pytest.raises(UnicodeDecodeError):
        content.decode()
    assert "当前邮件无客户信息" in content.decode("gb18030")


@pytest.mark.parametrize("fault", [{"kind": "earthquake"}, {"kind": "gbk", "probability": 2}, {"kind": "gbk", "x": 1}])
def test_fault_that_is_not_on_the_menu_is_refused(post, fault):
    assert httpx.post(post.base_url + "/sim/faults", json=fault, trust_env=False).status_code == 400


def test_probability_is_kept_and_draws_are_reproducible():
    def struck(seed):
        menu = Menu(seed)
        menu.add(Fault(kind="truncated", probability=0.2))
        return [bool(menu.strike(api_code="020003")) for _ in range(2000)]

    assert 300 < sum(struck(1)) < 500
    assert struck(1) == struck(1) != struck(2)


def test_orders_survive_a_kill_and_a_repeat_after_it_is_seen(customer_of, tmp_path):
    contract = SimContract(starts_at=POSTED_AT, number_range=("1100000000001", "1100000000009"))
    with StandIn(contract, state_dir=tmp_path) as post:
        customer = customer_of(post)
        allotted = customer.waybill("a")
        own = customer.waybill("b", waybillNo="1100000000001")
        cancelled = customer.waybill("c")
        body = {"logisticsOrderNo": "c", "waybillNo": cancelled, "cancelReason": "撤回"}
        assert customer.call("020006", body)["retCode"] == "00000"
        post.hand_over([allotted], at=POSTED_AT)
        post.advance(POSTED_AT + timedelta(days=30))
        before, events = post.stats(), customer.trace(allotted)

        post.kill()
        post.start()
        after = post.stats()
        kept = ("now", "orders", "waybills", "cancelled", "handed_over", "duplicates")
        assert [after[name] for name in kept] == [before[name] for name in kept]
        assert customer.trace(allotted) == events
        assert customer.waybill("a") not in {allotted, own, cancelled}
        assert post.stats()["duplicates"] == 1
        assert post.stats()["double_ordered"] == ["a"]
        post.hand_over([own], at=POSTED_AT + timedelta(days=30))
        post.advance(POSTED_AT + timedelta(days=60))
        assert "杭州市" in str(customer.trace(own))


def test_idempotent_repeat_after_a_kill_is_the_same_order(customer_of, tmp_path):
    with StandIn(SimContract(orders_idempotent=True), state_dir=tmp_path) as post:
        customer = customer_of(post)
        first = customer.waybill("a")
        post.kill()
        post.start()
        assert customer.waybill("a") == first
        assert (post.stats()["duplicates"], post.stats()["repeats"]) == (0, 1)


def test_last_line_cut_off_by_a_kill_is_dropped(customer_of, tmp_path):
    with StandIn(state_dir=tmp_path) as post:
        customer_of(post).waybill("a")
    log = tmp_path / "carrier.jsonl"
    with log.open("ab") as lines:
        lines.write(b'{"op":"order","no":"b","wayb')
    with StandIn(state_dir=tmp_path) as post:
        assert post.stats()["orders"] == 1
        customer_of(post).waybill("b")
    with StandIn(state_dir=tmp_path) as post:
        assert post.stats()["orders"] == 2


def test_state_folder_holds_no_receiver_in_the_clear(customer_of, tmp_path):
    with StandIn(state_dir=tmp_path) as post:
        number = customer_of(post).waybill("a")
        post.hand_over([number], at=POSTED_AT)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert number.encode() in written
    for personal in ("柳如烟", "13900000000", "文一路", "401室"):
        assert personal.encode() not in written
    assert oct((tmp_path / "carrier.jsonl").stat().st_mode)[-3:] == "600"


def test_state_sealed_with_a_key_of_its_own_is_taken_up_by_whoever_passes_the_key(customer_of, tmp_path):
    with StandIn(state_dir=tmp_path, state_key=b"held by the parent") as post:
        number = customer_of(post).waybill("a")
        post.hand_over([number], at=POSTED_AT)
    with StandIn(state_dir=tmp_path, state_key=b"held by the parent") as post:
        post.advance(days.now() + timedelta(days=30))
        assert "杭州市" in str(customer_of(post).trace(number))
    assert b"held by the parent" not in (tmp_path / "carrier.jsonl").read_bytes()
    with pytest.raises(StandInFailed), StandIn(state_dir=tmp_path):
        pass


def test_courier_is_asked_once_and_only_when_somebody_looks():
    asked = []

    def courier(letter):
        asked.append(letter.waybill_no)
        return [PlannedEvent(op_time=letter.handed_over_at, op_code="203")]

    book = Book(SimContract(starts_at=POSTED_AT), courier, None)
    item = book.order({"logisticsOrderNo": "a", "receiver": {"name": "柳如烟"}})
    assert [*book.shown(item)] == []
    book.hand_over([item.waybill_no], POSTED_AT)
    assert asked == []
    assert len([*book.shown(item)]) == len([*book.shown(item)]) == 1
    assert asked == [item.waybill_no]
    assert item.receiver == ()


STARTER = """
import sys, time
from songda.sim.carrier import StandIn
post = StandIn(); post.start()
print(post._process.pid, flush=True); time.sleep(60)
"""


def test_server_ends_with_the_process_that_started_it():
    with subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE) as starter:
        pid = int(starter.stdout.readline())
        os.kill(pid, 0)
        starter.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and alive(pid):
        time.sleep(0.05)
    assert not alive(pid)


def alive(pid):
    try:
        with Path(f"/proc/{pid}/stat").open() as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
