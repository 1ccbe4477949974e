"""The seal: files, list, timestamp and signature hold each other."""

from __future__ import annotations

import pytest
from bench.evidence_forgeries import Keys, header, new_keys

from songda.evidence import BadBundle, Trust, check_seal, public_pem, read_trust, sealed
from songda.evidence.manifest import MAX_JSON_BYTES, read_json

FILES = {"a.txt": b"1", "b/c.txt": b"2"}


def test_a_seal_tells_who_and_when(keys: Keys) -> None:
    files = sealed(FILES, header(keys), key=keys.institution, stamp=keys.stamp)
    claimed, trusted = check_seal(files, Trust()), check_seal(files, keys.trust())
    assert (claimed.origin.trusted, trusted.origin.trusted) == (False, True)
    assert claimed.origin.key_id == trusted.origin.key_id
    assert claimed.stamped is not None
    assert trusted.stamped is not None
    assert (claimed.stamped.trusted, trusted.stamped.trusted) == (False, True)
    assert trusted.header["institution"] == header(keys)["institution"]
    assert check_seal(sealed(FILES, header(keys), key=keys.institution, stamp=None), Trust()).stamped is None


def test_sealing_twice_gives_the_same_bytes(keys: Keys) -> None:
    assert sealed(FILES, header(keys), key=keys.institution, stamp=None) == sealed(
        FILES, header(keys), key=keys.institution, stamp=None
    )


def test_a_file_more_less_or_other_is_found(keys: Keys) -> None:
    files = sealed(FILES, header(keys), key=keys.institution, stamp=None)
    for changed in (
        files | {"d.txt": b""},
        {name: data for name, data in files.items() if name != "a.txt"},
        files | {"a.txt": b"2"},
        {name: data for name, data in files.items() if name != "manifest.sig"},
        files | {"manifest.tsr": keys.stamp(files["manifest.json"])},
    ):
        with pytest.raises(BadBundle):
            check_seal(changed, Trust())


def test_another_institution_or_authority_is_not_believed(keys: Keys) -> None:
    files = sealed(FILES, header(keys), key=keys.institution, stamp=keys.stamp)
    other = new_keys(2)
    with pytest.raises(BadBundle) as caught:
        check_seal(files, read_trust([("t", public_pem(other.institution).encode())]))
    assert "公钥不是你所信任" in caught.value.message_zh or "不是你所信任的机构的公钥" in caught.value.message_zh
    with pytest.raises(BadBundle) as caught:
        check_seal(files, read_trust([("t", other.root())]))
    assert "时间戳" in caught.value.message_zh


def test_the_authoritys_own_certificate_is_as_good_as_its_root(keys: Keys) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    files = sealed(FILES, header(keys), key=keys.institution, stamp=keys.stamp)
    own = keys.authority.certificate.public_bytes(Encoding.PEM)
    seal = check_seal(files, read_trust([("t", own)]))
    assert seal.stamped is not None
    assert seal.stamped.trusted


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b"[1]",
        b"null",
        b"\xff",
        b"{",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"a":' + b"9" * 10_000 + b"}",
    ],
)
def test_json_that_two_readers_could_read_differently_is_refused(text: bytes) -> None:
    with pytest.raises(BadBundle):
        read_json(text)


def test_a_huge_json_is_refused_unread() -> None:
    with pytest.raises(BadBundle) as caught:
        read_json(b" " * (MAX_JSON_BYTES + 1))
    assert "过大" in caught.value.message_zh
