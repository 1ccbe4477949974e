"""快递100 and 快递鸟: their clients against the stand-in over real HTTP, and their pushes."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from songda.base import days
from songda.carriers import (
    AggregatorAccount,
    BadContract,
    BadPush,
    ChinaPost,
    ContractConfig,
    LineCut,
    NoAnswer,
    Refused,
    Trace,
    fold,
    load_mapping,
    open_aggregator,
    open_http,
    read_push,
    read_words,
    redact_desc,
    to_fact,
)
from songda.sim.carrier import PlannedEvent, SimContract, StandIn

KINDS = ["kuaidi100", "kdniao"]
POSTED = days.at(days.business_day(days.now()), 8)


def courier(letter):
    """Posted, on the road, signed for in person on the next day, with a correction that aggregators never tell."""
    says = "您的快件已签收【本人，，】，如有疑问请联系快递员【方志远，13900001234】"
    return [
        PlannedEvent(op_time=POSTED + timedelta(hours=hours), op_code=code, desc=desc, deliver_code=qualifier)
        for hours, code, qualifier, desc in (
            (1, "203", "", "中国邮政 已收取快件"),
            (20, "702", "", "快件正在派送中，快递员【方志远，13900001234】"),
            (24, "704", "10", says),
            (26, "743", "", "投递结果已更正"),
        )
    ]


@pytest.fixture(scope="module")
def stand_in():
    with StandIn(SimContract(starts_at=POSTED), courier=courier) as post:
        yield post


@pytest.fixture
def shipped(stand_in, make_order):
    """The number of a new item, four days on its way."""
    stand_in.clear_faults()
    contract = ContractConfig(**stand_in.settings())
    with open_http(contract) as http:
        number = ChinaPost(contract, http).order(make_order(f"kd-{days.now().timestamp()}")).waybill_no
    assert stand_in.hand_over([number], at=POSTED) == []
    stand_in.advance(POSTED + timedelta(days=4))
    return number


def asking(stand_in, kind, **changes):
    return open_aggregator(AggregatorAccount(**stand_in.account(kind) | changes))


@pytest.mark.parametrize("kind", KINDS)
def test_events_of_both_come_as_neutral_events_without_persons(stand_in, shipped, kind):
    with asking(stand_in, kind) as tracker:
        trace = tracker.trace(shipped)
    prefix = "kd100:" if kind == "kuaidi100" else "kdniao:"
    assert trace.known
    assert all(event.op_code.startswith(prefix) and event.op_time.tzinfo for event in trace.events)
    assert [to_fact(event, load_mapping()) for event in sorted(trace.events, key=lambda e: e.op_time)] == [
        "accepted",
        "out_for_delivery",
        "signed_unclear",
    ]
    assert "方志远" not in repr(trace)
    outcome = fold(trace.events, mapping=load_mapping(), handed_over_at=POSTED)
    assert (outcome.state, outcome.grade, outcome.flags) == ("signed", "C", ("second_hand",))


@pytest.mark.parametrize("kind", KINDS)
def test_words_alone_tell_the_event_again(stand_in, shipped, kind):
    with asking(stand_in, kind) as tracker:
        trace = tracker.trace(shipped)
    assert tuple(read_words(words, waybill_no=shipped, addressee=None) for words in trace.words) == trace.events


@pytest.mark.parametrize("kind", KINDS)
def test_a_number_that_nobody_knows_is_nothing_yet(stand_in, kind):
    with asking(stand_in, kind) as tracker:
        trace = tracker.trace("9899999999999")
    assert (trace.known, trace.events) == (True, ())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("changes", [{"key": "wrong"}, {"customer": "somebody"}, {"company": "sf"}])
def test_a_refused_question_is_asked_once(stand_in, shipped, kind, changes):
    with asking(stand_in, kind, **changes) as tracker:
        answer = tracker.trace(shipped)
    assert isinstance(answer, Refused)


def test_a_number_asked_for_twice_within_half_an_hour_is_locked_and_everybody_left_alone(stand_in, shipped):
    with asking(stand_in, "kuaidi100", query_attempts=1) as tracker:
        assert isinstance(tracker.trace(shipped), Trace)
        with pytest.raises(NoAnswer, match="kd100_504"):
            tracker.trace(shipped)
        with pytest.raises(LineCut):
            tracker.trace("9800000099999")


def test_phone_digits_are_asked_for_where_the_carrier_wants_them(make_order):
    with StandIn(SimContract(aggregator_phone_tail="0000")) as post:
        with asking(post, "kuaidi100") as tracker:
            assert tracker.trace("9800000000006").code == "kd100:408"
        with asking(post, "kuaidi100", phone_tail="0000") as tracker:
            assert isinstance(tracker.trace("9800000000006"), Trace)


@pytest.mark.parametrize("fault", ["html_before", "refuse"])
def test_a_passing_fault_is_asked_again(stand_in, fault):
    stand_in.clear_faults()
    stand_in.fault(fault, api_code="kd100", count=1)
    with asking(stand_in, "kuaidi100") as tracker:
        assert isinstance(tracker.trace("9800000077777" if fault == "refuse" else "9800000077778"), Trace)


def test_a_question_whose_answer_got_lost_is_not_asked_again_because_that_would_lock_the_number(stand_in):
    stand_in.clear_faults()
    stand_in.fault("truncated", api_code="kd100", count=1)
    with asking(stand_in, "kuaidi100") as tracker, pytest.raises(NoAnswer, match="not_json"):
        tracker.trace("9800000077779")


def test_free_query_of_kdniao_tells_the_state_of_the_newest_trace_only(stand_in, shipped):
    with asking(stand_in, "kdniao", request_type="1002") as tracker:
        trace = tracker.trace(shipped)
    codes = [event.op_code for event in sorted(trace.events, key=lambda each: each.op_time)]
    assert codes == ["kdniao:-", "kdniao:-", "kdniao:3"]


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"kind": "else"}, "fallback.kind"),
        ({"key": ""}, "fallback.key"),
        ({"endpoint": "http://poll.example/q"}, "fallback.endpoint"),
    ],
)
def test_account_that_cannot_be_used_is_refused_by_name(changes, setting):
    good = AggregatorAccount(kind="kuaidi100", customer="C", key="K", company="ems")
    assert good.query_url.startswith("https://poll.kuaidi100.com/")
    assert "K" not in repr(good).replace("Kuaidi", "").replace("AggregatorAccount", "")
    with pytest.raises(BadContract) as error:
        replace(good, **changes)
    assert error.value.data["setting"] == setting


CONTRACT = ContractConfig(
    endpoint="http://127.0.0.1/x", sender_no="1", authorization=base64.b64encode(bytes(16)).decode(), biz_product_no="1"
)
KD100 = AggregatorAccount(kind="kuaidi100", customer="C", key="K", company="ems", salt="S")
KDNIAO = AggregatorAccount(kind="kdniao", customer="C", key="K", company="EMS")


def kd100_push(salt="S", **changes):
    rows = [{"ftime": "2026-11-26 11:00:00", "context": "已签收", "statusCode": "301"}]
    param = json.dumps({"status": "polling", "lastResult": {"nu": "9812345678906", "data": rows} | changes})
    sign = hashlib.md5((param + salt).encode()).hexdigest().upper()
    return urlencode({"param": param, "sign": sign}).encode()


def kdniao_push(key="K", request_type="102", data=None):
    traces = [{"AcceptTime": "2026-11-26 11:00:00", "AcceptStation": "已签收", "Action": "301"}]
    entries = [{"LogisticCode": number, "Traces": traces} for number in ("9812345678906", "9812345678907")]
    text = json.dumps({"EBusinessID": "C", "Count": "2", "Data": entries if data is None else data})
    sign = base64.b64encode(hashlib.md5((text + key).encode()).hexdigest().encode()).decode()
    return urlencode({"RequestData": text, "RequestType": request_type, "DataSign": sign}).encode()


def test_pushes_of_both_are_read_and_acknowledged_in_their_own_words():
    pushed = read_push(kd100_push(), CONTRACT, [KD100, KDNIAO])
    assert [(t.waybill_no, t.events[0].op_code) for t in pushed.traces] == [("9812345678906", "kd100:301")]
    assert pushed.ack(days.now())["returnCode"] == "200"
    pushed = read_push(kdniao_push(), CONTRACT, [KD100, KDNIAO])
    assert [t.waybill_no for t in pushed.traces] == ["9812345678906", "9812345678907"]
    assert pushed.ack(days.now())["Success"] is True


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (kd100_push(salt="forged"), "signature"),
        (kd100_push(nu=""), "number"),
        (kd100_push(data=None), "no_list_of_events"),
        (kdniao_push(key="forged"), "signature"),
        (kdniao_push(request_type="1"), "request_type"),
        (kdniao_push(data="x"), "data"),
        (kd100_push(nu="98123\x00"), "number"),
        (kdniao_push(data=[{"LogisticCode": None}]), "number"),
        (urlencode({"param": "{}", "sign": "é"}).encode(), "signature"),
        (urlencode({"RequestData": "{}", "DataSign": "é"}).encode(), "signature"),
        (b'{"param": 1, "sign": 2}', "signature"),
        (b'{"RequestData": 1, "DataSign": 2}', "signature"),
    ],
)
def test_63_a_push_that_is_forged_or_malformed_is_refused(body, reason):
    with pytest.raises(BadPush, match=reason):
        read_push(body, CONTRACT, [KD100, KDNIAO])


@pytest.mark.parametrize(
    "own", [{"opTime": "2026-11-26 11:00:00", "opCode": "704"}, {"code_prefix": "", "code": "704"}]
)
def test_an_aggregator_cannot_speak_as_the_carrier(own):
    told = {
        "ftime": "2026-11-26 11:00:00",
        "context": "已签收",
        "time": "2026-11-26 11:00:00",
        "deliverCode": "10",
    } | own
    (trace,) = read_push(kd100_push(data=[told]), CONTRACT, [KD100]).traces
    assert (trace.events, trace.words, trace.malformed) == ((), (), 1)
    told = {"AcceptTime": "2026-11-26 11:00:00", "deliverCode": "10"} | own
    entry = {"LogisticCode": "9812345678906", "Traces": [told]}
    (trace,) = read_push(kdniao_push(data=[entry]), CONTRACT, [KDNIAO]).traces
    assert (trace.events, trace.words, trace.malformed) == ((), (), 1)


def test_a_push_of_an_aggregator_without_an_account_or_salt_is_refused():
    with pytest.raises(BadPush, match="no_account"):
        read_push(kd100_push(), CONTRACT)
    with pytest.raises(BadPush, match="signature"):
        read_push(kd100_push(salt=""), CONTRACT, [replace(KD100, salt=None)])


def test_couriers_named_with_a_number_after_a_stroke_are_masked():
    text = "【谢某平/15200000208】正在派件，【深圳宝安区二部/网点电话18100000589】"
    assert redact_desc(text) == "【***】正在派件，【***】"
