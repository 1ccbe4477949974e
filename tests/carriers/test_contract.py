import base64
from dataclasses import replace

import pytest

from songda.carriers import BadContract, ContractConfig

KEY = base64.b64encode(b"sixteen byte key").decode()
ACCOUNT = base64.b64encode(b"sixteen byte acc").decode()
GOOD = ContractConfig(
    endpoint="https://carrier.example/open",
    sender_no="1100000000000",
    authorization=ACCOUNT,
    sign_key=KEY,
    biz_product_no="1",
)


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"endpoint": "http://carrier.example/open"}, "endpoint"),
        ({"endpoint": "ftp://127.0.0.1/open"}, "endpoint"),
        ({"endpoint": "http://127.0.0.1.carrier.example/open"}, "endpoint"),
        ({"endpoint": "https://"}, "endpoint"),
        ({"endpoint": "https://user:pass@carrier.example/open"}, "endpoint"),
        ({"sender_no": ""}, "sender_no"),
        ({"sender_no": "11 00"}, "sender_no"),
        ({"product_code": "11210"}, "product_code"),
        ({"contents_attribute": "5"}, "contents_attribute"),
        ({"pickup_type": "2"}, "pickup_type"),
        ({"payment_mode": "0"}, "payment_mode"),
        ({"label_type": "100"}, "label_type"),
        ({"project_id": "a&b"}, "project_id"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"query_attempts": 0}, "query_attempts"),
        ({"calls_per_s": 0}, "calls_per_s"),
        ({"cut_after_calls": 0}, "cut_after_calls"),
        ({"clock_tolerance_s": 0}, "clock_tolerance_s"),
        ({"biz_product_no": ""}, "biz_product_no"),
        ({"sign_key": "c2hvcnQ="}, "sign_key"),
        ({"sign_key": None, "authorization": "not a key"}, "sign_key"),
        ({"number_pattern": "("}, "number_pattern"),
        ({"number_range": ("1100000000009", "1100000000001")}, "number_range"),
        ({"number_range": ("XK00000000001", "XK00000000009")}, "number_range"),
    ],
)
def test_setting_that_cannot_be_used_is_refused_by_name(changes, setting):
    with pytest.raises(BadContract) as error:
        replace(GOOD, **changes)
    assert error.value.data["setting"] == setting


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "[::1]:8080", "localhost"])
def test_plain_http_is_allowed_on_this_machine_only(host):
    assert replace(GOOD, endpoint=f"http://{host}/open")


def test_old_account_signs_with_its_authorization():
    old = replace(GOOD, sign_key=None)
    assert old.envelope().seal(b"{}") == replace(GOOD, sign_key=ACCOUNT).envelope().seal(b"{}")


def test_secrets_are_not_in_its_representation():
    assert KEY not in repr(GOOD)
    assert ACCOUNT not in repr(GOOD)
