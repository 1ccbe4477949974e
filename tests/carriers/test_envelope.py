import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.carriers import BadContract, BadEnvelope, Envelope
from songda.sim.carrier.wire import NotOurs, Wire

# The platform's own documented sample.
KEY = "TvaBgrhE46sft3nZlfe7xw=="
MESSAGE = b'{"language":"zh-CN","orderId":"QIAO-20200618-004"}'
SEALED = (
    "|$4|efB6PnjDpgHG4xfrvYlXonyBuMJoGTynkfasopHvbl2u3nmNeP+rznA3DyRwb/2GeZL7I3rL6HKD5+Tv3Uy6x8jIDISbYG8Bg14caH2flYE="
)


def test_documented_sample_seals_and_opens_bit_for_bit():
    assert Envelope(KEY).seal(MESSAGE) == SEALED
    assert Envelope(KEY).open(SEALED) == MESSAGE


def test_stand_in_opens_the_documented_sample_by_its_own_code():
    assert Wire(KEY).unwrap(SEALED) == MESSAGE


def test_push_carries_no_key():
    sealed = Envelope(KEY).seal_push(MESSAGE)
    assert Envelope(KEY).open_push(sealed) == MESSAGE
    assert sealed == Wire(KEY).wrap_push(MESSAGE)
    with pytest.raises(BadEnvelope, match="suffix"):
        Envelope(KEY).open(sealed)


def test_chinese_text_travels_as_utf8_and_not_escaped():
    message = '{"name":"柳如烟𬎆"}'.encode()
    assert Wire(KEY).unwrap(Envelope(KEY).seal(message)) == message


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (SEALED.removeprefix("|$4|"), "prefix"),
        ("|$4|" + "not base64!", "base64"),
        ("|$4|", "length"),
        ("|$4|" + base64.b64encode(b"fifteen bytes..").decode(), "length"),
        ("|$4|" + base64.b64encode(bytes(32)).decode(), "padding"),
    ],
)
def test_broken_envelope_is_refused_and_named(value, reason):
    with pytest.raises(BadEnvelope, match=reason):
        Envelope(KEY).open(value)
    with pytest.raises(NotOurs):
        Wire(KEY).unwrap(value)


def test_message_under_another_key_is_refused():
    other = base64.b64encode(b"another sign key").decode()
    with pytest.raises(BadEnvelope):
        Envelope(other).open(SEALED)


def test_message_salted_with_another_key_text_is_refused():
    sealed = Envelope(KEY).seal_push(MESSAGE + b"AAAAAAAAAAAAAAAAAAAAAA==")
    with pytest.raises(BadEnvelope, match="suffix"):
        Envelope(KEY).open(sealed)


@pytest.mark.parametrize("key", ["", "short", "TvaBgrhE46sft3nZlfe7", KEY + "AAAA", "不是密钥"])
def test_key_that_is_not_sixteen_bytes_is_refused_without_showing_it(key):
    with pytest.raises(BadContract) as error:
        Envelope(key)
    assert not key or key not in str(error.value)


@given(st.binary(max_size=200))
def test_whatever_is_sealed_opens_again_on_both_sides(message):
    sealed = Envelope(KEY).seal(message)
    assert Envelope(KEY).open(sealed) == message == Wire(KEY).unwrap(sealed)


@given(st.text(max_size=120))
def test_arbitrary_text_never_opens_and_never_crashes(text):
    with pytest.raises(BadEnvelope):
        Envelope(KEY).open("|$4|" + text)
