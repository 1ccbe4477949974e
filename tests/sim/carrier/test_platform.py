"""The stand-in's side of the published format: every call that is not as specified is refused."""

import base64
from datetime import timedelta

import orjson
import pytest

from songda.base import days
from songda.sim.carrier import SimContract, StandIn


@pytest.fixture(scope="module")
def post():
    with StandIn(SimContract(number_range=("1100000000001", "1100000000009"))) as stand_in:
        yield stand_in


@pytest.fixture
def customer(post, customer_of):
    post.clear_faults()
    return customer_of(post)


def test_answer_has_the_platforms_fields_and_its_body_is_text(customer):
    answer = customer.order("envelope")
    assert answer.keys() == {"serialNo", "retCode", "retMsg", "retBody", "retDate", "success"}
    assert (answer["retCode"], answer["retMsg"]) == ("00000", "成功交运订单")
    assert isinstance(answer["retBody"], str)
    assert orjson.loads(answer["retBody"])["logisticsOrderNo"] == "envelope"


@pytest.mark.parametrize(
    "changes",
    [
        {"senderNo": "1100000000009"},
        {"senderNo": None},
        {"authorization": "wrong"},
        {"authorization": None},
        {"timeStamp": None},
        {"timeStamp": "2026/11/24 10:00"},
        {"timeStamp": "2020-01-01 00:00:00"},
        {"msgType": "1"},
        {"apiCode": None},
        {"apiCode": "020099"},
        {"apiCode": "060001"},
        {"logitcsInterface": None},
        {"logitcsInterface": ""},
    ],
)
def test_call_without_right_access_time_or_operation_is_refused(customer, order, changes):
    before = customer.post.stats()["waybills"]
    assert customer.call("020003", [order], **changes)["retCode"] != "00000"
    assert customer.post.stats()["waybills"] == before


def test_field_of_the_right_spelling_is_not_the_field(customer, order):
    form = customer.form("020003", [order])
    form["logisticsInterface"] = form.pop("logitcsInterface")
    assert customer.http.post(customer.post.url, data=form).json()["retCode"] != "00000"


def test_bad_envelopes_are_refused(customer, order):
    message = orjson.dumps([order])
    good = customer.sealed(message)
    bad = [
        good.removeprefix("|$4|"),
        "|$5|" + good[4:],
        good[:-4],
        good[:-8] + "AAAAAAA=",
        customer.sealed(message, suffix=""),
        customer.sealed(message, suffix="AAAAAAAAAAAAAAAAAAAAAA=="),
        customer.sealed(message, key=base64.b64encode(b"another sign key").decode()),
        "|$4|" + base64.b64encode(bytes(64)).decode(),
    ]
    for value in bad:
        assert customer.call("020003", None, logitcsInterface=value)["retCode"] == "10004"
    assert customer.call("020003", None, logitcsInterface=good)["retCode"] == "00000"


@pytest.mark.parametrize(
    ("api_code", "wrap"),
    [("020003", lambda body: body), ("020003", lambda body: [body, body]), ("020003", lambda _: [])]
    + [(code, lambda body: [body]) for code in ("010004", "030005", "040001", "050001", "050005")],
)
def test_array_or_object_as_the_operation_wants_it(customer, order, api_code, wrap):
    assert customer.call(api_code, wrap(order))["retCode"] == "20003"


@pytest.mark.parametrize("wrap", [lambda body: body, lambda body: [body]], ids=["object", "array"])
def test_cancellation_takes_both_shapes(customer, wrap):
    number = customer.waybill("cancel-shapes")
    body = {"logisticsOrderNo": "cancel-shapes", "waybillNo": number, "cancelReason": "撤回"}
    assert customer.call("020006", wrap(body))["retCode"] == "00000"


def changed(order, path, value):
    *parents, last = path.split(".")
    part = order
    for name in parents:
        part = part[int(name)] if name.isdigit() else part[name]
    if value is None:
        del part[last]
    else:
        part[last] = value
    return order


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("createdTime", None),
        ("createdTime", "2026-11-24T16:00:00"),
        ("ecommerceUserId", ""),
        ("ecommerceUserId", "x" * 51),
        ("senderNo", "1100000000009"),
        ("logisticsOrderNo", None),
        ("contentsAttribute", "5"),
        ("bizProductNo", "4"),
        ("bizProductNo", "11"),
        ("weight", 18),
        ("weight", "18.5"),
        ("receiptFlag", "4"),
        ("codFlag", "0"),
        ("paymentMode", "0"),
        ("waybillNo", "12"),
        ("weigth", "18"),
        ("sender", None),
        ("receiver", []),
        ("receiver.name", ""),
        ("receiver.mobile", "12345"),
        ("receiver.mobile", ""),
        ("receiver.prov", "浙江"),
        ("receiver.city", None),
        ("receiver.address", "浙江省杭州市文一路1号"),
        ("receiver.address", "一" * 201),
        ("receiver.postCode", "3100"),
        ("cargos", []),
        ("cargos", "函件"),
        ("cargos.0.cargoName", ""),
    ],
)
def test_malformed_order_is_refused_and_nothing_is_allotted(customer, order, path, value):
    before = customer.post.stats()["waybills"]
    answer = customer.call("020003", [changed(order, path, value)])
    assert answer["retCode"] != "00000"
    assert answer["retBody"] is None
    assert "柳如烟" not in answer["retMsg"]
    assert customer.post.stats()["waybills"] == before


def test_numbers_of_the_customers_range_are_taken_once(customer):
    assert customer.waybill("own-1", waybillNo="1100000000001") == "1100000000001"
    assert customer.order("own-2", waybillNo="1100000000001")["retCode"] != "00000"
    assert customer.order("own-3", waybillNo="1100000000010")["retCode"] != "00000"


def test_customer_without_a_range_may_send_no_number(customer_of):
    with StandIn() as other:
        assert customer_of(other).order("own", waybillNo="1100000000001")["retCode"] != "00000"


def test_trace_tells_an_unknown_number_from_an_item_without_events(customer):
    unknown = customer.call("040001", {"waybillNo": "9999999999999"})
    assert (unknown["retCode"], unknown["retMsg"]) == ("00000", "当前邮件无客户信息！")
    ordered = customer.call("040001", {"waybillNo": customer.waybill("no-events"), "direction": "0"})
    assert (ordered["retCode"], ordered["retMsg"]) == ("00000", "查询结果正常返回！")
    assert unknown["retBody"] == ordered["retBody"] == '{"responseItems":[]}'


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "0"),
        ({"type": "9"}, "2"),
        ({"bizProductNo": ""}, "3"),
        ({"bizProductNo": "99"}, "4"),
        ({"city": ""}, "8"),
        ({"address": "文一路"}, "9"),
    ],
)
def test_range_check_answers_by_the_published_table(customer, changes, status):
    place = {"address": "文一路1号2幢", "prov": "浙江省", "city": "杭州市", "county": "西湖区"}
    about = {"bizProductNo": "1", "type": "2", "senderNo": "1100000000000"}
    assert orjson.loads(customer.call("030005", place | about | changes)["retBody"])["status"] == status


def test_label_is_base64_or_a_url_that_serves_it(customer):
    number = customer.waybill("label")
    pdf = base64.b64decode(customer.call("010004", {"waybillNo": number, "type": "129"})["retBody"])
    url = customer.call("010004", {"waybillNo": number, "type": "129", "getURL": "1"})["retBody"]
    assert customer.http.get(url).content == pdf
    assert customer.call("010004", {"waybillNo": number, "type": "130"})["retCode"] != "00000"


def test_label_is_a_pdf_that_a_reader_opens(customer):
    import io

    import pikepdf

    answer = customer.call("010004", {"waybillNo": customer.waybill("pdf"), "type": "179"})
    with pikepdf.open(io.BytesIO(base64.b64decode(answer["retBody"]))) as pdf:
        width, height = pdf.pages[0].mediabox[2:]
    assert (round(float(width) / 72 * 25.4), round(float(height) / 72 * 25.4)) == (100, 180)


def test_sandbox_path_answers_and_others_do_not(customer, order):
    form = customer.form("020003", [order])
    assert customer.http.post(customer.post.url.replace("/open", "/test"), data=form).status_code == 200
    assert customer.http.post(customer.post.base_url + "/other", data=form).status_code == 404
    assert customer.http.get(customer.post.url).status_code == 405


def test_no_query_by_order_number_exists(customer):
    customer.waybill("only-by-number")
    for code in ("040001", "050001", "010004"):
        assert customer.call(code, {"logisticsOrderNo": "only-by-number"})["retCode"] != "00000"


def test_time_stamp_is_held_against_the_virtual_clock_when_told_so(customer_of):
    virtual = days.at(days.now().date() + timedelta(days=90), 9)
    with StandIn(SimContract(time_stamp_clock="virtual", starts_at=virtual)) as post:
        customer = customer_of(post)
        assert customer.order("wall")["retCode"] == "10003"
        form_time = f"{virtual:%Y-%m-%d %H:%M:%S}"
        trace = customer.call("040001", {"waybillNo": "9"}, timeStamp=form_time)
        assert trace["retCode"] == "00000"


def test_time_window_can_be_left_open(customer_of):
    with StandIn(SimContract(time_window_s=None)) as post:
        old = customer_of(post).call("040001", {"waybillNo": "9"}, timeStamp="2020-01-01 00:00:00")
        assert old["retCode"] == "00000"
