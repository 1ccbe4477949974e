"""The data key: what it seals opens only for the same place, whole, under the same key."""

import copy
import io
import itertools
import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.base import ids
from songda.vault import (
    DataKey,
    LocalMasterKey,
    Unsealable,
    WrongMasterKey,
    new_data_key,
    open_data_key,
    rewrap_data_key,
    rotate_data_key,
)
from songda.vault.suites import TAG_BYTES, suite_named

SUITES = ["AES-256-GCM", "SM4-GCM"]
PIECE = 64 * 1024
MASTER = LocalMasterKey(bytes(range(32)))
KEYS = {suite: open_data_key(MASTER, new_data_key(MASTER, suite=suite)) for suite in SUITES}

suites = st.sampled_from(SUITES)
contexts = st.text(max_size=40)


@pytest.fixture(params=SUITES)
def key(request: pytest.FixtureRequest) -> DataKey:
    return KEYS[request.param]


@given(suite=suites, plaintext=st.binary(max_size=500), context=contexts)
def test_what_is_sealed_opens_in_its_own_context(suite: str, plaintext: bytes, context: str) -> None:
    sealed = KEYS[suite].seal(plaintext, context=context)
    assert KEYS[suite].unseal(sealed, context=context) == plaintext
    assert len(sealed) == len(plaintext) + 32


@given(suite=suites, plaintext=st.binary(max_size=100), context=contexts, other=contexts)
def test_a_record_moved_to_another_context_is_refused(suite: str, plaintext: bytes, context: str, other: str) -> None:
    sealed = KEYS[suite].seal(plaintext, context=context)
    if other != context:
        with pytest.raises(Unsealable):
            KEYS[suite].unseal(sealed, context=other)


@pytest.mark.parametrize("suite", SUITES)
def test_every_single_flipped_bit_of_a_record_is_refused(suite: str) -> None:
    sealed = KEYS[suite].seal(b"a person", context="person:1")
    for position, bit in itertools.product(range(len(sealed)), range(8)):
        changed = bytearray(sealed)
        changed[position] ^= 1 << bit
        with pytest.raises(Unsealable):
            KEYS[suite].unseal(bytes(changed), context="person:1")


@pytest.mark.parametrize("suite", SUITES)
def test_every_shortened_or_lengthened_record_is_refused(suite: str) -> None:
    sealed = KEYS[suite].seal(b"a person", context="person:1")
    for wrong in [*(sealed[:n] for n in range(len(sealed))), *(sealed[n:] for n in range(1, 8)), sealed + b"\x00"]:
        with pytest.raises(Unsealable):
            KEYS[suite].unseal(wrong, context="person:1")


def test_the_same_record_sealed_twice_looks_different(key: DataKey) -> None:
    assert key.seal(b"a person", context="c") != key.seal(b"a person", context="c")


def test_no_nonce_comes_twice(key: DataKey) -> None:
    # Of random ones; ten million are compared by bench/vault_speed.py.
    assert len({key.seal(b"", context="c")[4:16] for _ in range(100_000)}) == 100_000


def test_another_tenants_key_opens_nothing(key: DataKey) -> None:
    stranger = open_data_key(MASTER, new_data_key(MASTER, suite=key.suite))
    with pytest.raises(Unsealable):
        stranger.unseal(key.seal(b"a person", context="c"), context="c")


def test_a_record_is_not_taken_for_a_stream_nor_a_stream_for_a_record(key: DataKey) -> None:
    target = io.BytesIO()
    key.seal_stream(io.BytesIO(b"a file"), target, context="c")
    with pytest.raises(Unsealable):
        key.unseal(target.getvalue(), context="c")
    with pytest.raises(Unsealable):
        list(key.open_stream(io.BytesIO(key.seal(bytes(100), context="c")), context="c"))


# Rotation


@pytest.mark.parametrize(("before", "after"), list(itertools.product(SUITES, SUITES)))
def test_after_a_rotation_old_records_still_open_and_new_ones_use_the_new_secret(before: str, after: str) -> None:
    wrapped = new_data_key(MASTER, suite=before)
    old = open_data_key(MASTER, wrapped)
    new = open_data_key(MASTER, rotate_data_key(MASTER, wrapped, suite=after))
    sealed_before, sealed_after = old.seal(b"a person", context="c"), new.seal(b"a person", context="c")

    assert new.unseal(sealed_before, context="c") == b"a person"
    assert new.unseal(sealed_after, context="c") == b"a person"
    assert (new.suite, new.version) == (after, 2)
    assert sealed_before.startswith(new.old_heads)
    assert not sealed_after.startswith(new.old_heads)
    with pytest.raises(Unsealable, match="key version 2"):
        old.unseal(sealed_after, context="c")


def test_a_rotation_keeps_index_ids_tokens_and_audit_secret() -> None:
    wrapped = new_data_key(MASTER)
    old, new = open_data_key(MASTER, wrapped), open_data_key(MASTER, rotate_data_key(MASTER, wrapped, suite="SM4-GCM"))
    assert old.blind_index("id_number", "1") == new.blind_index("id_number", "1")
    assert old.token("letter", "ltr_1") == new.token("letter", "ltr_1")
    assert (old.id_secret(), old.audit_secret(), old.signing_seed()) == (
        new.id_secret(),
        new.audit_secret(),
        new.signing_seed(),
    )


def test_a_stream_sealed_before_a_rotation_opens_after_it() -> None:
    wrapped = new_data_key(MASTER)
    target = io.BytesIO()
    open_data_key(MASTER, wrapped).seal_stream(io.BytesIO(b"a file"), target, context="c")
    rotated = open_data_key(MASTER, rotate_data_key(MASTER, wrapped, suite="SM4-GCM"))
    assert b"".join(rotated.open_stream(io.BytesIO(target.getvalue()), context="c")) == b"a file"


def test_another_master_key_takes_over_without_touching_what_is_sealed() -> None:
    wrapped, successor = new_data_key(MASTER), LocalMasterKey(b"n" * 32)
    sealed = open_data_key(MASTER, wrapped).seal(b"a person", context="c")
    moved = rewrap_data_key(wrapped, old=MASTER, new=successor)
    assert open_data_key(successor, moved).unseal(sealed, context="c") == b"a person"
    with pytest.raises(WrongMasterKey):
        open_data_key(MASTER, moved)


def test_a_changed_wrapped_key_is_refused_at_every_byte() -> None:
    wrapped = new_data_key(MASTER)
    for position in range(len(wrapped)):
        changed = bytearray(wrapped)
        changed[position] ^= 1
        with pytest.raises((Unsealable, WrongMasterKey)):
            open_data_key(MASTER, bytes(changed))


def test_a_master_key_that_unwraps_to_something_else_is_noticed() -> None:
    class Service:
        key_id = "kms"

        def wrap(self, secret: bytes) -> bytes:
            return secret

        def unwrap(self, wrapped: bytes) -> bytes:
            return wrapped

    assert open_data_key(Service(), new_data_key(Service())).version == 1
    for wrong in (b"", b"songda.dk/1\x00", new_data_key(Service())[:-1]):
        with pytest.raises(Unsealable):
            open_data_key(Service(), wrong)


# Blind index, ids, tokens


@given(suite=suites, field=st.text(max_size=10), value=st.text(max_size=30))
def test_a_blind_index_is_32_hex_characters_and_the_same_each_time(suite: str, field: str, value: str) -> None:
    index = KEYS[suite].blind_index(field, value)
    assert len(index) == 32
    assert int(index, 16) >= 0
    assert index == KEYS[suite].blind_index(field, value)


def test_a_blind_index_depends_on_field_value_key_and_their_border(key: DataKey) -> None:
    others = [open_data_key(MASTER, new_data_key(MASTER)).blind_index("phone", "1"), key.blind_index("phone", "2")]
    others += [key.blind_index("id_number", "1"), key.blind_index("phone1", ""), key.blind_index("", "phone1")]
    assert len({key.blind_index("phone", "1"), *others}) == 6


def test_the_id_secret_serves_base_ids(key: DataKey) -> None:
    from datetime import date

    day = date(2026, 11, 24)
    assert ids.derive("ltr", day, key.id_secret(), "A-1") == ids.derive("ltr", day, key.id_secret(), "A-1")
    assert len({key.id_secret(), key.audit_secret(), key.signing_seed()}) == 3


def test_a_token_is_url_safe_has_144_bits_and_only_its_own_purpose(key: DataKey) -> None:
    token = key.token("check", "ltr_1", 2)
    assert len(token) == 24
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert key.verify_token(token, "check", "ltr_1", 2)
    for wrong in [("check", "ltr_1"), ("check", "ltr_12"), ("opt-out", "ltr_1", 2), ("check", "ltr_1", 3)]:
        assert not key.verify_token(token, *wrong)
    for garbage in ["", token[:-1], token + "A", "送达", "\ud800"]:
        assert not key.verify_token(garbage, "check", "ltr_1", 2)


# Streams


def _stream(key: DataKey, plaintext: bytes, context: str = "c") -> bytes:
    target = io.BytesIO()
    key.seal_stream(io.BytesIO(plaintext), target, context=context)
    return target.getvalue()


def _pieces(sealed: bytes) -> tuple[bytes, list[bytes]]:
    header, body, size = sealed[:36], sealed[36:], PIECE + TAG_BYTES
    return header, [body[start : start + size] for start in range(0, len(body), size)]


@pytest.mark.parametrize("length", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7])
def test_a_stream_of_any_length_comes_back_in_pieces(key: DataKey, length: int) -> None:
    plaintext = bytes(index * 7 % 251 for index in range(length))
    got = list(key.open_stream(io.BytesIO(_stream(key, plaintext)), context="c"))
    assert b"".join(got) == plaintext
    assert all(0 < len(piece) <= PIECE for piece in got)


@given(suite=suites, keep=st.integers(0, 36 + 3 * (PIECE + TAG_BYTES) - 1))
def test_a_stream_cut_anywhere_is_refused(suite: str, keep: int) -> None:
    with pytest.raises(Unsealable):
        list(KEYS[suite].open_stream(io.BytesIO(_stream(KEYS[suite], bytes(3 * PIECE))[:keep]), context="c"))


def test_a_stream_cut_exactly_between_pieces_is_refused(key: DataKey) -> None:
    header, pieces = _pieces(_stream(key, bytes(3 * PIECE)))
    for kept in range(3):
        with pytest.raises(Unsealable):
            list(key.open_stream(io.BytesIO(header + b"".join(pieces[:kept])), context="c"))


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2, 1), (0, 0, 1, 2), (0, 2), (1, 2), (0, 1, 2, 2), (0, 1, 1, 2)])
def test_a_stream_with_pieces_moved_repeated_or_left_out_is_refused(key: DataKey, order: tuple[int, ...]) -> None:
    # Pieces of equal bytes: only their numbers and the last-piece mark tell them apart.
    header, pieces = _pieces(_stream(key, bytes(3 * PIECE)))
    with pytest.raises(Unsealable):
        list(key.open_stream(io.BytesIO(header + b"".join(pieces[number] for number in order)), context="c"))


def test_a_piece_of_another_stream_under_the_same_key_and_context_is_refused(key: DataKey) -> None:
    header, pieces = _pieces(_stream(key, bytes(2 * PIECE)))
    _, others = _pieces(_stream(key, bytes(2 * PIECE)))
    with pytest.raises(Unsealable):
        list(key.open_stream(io.BytesIO(header + others[0] + pieces[1]), context="c"))


@given(suite=suites, position=st.integers(0, 36 + PIECE + 100 + 2 * TAG_BYTES - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_in_a_stream_is_refused(suite: str, position: int, bit: int) -> None:
    changed = bytearray(_stream(KEYS[suite], bytes(PIECE + 100)))
    changed[position] ^= 1 << bit
    with pytest.raises(Unsealable):
        list(KEYS[suite].open_stream(io.BytesIO(bytes(changed)), context="c"))


def test_a_stream_in_another_context_is_refused(key: DataKey) -> None:
    with pytest.raises(Unsealable):
        list(key.open_stream(io.BytesIO(_stream(key, b"a file", "run:1")), context="run:2"))


def test_a_stream_gives_out_nothing_of_a_changed_piece(key: DataKey) -> None:
    changed = bytearray(_stream(key, bytes(3 * PIECE)))
    changed[36 + PIECE + TAG_BYTES + 5] ^= 1
    pieces = key.open_stream(io.BytesIO(bytes(changed)), context="c")
    assert next(pieces) == bytes(PIECE)
    with pytest.raises(Unsealable):
        next(pieces)


class _Drip(io.RawIOBase):
    """A source that gives fewer bytes than asked for, as sockets do."""

    def __init__(self, content: bytes) -> None:
        self._rest = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._rest.read(min(size, 1000))


def test_a_source_that_drips_is_sealed_and_opened_whole(key: DataKey) -> None:
    target = io.BytesIO()
    key.seal_stream(_Drip(b"x" * 100_000), target, context="c")  # type: ignore[arg-type]
    assert b"".join(key.open_stream(_Drip(target.getvalue()), context="c")) == b"x" * 100_000  # type: ignore[arg-type]


# The formats are promises to files that already lie on disks


def test_sm4_gcm_agrees_with_rfc_8998() -> None:
    aead = suite_named("SM4-GCM").aead(bytes.fromhex("0123456789abcdeffedcba9876543210"))
    plaintext = bytes.fromhex("".join(c * 16 for c in "abcdefea"))
    sealed = bytes.fromhex(
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
        "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
        "83de3541e4c2b58177e065a9bf7b62ec"
    )
    aad = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    nonce = bytes.fromhex("00001234567800000000abcd")
    assert aead.seal(nonce, plaintext, aad) == sealed
    assert aead.open(nonce, sealed, aad) == plaintext


GOLDEN = {
    "AES-256-GCM": (
        "736f6e6764612e777261702f310033329ebae344bbb76f8423ba337e92dc5a8ed307ea4ce0b75113baba66c62b505ef5c966"
        "f336d53002e40aff735623e0625661e317191c4e5e1a7e033184436f2d615d6536f76b882d854b54fa90368c775e88 "
        "0101000169a54b13dfca777bd1ad97b8da0c80f9350c73d790a7d3a6b709f98fb463d14a051fda9a "
        "01020001fb4f01307127cee30a9955346bacf2389a785224265932f3f0fbcdba8001599201443b9e2dd67428a3a95641d9bc"
        "2b6ff20e0a28748e "
        "37c6e2a131acfc91971ecb61e5bd0c43 "
        "jmf8joJifHPZheiO8S1KnkXK "
    ),
    "SM4-GCM": (
        "736f6e6764612e777261702f310033329ebae344bbb791bdba44525ac89f59146b689f1e25c092f1e578cf7684a55f782f44"
        "059649a164b3d294260502a5131545f968b75416a656ca31bd29b247c2a49bdcb419e73e43fb305eb25e347dcc6e4d "
        "0201000116e371d1983db3d83f56a922dcaee9c7fa38b281d8b0c677b433924875d05112892d656d "
        "02020001e81bc2233f5a957dbd4b7e609c311f4f284b3a51042b7ae48e8c0e9dec843e80bf874161cab593da40455d058307"
        "da5ee41db7dc582c "
        "a38345f1a27b3f0d49fe76564d54ef1a "
        "Fo8Xf49axAbYL7C1G6oP7Aj0 "
    ),
}


@pytest.mark.parametrize("suite", SUITES)
def test_what_an_earlier_release_sealed_still_opens(suite: str) -> None:
    wrapped, record, stream, index, token = GOLDEN[suite].split()
    old = open_data_key(MASTER, bytes.fromhex(wrapped))
    assert old.unseal(bytes.fromhex(record), context="person:1") == b"a person"
    assert b"".join(old.open_stream(io.BytesIO(bytes.fromhex(stream)), context="run:1")) == b"a file"
    assert old.blind_index("id_number", "11010519491231002X") == index
    assert old.token("letter", "ltr_1") == token


# Leaks


def test_neither_repr_nor_pickle_nor_copy_give_out_a_key(key: DataKey) -> None:
    assert repr(key) == f"DataKey({key.suite}, version 1)"
    assert repr(MASTER) == f"LocalMasterKey({MASTER.key_id})"
    for secretive in (key, MASTER):
        for copying in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="never pickled"):
                copying(secretive)


def test_an_unknown_suite_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match="AES-256-GCM, SM4-GCM"):
        new_data_key(MASTER, suite="ROT13")


def test_importing_the_room_does_not_load_cryptography() -> None:
    code = "import sys, songda.vault; sys.exit(any(name.startswith('cryptography') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
