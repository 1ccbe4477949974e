"""The client against the stand-in over real HTTP, and against servers that are not the carrier at all."""

import base64
import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
from dataclasses import replace

import pytest

from songda.base import days
from songda.carriers import (
    Cancelled,
    ChinaPost,
    ClockSkew,
    ContractConfig,
    LineCut,
    NoAnswer,
    Ordered,
    Refused,
    ReturnReceipt,
    Trace,
    open_http,
)
from songda.carriers.chinapost import order_body
from songda.sim.carrier import SimContract, StandIn

RANGE = ("1100000000001", "1100000000099")


@pytest.fixture(scope="module")
def stand_in():
    with StandIn(SimContract(number_range=RANGE)) as post:
        yield post


@pytest.fixture(scope="module")
def idempotent():
    with StandIn(SimContract(orders_idempotent=True)) as post:
        yield post


@contextlib.contextmanager
def client(post, **changes):
    post.clear_faults()
    contract = ContractConfig(**post.settings() | changes)
    with open_http(contract) as http:
        yield ChinaPost(contract, http)


@pytest.fixture
def post(stand_in):
    with client(stand_in, timeout_s=1.0) as china_post:
        yield china_post


def test_order_gets_a_waybill_and_sorting_codes(post, make_order):
    ordered = post.order(make_order("a-order"))
    assert isinstance(ordered, Ordered)
    assert ordered.order_no == "a-order"
    assert ordered.waybill_no.isdigit()
    assert (ordered.mark, bool(ordered.route_code)) == ("杭州市西湖区", True)


def test_receipt_that_travels_has_a_number_of_its_own(post, make_order):
    ordered = post.order(make_order("a-receipt", return_receipt=ReturnReceipt.FORM))
    assert len(ordered.more_waybill_nos) == 1


def test_all_values_of_an_order_are_text(make_order):
    contract = ContractConfig(
        endpoint="https://carrier.example", sender_no="1", authorization="c2l4dGVlbiBieXRlIGtleQ==", biz_product_no="1"
    )
    body = order_body(make_order(), contract)
    nested = [body.pop("sender"), body.pop("receiver"), *body.pop("cargos"), body]
    assert all(isinstance(value, str) for part in nested for value in part.values())
    assert len(body["ecommerceUserId"]) <= 50


def test_repeated_order_is_the_same_message(make_order):
    contract = ContractConfig(
        endpoint="https://carrier.example", sender_no="1", authorization="c2l4dGVlbiBieXRlIGtleQ==", biz_product_no="1"
    )
    assert order_body(make_order(), contract) == order_body(make_order(), contract)


def test_business_refusal_is_a_result_and_is_asked_once(post, stand_in, make_order):
    before = stand_in.stats()["calls"].get("020003", 0)
    stand_in.fault("refuse", count=1, code="B00777", message="不在服务范围")
    refused = post.order(make_order("a-refused"))
    assert refused == Refused(code="B00777", message="不在服务范围")
    assert stand_in.stats()["calls"]["020003"] == before + 1


def test_refusal_of_a_query_is_not_retried(post, stand_in):
    before = stand_in.stats()["calls"].get("040001", 0)
    stand_in.fault("refuse", api_code="040001", count=1, code="B00778")
    assert isinstance(post.trace("9800000000006"), Refused)
    assert stand_in.stats()["calls"]["040001"] == before + 1


LOSSES = {
    "reset_before": False,
    "reset_after": True,
    "html_before": False,
    "html_after": True,
    "drop_answer": True,
    "truncated": True,
    "cut": True,
    "other_number": True,
}


@pytest.mark.parametrize(("kind", "took"), LOSSES.items())
def test_lost_answer_is_unknown_never_repeated_and_found_by_our_own_number(post, stand_in, make_order, kind, took):
    number = f"11000000000{10 + list(LOSSES).index(kind)}"
    order = make_order(f"lost-{kind}", waybill_no=number)
    before = stand_in.stats()["calls"].get("020003", 0)
    stand_in.fault(kind, api_code="020003", count=1)
    with pytest.raises(NoAnswer) as error:
        post.order(order)
    assert error.value.sent
    assert stand_in.stats()["calls"]["020003"] == before + 1

    trace = post.trace(number)
    assert trace.known is took
    assert trace.events == ()
    if not took:
        assert post.order(order).waybill_no == number


def test_number_already_ordered_is_refused_so_a_late_repeat_makes_no_second_item(post, stand_in, make_order):
    order = make_order("twice", waybill_no="1100000000001")
    assert isinstance(post.order(order), Ordered)
    before = stand_in.stats()["waybills"]
    assert isinstance(post.order(order), Refused)
    assert stand_in.stats()["waybills"] == before


def test_number_outside_the_range_is_refused(post, make_order):
    assert isinstance(post.order(make_order("outside", waybill_no="1100000000100")), Refused)


def test_without_idempotency_a_repeat_would_be_a_second_waybill(post, stand_in, make_order):
    before = stand_in.stats()["duplicates"]
    first, second = post.order(make_order("blind")), post.order(make_order("blind"))
    assert first.waybill_no != second.waybill_no
    assert stand_in.stats()["duplicates"] == before + 1
    assert "blind" in stand_in.stats()["double_ordered"]


def test_with_idempotency_a_repeat_is_the_same_order(idempotent, make_order):
    with client(idempotent, timeout_s=1.0) as china_post:
        idempotent.fault("reset_after", count=1)
        with pytest.raises(NoAnswer):
            china_post.order(make_order("again"))
        first, second = china_post.order(make_order("again")), china_post.order(make_order("again"))
    stats = idempotent.stats()
    assert first.waybill_no == second.waybill_no
    assert (stats["duplicates"], stats["repeats"]) == (0, 2)


@pytest.mark.parametrize("kind", ["reset_before", "html_after", "truncated", "cut", "gbk"])
def test_query_is_tried_again_after_a_transport_error(post, stand_in, make_order, kind):
    number = post.order(make_order(f"query-{kind}")).waybill_no
    stand_in.fault(kind, api_code="040001", count=2)
    assert post.trace(number).known


def test_query_gives_up_after_its_tries(post, stand_in):
    stand_in.fault("html_before", api_code="040001")
    before = stand_in.stats()["calls"].get("040001", 0)
    with pytest.raises(NoAnswer, match="http_502"):
        post.trace("9800000000006")
    assert stand_in.stats()["calls"]["040001"] == before + 3


def test_gbk_answer_is_understood(post, stand_in, make_order):
    stand_in.fault("gbk", count=1)
    assert post.order(make_order("gbk")).mark == "杭州市西湖区"


def test_answer_about_another_letter_is_no_answer(post, stand_in, make_order):
    number = post.order(make_order("mixed-up")).waybill_no
    stand_in.hand_over([number], at=days.now())
    stand_in.advance(days.now() + dt.timedelta(days=30))
    stand_in.fault("other_number", api_code="040001")
    with pytest.raises(NoAnswer, match="other_waybill_no"):
        post.trace(number)


def test_trace_follows_the_virtual_clock(make_order):
    with StandIn(SimContract(starts_at=days.at(dt.date(2026, 11, 24), 16))) as post, client(post) as china_post:
        number = china_post.order(make_order("travelling")).waybill_no
        posted_at = days.at(dt.date(2026, 11, 24), 17)
        assert post.hand_over([number], at=posted_at) == []
        assert china_post.trace(number).events == ()
        post.advance(posted_at + dt.timedelta(hours=2))
        assert [event.op_code for event in china_post.trace(number).events][:1] == ["203"]
        post.advance(posted_at + dt.timedelta(days=30))
        events = china_post.trace(number).events
        assert len(events) > 6
        assert all(event.op_time > posted_at for event in events)


def test_unknown_number_is_not_ours(post):
    trace = post.trace("9999999999999")
    assert (trace.known, trace.events) == (False, ())


def test_cancel_before_and_after_the_hand_over(post, stand_in, make_order):
    first, second = post.order(make_order("cancel-1")), post.order(make_order("cancel-2"))
    about = {"order_no": "cancel-1", "waybill_no": first.waybill_no, "reason": "撤回"}
    assert post.cancel(**about) == Cancelled(order_no="cancel-1", waybill_no=first.waybill_no)
    assert stand_in.hand_over([first.waybill_no, second.waybill_no], at=days.now()) == [first.waybill_no]
    assert isinstance(post.cancel(**about | {"order_no": "cancel-2", "waybill_no": second.waybill_no}), Refused)
    assert isinstance(post.cancel(**about | {"order_no": "cancel-2"}), Refused)


def test_cancel_without_an_answer_is_not_repeated(post, stand_in, make_order):
    ordered = post.order(make_order("cancel-3"))
    stand_in.fault("reset_after", api_code="020006", count=1)
    with pytest.raises(NoAnswer):
        post.cancel(order_no="cancel-3", waybill_no=ordered.waybill_no, reason="撤回")
    assert stand_in.stats()["calls"]["020006"] >= 1


def test_label_comes_as_pdf_and_as_url(post, make_order):
    number = post.order(make_order("label")).waybill_no
    label = post.label(number)
    assert label.pdf.startswith(b"%PDF-")
    assert number.encode() in label.pdf
    assert post.label(number, as_url=True).url.endswith(f"{number}.pdf")
    assert isinstance(post.label("9999999999999"), Refused)


@pytest.mark.parametrize(
    ("address", "status", "reachable", "too_vague"),
    [("文一路1号2幢401室", "0", True, False), ("文一路", "9", False, True), ("", "8", False, True)],
)
def test_pickup_range_is_a_second_opinion(post, make_order, address, status, reachable, too_vague):
    place = post.pickup_range(replace(make_order().receiver, address=address))
    assert (place.status, place.reachable, place.too_vague) == (status, reachable, too_vague)


def test_postage_of_an_order_and_its_estimate_agree(post, make_order):
    order = make_order("postage", weight_g=1600)
    ordered = post.order(order)
    charged = post.postage(order_no="postage", waybill_no=ordered.waybill_no)
    assert (charged.total_fen, charged.charged_weight_g) == (3200, 1600)
    estimate = post.estimate(sender=order.sender, receiver=order.receiver, weight_g=1600)
    assert estimate.total_fen == charged.total_fen
    assert isinstance(post.postage(order_no="another", waybill_no=ordered.waybill_no), Refused)


def test_estimate_without_a_contracted_product_is_not_asked(stand_in, make_order):
    order = make_order()
    with client(stand_in, product_code=None) as china_post, pytest.raises(ValueError, match="product"):
        china_post.estimate(sender=order.sender, receiver=order.receiver, weight_g=20)


def test_many_orders_each_get_their_own_number(post, make_order, stand_in):
    before = stand_in.stats()
    results = dict(post.order_many((make_order(f"many-{n}") for n in range(200)), threads=8))
    assert set(results) == {f"many-{n}" for n in range(200)}
    assert len({ordered.waybill_no for ordered in results.values()}) == 200
    after = stand_in.stats()
    assert (after["duplicates"], after["orders"]) == (before["duplicates"], before["orders"] + 200)


def test_faults_among_many_orders_are_told_one_by_one_and_nothing_is_ordered_twice(post, stand_in, make_order):
    before = stand_in.stats()
    for kind in ("reset_after", "truncated", "html_before"):
        stand_in.fault(kind, probability=0.1)
    results = dict(post.order_many((make_order(f"faulty-{n}") for n in range(150)), threads=8))
    stand_in.clear_faults()
    lost = [order_no for order_no, result in results.items() if isinstance(result, NoAnswer)]
    assert len(results) == 150
    assert 5 < len(lost) < 100
    after = stand_in.stats()
    assert after["duplicates"] == before["duplicates"]
    assert after["calls"]["020003"] == before["calls"]["020003"] + 150


def test_many_traces(post, make_order):
    numbers = [ordered.waybill_no for _, ordered in post.order_many(map(make_order, ["t-1", "t-2", "t-3"]), threads=2)]
    traces = dict(post.trace_many([*numbers, "9999999999999"], threads=2))
    assert [traces[number].known for number in numbers] == [True] * 3
    assert not traces["9999999999999"].known


@pytest.mark.parametrize("changes", [{"sender_no": "1100000000009"}, {"authorization": "c2l4dGVlbiBieXRlIGtleQ=="}])
def test_wrong_access_is_refused(stand_in, make_order, changes):
    with client(stand_in, **changes) as china_post:
        assert isinstance(china_post.order(make_order("access")), Refused)


def test_wrong_key_is_refused(stand_in, make_order):
    other = base64.b64encode(b"another sign key").decode()
    with client(stand_in, sign_key=other) as china_post:
        assert isinstance(china_post.order(make_order("key")), Refused)


def test_old_account_without_a_sign_key_works(make_order):
    with StandIn(SimContract(sign_key=None)) as post, client(post) as china_post:
        assert isinstance(china_post.order(make_order("old-account")), Ordered)


@pytest.mark.parametrize("minutes", [-11, 11])
def test_refusal_while_the_clocks_differ_blames_the_clock_and_not_the_letter(stand_in, make_order, minutes):
    stand_in.clear_faults()
    contract = ContractConfig(**stand_in.settings())
    with open_http(contract) as http:
        wrong = ChinaPost(contract, http, clock=lambda: days.now() + dt.timedelta(minutes=minutes))
        with pytest.raises(ClockSkew) as error:
            wrong.order(make_order(f"skewed{minutes}"))
    assert not error.value.sent
    assert abs(error.value.data["seconds"] - minutes * 60) <= 2
    assert "校准" in error.value.message_zh
    assert f"skewed{minutes}" not in stand_in.stats()["double_ordered"]


def test_refusal_while_the_clocks_agree_is_the_letters(stand_in, make_order):
    with client(stand_in) as post:
        stand_in.fault("refuse", count=1, code="B00123")
        assert post.order(make_order("refused-in-time")).code == "B00123"


def test_clocks_that_differ_a_little_are_told_but_calls_go_on(stand_in, make_order, capsys):
    stand_in.clear_faults()
    contract = ContractConfig(**stand_in.settings())
    with open_http(contract) as http:
        late = ChinaPost(contract, http, clock=lambda: days.now() - dt.timedelta(minutes=4))
        assert isinstance(late.order(make_order("a-little-late")), Ordered)
    assert "carrier.clock_skew" in "".join(capsys.readouterr())


def test_line_is_cut_so_that_a_dead_carrier_leaves_few_orders_in_doubt(stand_in, make_order):
    with client(stand_in, timeout_s=1.0, cut_after_calls=5, cut_seconds=60) as post:
        stand_in.fault("reset_before", api_code="020003")
        results = [result for _, result in post.order_many((make_order(f"dead-{n}") for n in range(200)), threads=4)]
    doubtful = [result for result in results if result.sent]
    assert 5 <= len(doubtful) <= 8
    assert all(isinstance(result, LineCut) for result in results if not result.sent)


def test_line_that_was_cut_is_tried_again_and_goes_on(stand_in, make_order):
    with client(stand_in, cut_after_calls=2, cut_seconds=0.2, query_attempts=1) as post:
        stand_in.fault("reset_before", count=2)
        for _ in range(2):
            with pytest.raises(NoAnswer):
                post.trace("9800000000006")
        with pytest.raises(LineCut):
            post.trace("9800000000006")
        time.sleep(0.25)
        assert isinstance(post.trace("9800000000006"), Trace)


def test_carrier_that_asks_for_a_rest_gets_it(stand_in, make_order):
    with client(stand_in, query_attempts=1) as post:
        stand_in.fault("html_before", count=1, status=429, retry_after=30)
        with pytest.raises(NoAnswer, match="http_429"):
            post.trace("9800000000006")
        with pytest.raises(LineCut):
            post.trace("9800000000006")
        assert stand_in.stats()["calls"]["040001"] >= 1


def test_calls_keep_to_the_contracts_rate(stand_in):
    with client(stand_in, calls_per_s=40) as post:
        start = time.monotonic()
        traces = list(post.trace_many([f"98{n:011d}" for n in range(20)], threads=4))
        took = time.monotonic() - start
    assert len(traces) == 20
    assert took >= 19 / 40


def test_whole_addresses_are_read_in_their_order(post):
    readings = post.parse_addresses(["浙江省杭州市西湖区文一路1号", "北京市朝阳区建国路1号", "文一路1号"])
    assert [(each.prov, each.city, each.county, each.address) for each in readings] == [
        ("浙江省", "杭州市", "西湖区", "文一路1号"),
        ("北京市", "北京市", "朝阳区", "建国路1号"),
        ("", "", "", "文一路1号"),
    ]
    assert "文一路" not in repr(readings)


def test_readings_that_are_not_one_an_address_are_no_answer(make_order):
    one = b'{"retCode":"00000","retMsg":"ok","retBody":"[{}]"}'
    with answering(http_answer(one)) as port:
        contract = loopback_contract(port, query_attempts=1)
        with open_http(contract) as http, pytest.raises(NoAnswer, match="not_one_reading"):
            ChinaPost(contract, http).parse_addresses(["a", "b"])


def test_carrier_that_is_down_never_saw_the_order(make_order):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    contract = loopback_contract(port)
    with open_http(contract) as http:
        with pytest.raises(NoAnswer) as error:
            ChinaPost(contract, http).order(make_order())
        assert not error.value.sent
        assert [type(result) for _, result in ChinaPost(contract, http).order_many([make_order()])] == [NoAnswer]


@contextlib.contextmanager
def answering(payload, *, tls=None):
    """A server that answers every connection with the same bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with contextlib.suppress(OSError), connection:
                        stream = tls.wrap_socket(connection, server_side=True) if tls else connection
                        stream.settimeout(5)
                        stream.recv(1 << 16)
                        stream.sendall(payload)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]


def http_answer(body, status="200 OK"):
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


GOOD = b'{"retCode":"00000","retMsg":"ok","retBody":"{\\"waybillNo\\":\\"9800000000006\\"}"}'


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x00\x01\x02 not http",
        http_answer(b""),
        http_answer(b"[]"),
        http_answer(b"null"),
        http_answer(b'{"retCode":0}'),
        http_answer(GOOD, "500 Internal Server Error"),
        http_answer(GOOD, "301 Moved Permanently"),
        http_answer(b'{"retCode":"00000","retBody":{"waybillNo":"9800000000006"}}'),
        http_answer(b'{"retCode":"00000","retBody":"{\\"waybillNo\\":\\"98\\"}"}'),
        http_answer(b'{"retCode":"00000","retBody":""}'),
        http_answer(b'{"retCode":"00000"}'),
        http_answer("<html>维护中</html>".encode("gb18030")),
    ],
)
def test_whatever_is_not_the_platforms_answer_leaves_the_outcome_unknown(make_order, payload):
    with answering(payload) as port:
        contract = loopback_contract(port)
        with open_http(contract) as http, pytest.raises(NoAnswer) as error:
            ChinaPost(contract, http).order(make_order())
    assert error.value.sent
    assert "柳如烟" not in str(error.value)


def loopback_contract(port, **changes):
    settings = {
        "endpoint": f"http://127.0.0.1:{port}/open",
        "sender_no": "1100000000000",
        "authorization": "c2l4dGVlbiBieXRlIGtleQ==",
        "biz_product_no": "1",
        "timeout_s": 2.0,
    }
    return ContractConfig(**settings | changes)


def test_answer_with_another_number_than_ours_leaves_the_outcome_unknown(make_order):
    with answering(http_answer(GOOD)) as port:
        contract = loopback_contract(port, number_range=RANGE)
        with open_http(contract) as http, pytest.raises(NoAnswer, match="other_waybill_no"):
            ChinaPost(contract, http).order(make_order(waybill_no=RANGE[0]))


def test_redirect_is_not_followed(make_order):
    with answering(http_answer(GOOD)) as other:
        moved = f"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:{other}/open\r\nContent-Length: 0\r\n\r\n"
        with answering(moved.encode()) as port:
            contract = loopback_contract(port)
            with open_http(contract) as http, pytest.raises(NoAnswer, match="http_307"):
                ChinaPost(contract, http).order(make_order())


def test_success_field_may_be_absent_and_sorting_codes_too(make_order):
    with answering(http_answer(GOOD)) as port:
        contract = loopback_contract(port)
        with open_http(contract) as http:
            assert ChinaPost(contract, http).order(make_order()).waybill_no == "9800000000006"


def test_certificate_that_nobody_vouches_for_ends_the_call_before_it_is_sent(make_order, tmp_path):
    with answering(http_answer(GOOD), tls=self_signed(tmp_path)) as port:
        contract = loopback_contract(port, endpoint=f"https://127.0.0.1:{port}/open")
        with open_http(contract) as http, pytest.raises(NoAnswer) as error:
            ChinaPost(contract, http).order(make_order())
    assert not error.value.sent


def self_signed(folder):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def test_environment_cannot_redirect_the_calls(stand_in, make_order, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with client(stand_in) as china_post:
        assert isinstance(china_post.order(make_order("proxy")), Ordered)


def test_nothing_personal_or_secret_shows_in_representations(post, make_order, stand_in):
    order = make_order("quiet")
    shown = repr(order) + repr(post.order(order)) + repr(ContractConfig(**stand_in.settings()))
    for secret in ("柳如烟", "13900000000", "文一路", stand_in.contract.sign_key, stand_in.contract.authorization):
        assert secret not in shown
