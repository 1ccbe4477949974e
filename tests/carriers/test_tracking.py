from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import orjson
import pytest

from songda.base import days
from songda.carriers import (
    BadEnvelope,
    BadPush,
    ContractConfig,
    NoAnswer,
    event_key,
    parse_push,
    parse_trace,
    push_ack,
    read_words,
)

NUMBER = "9812345678906"
ITEM = {
    "traceNo": NUMBER,
    "waybillNo": NUMBER,
    "opTime": "2026-11-26 11:03:20",
    "opOrgProvName": "浙江省",
    "opOrgCity": "杭州市",
    "opOrgCode": "31001201",
    "opOrgName": "西湖区投递部",
    "opCode": "704",
    "opName": "投递结果反馈-妥投",
    "opDesc": "您的快件已代签收【家人，，】，快递员【方志远，13900001234】",
    "operatorNo": "3100120177",
    "operatorName": "方志远",
    "deliverCode": "20",
}


def listed(*items):
    return orjson.dumps({"responseItems": list(items)}).decode()


def test_event_is_read_and_nothing_personal_stays():
    trace = parse_trace(listed(ITEM), waybill_no=NUMBER)
    (event,) = trace.events
    assert (event.op_code, event.deliver_code, event.signer, event.office) == ("704", "20", "家人", "31001201")
    assert event.op_time == datetime(2026, 11, 26, 3, 3, 20, tzinfo=UTC)
    assert "方志远" not in repr(trace)
    assert "13900001234" not in repr(trace)
    assert "方志远" in trace.words[0].decode()


def test_number_that_is_not_ours_differs_from_an_item_without_events():
    empty = listed()
    assert not parse_trace(empty, waybill_no=NUMBER, message="当前邮件无客户信息！").known
    assert not parse_trace("", waybill_no=NUMBER, message="当前邮件无客户信息！").known
    ordered = parse_trace(empty, waybill_no=NUMBER, message="查询结果正常返回！")
    assert ordered.known
    assert ordered.events == ()


@pytest.mark.parametrize(
    "text", ["<html>", '{"responseItems":"none"}', '{"responseItems":["704"]}', "[]", '{"responseItems":[{"opTi']
)
def test_text_that_is_no_list_of_events_is_no_answer(text):
    with pytest.raises(NoAnswer):
        parse_trace(text, waybill_no=NUMBER)


def test_events_of_another_letter_are_refused():
    with pytest.raises(NoAnswer, match="other_waybill_no"):
        parse_trace(listed(ITEM), waybill_no="9812345678907")


def test_event_without_a_readable_time_is_counted_and_the_others_stay():
    trace = parse_trace(listed(ITEM | {"opTime": "昨天"}, ITEM), waybill_no=NUMBER)
    assert (trace.malformed, len(trace.events)) == (1, 1)


def test_time_with_a_zone_keeps_its_instant():
    (event,) = parse_trace(listed(ITEM | {"opTime": "2026-11-26T03:03:20+00:00"}), waybill_no=NUMBER).events
    assert event.op_time == datetime(2026, 11, 26, 11, 3, 20, tzinfo=days.SHANGHAI)


def test_missing_office_and_null_fields_are_empty():
    item = {"waybillNo": NUMBER, "opTime": ITEM["opTime"], "opCode": 203, "opOrgCode": None, "opDesc": None}
    (event,) = parse_trace(listed(item), waybill_no=NUMBER).events
    assert (event.op_code, event.office, event.desc) == ("203", "", "")


def test_overlong_text_is_cut():
    (event,) = parse_trace(listed(ITEM | {"opDesc": "快" * 10_000, "opCode": "7" * 99}), waybill_no=NUMBER).events
    assert (len(event.desc), len(event.op_code)) == (500, 16)


def test_events_one_second_apart_are_two_and_repetitions_are_one():
    first, again, later = parse_trace(
        listed(ITEM, ITEM, ITEM | {"opTime": "2026-11-26 11:03:21"}), waybill_no=NUMBER
    ).events
    assert event_key(first) == event_key(again)
    assert later.op_time - first.op_time == timedelta(seconds=1)
    assert event_key(first) != event_key(later)


@pytest.fixture
def contract():
    return ContractConfig(
        endpoint="https://carrier.example/open",
        sender_no="1100000000000",
        authorization="c2l4dGVlbiBieXRlIGtleQ==",
        biz_product_no="1",
    )


def pushed(contract, item=None, **changes):
    item = item or {name: value for name, value in ITEM.items() if name not in {"traceNo", "deliverCode"}}
    call = {
        "senderNo": contract.sender_no,
        "method": "040002",
        "msgType": "0",
        "version": "v1.0.0",
        "timeStamp": "2026-11-26 11:03:30",
        "serialNo": "981234567890600001",
        "logitcsInterface": contract.envelope().seal_push(orjson.dumps(item)),
    }
    return {name: value for name, value in (call | changes).items() if value is not None}


@pytest.mark.parametrize("encode", [orjson.dumps, lambda call: urlencode(call).encode()], ids=["json", "form"])
def test_push_is_read_as_json_and_as_form(contract, encode):
    push = parse_push(encode(pushed(contract)), contract)
    event = read_words(push.raw, waybill_no=push.waybill_no, addressee=None)
    assert event is not None
    assert (push.serial_no, event.waybill_no, event.op_code) == ("981234567890600001", NUMBER, "704")
    assert push_ack(push, contract) == {
        "serialNo": push.serial_no,
        "code": "00000",
        "codeMessage": "成功",
        "senderNo": contract.sender_no,
    }
    assert "方志远" not in repr(push)


def test_push_and_query_of_one_event_have_one_key(contract):
    (queried,) = parse_trace(listed(ITEM), waybill_no=NUMBER).events
    push = parse_push(orjson.dumps(pushed(contract)), contract)
    told = read_words(push.raw, waybill_no=push.waybill_no, addressee=None)
    assert told is not None
    assert event_key(told) == event_key(queried)


@pytest.mark.parametrize(
    "changes",
    [
        {"senderNo": "1100000000001"},
        {"method": "040001"},
        {"method": None},
        {"serialNo": None},
        {"logitcsInterface": None},
        {"item": {"opCode": "704"}},
        {"item": {"waybillNo": NUMBER, "opCode": "704", "opTime": "?"}},
    ],
)
def test_push_that_is_not_ours_is_refused(contract, changes):
    with pytest.raises(BadPush):
        parse_push(orjson.dumps(pushed(contract, **changes)), contract)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[1]", b"a=b&" * 1000])
def test_noise_is_refused(contract, body):
    with pytest.raises(BadPush):
        parse_push(body, contract)


def test_forged_push_under_another_key_is_refused(contract):
    forged = ContractConfig(
        endpoint=contract.endpoint,
        sender_no=contract.sender_no,
        authorization="YW5vdGhlciBzaWduIGtleQ==",
        biz_product_no="1",
    )
    with pytest.raises(BadEnvelope):
        parse_push(orjson.dumps(pushed(forged)), contract)


@pytest.mark.parametrize(
    "time", ["0001-01-01 00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31 23:59:59", "9999-12-31T23:59:59-12:00"]
)
def test_a_time_at_the_end_of_a_calendar_is_no_time(time):
    trace = parse_trace(listed(ITEM, {**ITEM, "opTime": time}), waybill_no=NUMBER)
    assert len(trace.events) == 1
    assert trace.malformed == 1


def test_no_control_character_comes_into_an_event():
    dirty = {**ITEM, "opCode": "7\x0004", "opOrgCode": "31001201\x00", "opOrgName": "西湖区\x00投递部"}
    (event,) = parse_trace(listed(dirty), waybill_no=NUMBER).events
    assert (event.op_code, event.office, event.office_name) == ("7 04", "31001201", "西湖区 投递部")
