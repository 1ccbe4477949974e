"""Whatever comes from outside: it is read, or refused by one of our own errors, and nothing else happens."""

from __future__ import annotations

import base64
import contextlib
import json
from urllib.parse import urlencode

from hypothesis import given
from hypothesis import strategies as st

from songda.carriers import (
    AggregatorAccount,
    BadEnvelope,
    BadExchangeFile,
    BadPush,
    ContractConfig,
    Event,
    load_mapping,
    read_push,
    read_words,
    to_fact,
)
from songda.carriers.kdniao_words import data_sign
from songda.carriers.posting_formats import read_acknowledgement, read_tracking

CONTRACT = ContractConfig(
    endpoint="http://127.0.0.1/x", sender_no="1", authorization=base64.b64encode(bytes(16)).decode(), biz_product_no="1"
)
ACCOUNTS = [
    AggregatorAccount(kind="kuaidi100", customer="C", key="K", company="ems", salt="S"),
    AggregatorAccount(kind="kdniao", customer="C", key="K", company="EMS"),
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
#: Objects with the fields of one teller, holding anything.
FIELDS = [
    "opTime",
    "opCode",
    "waybillNo",
    "opDesc",
    "ftime",
    "context",
    "statusCode",
    "AcceptTime",
    "Action",
    "code_prefix",
]
ITEMS = st.dictionaries(st.sampled_from([*FIELDS, "time", "code"]), VALUES | st.just("2026-11-26 11:00:00"), max_size=8)


@given(st.binary(max_size=300))
def test_noise_is_no_push(body):
    with contextlib.suppress(BadPush, BadEnvelope):
        read_push(body, CONTRACT, ACCOUNTS)


@given(VALUES)
def test_rightly_signed_nonsense_is_no_push_of_kdniao(data):
    text = json.dumps({"Data": data} if not isinstance(data, dict) else data)
    form = urlencode({"RequestData": text, "RequestType": "102", "DataSign": data_sign(text, "K")})
    with contextlib.suppress(BadPush):
        read_push(form.encode(), CONTRACT, ACCOUNTS)


@given(st.lists(ITEMS, max_size=3))
def test_rightly_sealed_nonsense_is_no_push_of_the_carrier(items):
    for item in items:
        sealed = CONTRACT.envelope().seal_push(json.dumps(item).encode())
        body = json.dumps({"method": "040002", "senderNo": "1", "serialNo": "s", "logitcsInterface": sealed})
        with contextlib.suppress(BadPush):
            read_push(body.encode(), CONTRACT, ACCOUNTS)


@given(ITEMS)
def test_stored_words_are_an_event_or_nothing(item):
    event = read_words(json.dumps(item).encode(), waybill_no="9812345678906", addressee="柳如烟")
    if event is not None:
        assert isinstance(event, Event)
        assert event.op_time.tzinfo is not None
        to_fact(event, load_mapping())


@given(st.binary(max_size=200))
def test_noise_is_no_file(content):
    for read in (lambda: read_acknowledgement(content, sent={}), lambda: read_tracking(content, prefix="")):
        with contextlib.suppress(BadExchangeFile):
            read()


@given(st.lists(st.lists(st.text(max_size=12), min_size=8, max_size=8), max_size=4))
def test_a_tracking_file_of_anything_tells_events_or_counts_lines(rows):
    head = "waybill_no,time,code,office,office_name,deliver_code,attempt_code,text"
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    content = ("\n".join([head, *lines]) + "\n").encode("utf-8", "surrogatepass")
    with contextlib.suppress(BadExchangeFile):
        traces, malformed = read_tracking(content, prefix="abc:")
        assert sum(len(trace.events) for trace in traces) + malformed <= len(rows) + content.count(b"\n")
