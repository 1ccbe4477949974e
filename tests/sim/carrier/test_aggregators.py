"""快递100 and 快递鸟 at the stand-in, spoken to by hand in the published formats; their pushes to a real receiver."""

import base64
import hashlib
import threading
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import httpx
import orjson
import pytest

from songda.base import days
from songda.carriers import AggregatorAccount, ContractConfig, open_aggregator, read_push
from songda.sim.carrier import PlannedEvent, SimContract, StandIn

POSTED = days.at(date(2026, 11, 24), 17)
KEY = SimContract().aggregator_key


def way(letter):
    """Signed by mistake: the correction is told by the carrier alone."""
    steps = ((1, "203", ""), (20, "702", ""), (23, "704", "20"), (25, "743", ""))
    return [
        PlannedEvent(op_time=POSTED + timedelta(hours=hours), op_code=code, deliver_code=qualifier, desc=f"第{code}步")
        for hours, code, qualifier in steps
    ]


@pytest.fixture
def receiver():
    """Takes pushes of both and answers each in its own words."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(body)
            answer = orjson.dumps({"result": True, "returnCode": "200", "Success": True})
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/push", received
    server.shutdown()
    server.server_close()


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def ask_kuaidi(post, number, *, sign=None, **changes):
    param = orjson.dumps({"com": "ems", "num": number} | changes).decode()
    form = {"customer": "STANDIN", "param": param, "sign": sign or md5(param + KEY + "STANDIN").upper()}
    return httpx.post(post.base_url + "/poll/query.do", data=form, trust_env=False).json()


def ask_bird(post, number, request_type="8002"):
    data = orjson.dumps({"ShipperCode": "EMS", "LogisticCode": number}).decode()
    sign = base64.b64encode(md5(data + KEY).encode()).decode()
    form = {"RequestData": data, "EBusinessID": "STANDIN", "RequestType": request_type, "DataSign": sign}
    return httpx.post(post.base_url + "/Ebusiness/EbusinessOrderHandle.aspx", data=form, trust_env=False).json()


@pytest.fixture
def shipped(customer_of):
    with StandIn(SimContract(starts_at=POSTED), courier=way) as post:
        number = customer_of(post).waybill("a")
        post.hand_over([number], at=POSTED)
        yield post, number


def test_kuaidi_tells_newest_first_with_its_codes_and_never_the_correction(shipped):
    post, number = shipped
    post.advance(POSTED + timedelta(days=2))
    answer = ask_kuaidi(post, number)
    assert (answer["status"], answer["state"], answer["ischeck"], answer["nu"]) == ("200", "3", "1", number)
    assert [row["statusCode"] for row in answer["data"]] == ["303", "5", "103"]


def test_kuaidi_refuses_locks_and_has_nothing_yet(shipped):
    post, number = shipped
    assert ask_kuaidi(post, number, sign="X")["returnCode"] == "503"
    assert ask_kuaidi(post, number, com="sf")["returnCode"] == "400"
    assert ask_kuaidi(post, number)["returnCode"] == "500"
    assert ask_kuaidi(post, number)["returnCode"] == "504"
    post.advance(POSTED + timedelta(hours=2))
    assert ask_kuaidi(post, number)["status"] == "200"


def test_bird_tells_actions_when_paid_and_the_state_alone_when_not(shipped):
    post, number = shipped
    assert ask_bird(post, number)["State"] == "0"
    post.advance(POSTED + timedelta(days=2))
    paid, free = ask_bird(post, number), ask_bird(post, number, "1002")
    assert (paid["State"], paid["StateEx"]) == ("3", "304")
    assert [trace["Action"] for trace in paid["Traces"]] == ["1", "202", "304"]
    assert free["State"] == "3"
    assert not any("Action" in trace for trace in free["Traces"])


@pytest.mark.parametrize("kind", ["kuaidi100", "kdniao"])
def test_subscribed_numbers_are_pushed_whole_signed_and_until_they_are_taken(receiver, customer_of, kind):
    url, received = receiver
    with StandIn(SimContract(starts_at=POSTED, bird_push_url=url), courier=way) as post:
        account = AggregatorAccount(**post.account(kind), salt="grain")
        number = customer_of(post).waybill("a")
        post.hand_over([number], at=POSTED)
        with open_aggregator(account) as tracker:
            assert tracker.subscribe(number, callback_url=url) is None
            assert tracker.subscribe(number, callback_url=url) is None
        assert post.advance(POSTED + timedelta(hours=2))["pushed_by_aggregators"] == 1
        assert post.advance(POSTED + timedelta(hours=3))["pushed_by_aggregators"] == 0
        assert post.advance(POSTED + timedelta(days=2))["pushed_by_aggregators"] == 1
        contract = ContractConfig(**post.settings())
    pushes = [read_push(body, contract, [account]).traces[0] for body in received]
    assert [len(trace.events) for trace in pushes] == [1, 3]
    assert {trace.waybill_no for trace in pushes} == {number}
    name = "param" if kind == "kuaidi100" else "RequestData"
    assert name in dict(parse_qsl(received[0].decode()))
