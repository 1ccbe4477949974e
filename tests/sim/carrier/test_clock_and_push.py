"""The virtual clock, the physical hand-over, and pushes (040002) to a subscriber."""

import threading
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import orjson
import pytest

from songda.base import days
from songda.sim.carrier import PlannedEvent, SimContract, StandIn
from songda.sim.carrier.wire import Wire

POSTED_AT = days.at(date(2026, 11, 24), 17)


@pytest.fixture
def subscriber():
    """A receiver that keeps what is pushed and acknowledges it while `accepting`."""
    received, state = [], {"accepting": True}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            call = orjson.loads(body) if body[:1] == b"{" else dict(parse_qsl(body.decode()))
            received.append(call)
            ack = {"serialNo": call["serialNo"], "code": "00000" if state["accepting"] else "1", "codeMessage": "成功"}
            answer = orjson.dumps(ack | {"senderNo": call["senderNo"]})
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/push", received, state
    server.shutdown()
    server.server_close()


def three_events(letter):
    """A courier: accepted, out for delivery, signed; the second shows a day late."""
    at = letter.handed_over_at
    return [
        PlannedEvent(
            op_time=at + timedelta(hours=1), op_code="203", desc="中国邮政 已收取快件", office_code="31000001"
        ),
        PlannedEvent(op_time=at + timedelta(hours=20), op_code="702", visible_at=at + timedelta(hours=44)),
        PlannedEvent(op_time=at + timedelta(hours=23), op_code="704", deliver_code="10", operator_name="方志远"),
    ]


class NamedCourier:
    """Tells the receiver's city back, to show that the letter reaches the courier as ordered."""

    def __call__(self, letter):
        desc = f"{letter.prov}{letter.city}{letter.county}{letter.order_no}"
        return [PlannedEvent(op_time=letter.handed_over_at, op_code="203", desc=desc)]


def test_events_show_when_the_clock_reaches_them_and_in_order_of_arrival(customer_of):
    with StandIn(SimContract(starts_at=POSTED_AT), courier=three_events) as post:
        customer = customer_of(post)
        number = customer.waybill("a")
        post.hand_over([number], at=POSTED_AT)
        seen = []
        for hours in (0, 2, 24, 48):
            post.advance(POSTED_AT + timedelta(hours=hours))
            seen.append([event["opCode"] for event in customer.trace(number)])
        assert seen == [[], ["203"], ["203", "704"], ["203", "704", "702"]]


def test_event_is_written_as_the_carrier_writes_it(customer_of):
    with StandIn(SimContract(starts_at=POSTED_AT), courier=three_events) as post:
        customer = customer_of(post)
        number = customer.waybill("a")
        post.hand_over([number], at=POSTED_AT)
        post.advance(POSTED_AT + timedelta(days=3))
        accepted, signed, _ = customer.trace(number)
        assert accepted == {
            "traceNo": number,
            "waybillNo": number,
            "opTime": "2026-11-24 18:00:00",
            "opCode": "203",
            "opDesc": "中国邮政 已收取快件",
            "opOrgCode": "31000001",
        }
        assert (signed["deliverCode"], signed["operatorName"]) == ("10", "方志远")


def test_clock_never_goes_back(customer_of):
    with StandIn(SimContract(starts_at=POSTED_AT)) as post:
        post.advance(POSTED_AT + timedelta(days=2))
        answer = post.advance(POSTED_AT)
        assert answer["now"] == (POSTED_AT + timedelta(days=2)).isoformat()


def test_item_not_handed_over_has_no_events_and_strange_numbers_are_told(customer_of):
    with StandIn(SimContract(starts_at=POSTED_AT), courier=three_events) as post:
        customer = customer_of(post)
        number = customer.waybill("a")
        post.advance(POSTED_AT + timedelta(days=9))
        assert customer.trace(number) == []
        assert post.hand_over([number, "1", "2"], at=POSTED_AT) == ["1", "2"]


def test_hand_over_twice_is_one_hand_over(customer_of):
    with StandIn(SimContract(starts_at=POSTED_AT), courier=three_events) as post:
        customer = customer_of(post)
        number = customer.waybill("a")
        post.hand_over([number, number], at=POSTED_AT)
        post.hand_over([number], at=POSTED_AT + timedelta(days=1))
        post.advance(POSTED_AT + timedelta(days=9))
        assert len(customer.trace(number)) == 3
        assert post.stats()["handed_over"] == 1


def test_courier_is_told_the_receiver(customer_of):
    with StandIn(SimContract(starts_at=POSTED_AT), courier=NamedCourier()) as post:
        customer = customer_of(post)
        number = customer.waybill("a")
        post.hand_over([number], at=POSTED_AT)
        assert customer.trace(number)[0]["opDesc"] == "浙江省杭州市西湖区a"


@pytest.mark.parametrize("push_as", ["json", "form"])
def test_events_are_pushed_once_each_bare_and_without_delivery_codes(subscriber, customer_of, push_as):
    url, received, _ = subscriber
    contract = SimContract(starts_at=POSTED_AT, push_url=url, push_as=push_as)
    with StandIn(contract, courier=three_events) as post:
        number = customer_of(post).waybill("a")
        post.hand_over([number], at=POSTED_AT)
        assert post.advance(POSTED_AT + timedelta(hours=2))["pushed"] == 1
        assert post.advance(POSTED_AT + timedelta(days=3))["pushed"] == 2
    assert {call["method"] for call in received} == {"040002"}
    assert len({call["serialNo"] for call in received}) == 3
    opened = [orjson.loads(opened_push(contract, call)) for call in received]
    # Pushes travel side by side: only the first, of an earlier hour, has a place of its own.
    assert opened[0]["opCode"] == "203"
    assert sorted(event["opCode"] for event in opened) == ["203", "702", "704"]
    assert {event["orderNo"] for event in opened} == {"a"}
    assert all("deliverCode" not in event for event in opened)


def opened_push(contract, call):
    # A push has no key behind it; sealing the same bytes again must give the same text (ECB).
    from songda.carriers import Envelope

    raw = Envelope(contract.key).open_push(call["logitcsInterface"])
    assert Wire(contract.key).wrap_push(raw) == call["logitcsInterface"]
    return raw


def test_unacknowledged_push_waits_for_the_next_turn(subscriber, customer_of):
    url, received, state = subscriber
    with StandIn(SimContract(starts_at=POSTED_AT, push_url=url), courier=three_events) as post:
        post.hand_over([customer_of(post).waybill("a")], at=POSTED_AT)
        state["accepting"] = False
        turn = post.advance(POSTED_AT + timedelta(hours=2))
        assert (turn["pushed"], turn["unpushed"]) == (0, 1)
        state["accepting"] = True
        turn = post.advance(POSTED_AT + timedelta(hours=3))
        assert (turn["pushed"], turn["unpushed"]) == (1, 0)
    assert len({call["serialNo"] for call in received}) == 1


def test_push_faults_repeat_and_withhold(subscriber, customer_of):
    url, received, _ = subscriber
    with StandIn(SimContract(starts_at=POSTED_AT, push_url=url), courier=three_events) as post:
        customer = customer_of(post)
        post.hand_over([customer.waybill("a"), customer.waybill("b")], at=POSTED_AT)
        post.fault("push_twice", count=1)
        post.advance(POSTED_AT + timedelta(hours=2))
        assert len(received) == 3
        assert len({call["serialNo"] for call in received}) == 2
        post.fault("push_never")
        post.advance(POSTED_AT + timedelta(days=3))
        assert len(received) == 3
