"""Keys and certificates as authorities hand them over: what is taken, what is refused and why."""

from __future__ import annotations

import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from certificates import DAY, FROM, LAWYER, PASSWORD, UNTIL, holder, rsa_key
from songda.signatures import (
    BadSignature,
    UnfitKey,
    WrongKey,
    certificates,
    check,
    issued_by,
    open_signer,
    verifying_keys,
)

AT = datetime.fromisoformat("2026-11-24T17:00:00+08:00")
MESSAGE = "律师函名单".encode() * 50
KINDS = ("rsa", "ecdsa", "sm2")


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_with_its_certificate_signs_and_one_changed_byte_is_found(kind: Any) -> None:
    owner = holder(kind)
    signer = open_signer(owner.pem, PASSWORD)
    (key,) = verifying_keys(owner.certificate.encode())
    assert signer.key == key
    signature = signer.sign(MESSAGE)
    key.verify(MESSAGE, signature)
    for place in range(0, len(MESSAGE), 37):
        with pytest.raises(BadSignature):
            key.verify(MESSAGE[:place] + b"\0" + MESSAGE[place + 1 :], signature)
    for place in range(len(signature)):
        changed = bytearray(signature)
        changed[place] ^= 1
        with pytest.raises(BadSignature):
            key.verify(MESSAGE, bytes(changed))
    for other in (b"", signature[:-1], signature + b"\0", b"\x30\x00", bytes(len(signature))):
        with pytest.raises(BadSignature):
            key.verify(MESSAGE, other)


@pytest.mark.parametrize("kind", KINDS)
def test_the_certificate_may_come_in_a_file_of_its_own(kind: Any) -> None:
    owner = holder(kind)
    assert open_signer(owner.key, PASSWORD, certificate=owner.certificate.encode()).key.certificate is not None
    with pytest.raises(UnfitKey, match="no certificate"):
        open_signer(owner.key, PASSWORD)
    with pytest.raises(UnfitKey, match="not the key's certificate"):
        open_signer(owner.key, PASSWORD, certificate=holder(kind, key=_other(kind)).certificate.encode())


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_pkcs12_brings_key_and_certificate(kind: Any) -> None:
    owner = holder(kind)
    assert owner.pkcs12 is not None
    signer = open_signer(owner.pkcs12, PASSWORD)
    signer.key.verify(MESSAGE, signer.sign(MESSAGE))
    assert signer.key.pem == owner.certificate
    with pytest.raises(WrongKey):
        open_signer(owner.pkcs12, "wrong")
    with pytest.raises(WrongKey):
        open_signer(owner.pkcs12[:-20], PASSWORD)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("password", ["", "wrong", PASSWORD + " "])
def test_a_wrong_password_opens_nothing(kind: Any, password: str) -> None:
    with pytest.raises(WrongKey):
        open_signer(holder(kind).pem, password)


def test_a_key_that_lies_open_is_not_taken() -> None:
    bare = rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(UnfitKey, match="no private key"):
        open_signer(bare + holder("rsa").certificate.encode(), "")


def test_a_bare_key_is_taken_only_where_it_was_made_here() -> None:
    def pem(private: Any) -> bytes:
        data: bytes = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return data

    assert [key.scheme for key in verifying_keys(pem(ed25519.Ed25519PrivateKey.generate()))] == ["ed25519"]
    for private in (rsa_key(), ec.generate_private_key(ec.SECP256R1())):
        with pytest.raises(UnfitKey, match="no certificate"):
            verifying_keys(pem(private))
    for nothing in (b"", b"no key", b"-----BEGIN X-----\n-----END X-----"):
        with pytest.raises(UnfitKey, match="no key"):
            verifying_keys(nothing)


@pytest.mark.parametrize(
    ("private", "reason"),
    [
        (lambda: rsa_key(1024), "weak"),
        (lambda: ec.generate_private_key(ec.SECP384R1()), "curve"),
        (lambda: ec.generate_private_key(ec.SECP256K1()), "curve"),
        (lambda: ec.generate_private_key(ec.SECP224R1()), "curve"),
        (lambda: dsa.generate_private_key(1024), "algorithm"),
    ],
)
def test_weak_keys_and_wrong_curves_are_refused(private: Any, reason: str) -> None:
    owner = holder("rsa", key=private())
    with pytest.raises(UnfitKey, match=reason):
        verifying_keys(owner.certificate.encode())
    with pytest.raises(UnfitKey, match=reason):
        open_signer(owner.pem, PASSWORD)


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_holds_from_its_first_to_its_last_second(kind: Any) -> None:
    (own,) = certificates(holder(kind).certificate.encode())
    for at in (FROM, AT, UNTIL):
        check(own, names=[LAWYER], at=at)
    for at, reason in ((FROM - DAY, "not yet valid"), (UNTIL + DAY, "expired")):
        with pytest.raises(UnfitKey, match=reason):
            check(own, names=[LAWYER], at=at)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"usage": "encrypt"}, "usage"),
        ({"usage": "unstated"}, "usage"),
        ({"name": "刘正严"}, "name"),
        ({"authority": True}, "authority"),
    ],
)
def test_a_certificate_for_something_or_somebody_else_is_refused(kind: Any, changes: Any, reason: str) -> None:
    (own,) = certificates(holder(kind, **changes).certificate.encode())
    with pytest.raises(UnfitKey, match=reason) as refused:
        check(own, names=[LAWYER], at=AT)
    assert LAWYER not in str(refused.value)
    assert refused.value.message_zh.startswith("密钥或证书不能用于签名：")


def test_a_holder_may_be_named_in_the_ways_that_authorities_use() -> None:
    def named(*attributes: tuple[Any, str]) -> Any:
        subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])
        return certificates(holder(subject=subject, usage="commit").certificate.encode())[0]

    for own in (
        named((NameOID.COMMON_NAME, LAWYER)),
        named((NameOID.COMMON_NAME, "051@刘正言@1310120@1")),
        named((NameOID.COMMON_NAME, "1"), (NameOID.SURNAME, "刘"), (NameOID.GIVEN_NAME, "正言")),
        named((NameOID.COMMON_NAME, "刘 正言")),
    ):
        check(own, names=[None, LAWYER], at=AT)
    for own in (named((NameOID.COMMON_NAME, "刘正言律师")), named((NameOID.COMMON_NAME, "正言"))):
        with pytest.raises(UnfitKey, match="name"):
            check(own, names=[LAWYER], at=AT)
    with pytest.raises(UnfitKey, match="name"):
        check(named((NameOID.COMMON_NAME, LAWYER)), names=[None], at=AT)


@pytest.mark.parametrize("kind", KINDS)
def test_whether_an_authority_issued_a_certificate_is_computed(kind: Any) -> None:
    authority = holder(kind, name="示例证书机构", authority=True, key=_other(kind))
    namesake = holder(kind, name="示例证书机构", authority=True)
    no_authority = holder(kind, name="示例证书机构", key=authority.private)
    (own,) = certificates(holder(kind, issuer=authority).certificate.encode())
    for above, expected in ((authority, True), (namesake, False), (no_authority, False)):
        assert issued_by(own, certificates(above.certificate.encode())[0]) is expected


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("cipher", ["aes-256-cbc", "aes-128-cbc", "sm4-cbc"])
def test_sm2_keys_and_signatures_are_those_of_openssl(tmp_path: Path, cipher: str) -> None:
    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=tmp_path, check=True, capture_output=True)

    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2", "-out", "open.pem")
    openssl("pkcs8", "-topk8", "-in", "open.pem", "-out", "key.pem", "-passout", "pass:abc", "-v2", cipher)
    distinguished = ("-sigopt", "distid:1234567812345678")
    request = ("req", "-x509", "-new", "-key", "open.pem", "-sm3", *distinguished, "-subj", f"/CN={LAWYER}", "-utf8")
    extensions = ("-addext", "keyUsage=critical,digitalSignature", "-addext", "basicConstraints=critical,CA:TRUE")
    openssl(*request, "-days", "30", "-out", "own.pem", *extensions)
    own = (tmp_path / "own.pem").read_bytes()
    signer = open_signer((tmp_path / "key.pem").read_bytes() + own, "abc")
    with pytest.raises(WrongKey):
        open_signer((tmp_path / "key.pem").read_bytes() + own, "abd")
    (certificate,) = certificates(own)
    assert issued_by(certificate, certificate)
    (tmp_path / "message").write_bytes(MESSAGE)
    (tmp_path / "ours").write_bytes(signer.sign(MESSAGE))
    openssl("x509", "-in", "own.pem", "-pubkey", "-noout", "-out", "public.pem")
    openssl("dgst", "-sm3", "-verify", "public.pem", *distinguished, "-signature", "ours", "message")
    openssl("dgst", "-sm3", "-sign", "open.pem", *distinguished, "-out", "theirs", "message")
    signer.key.verify(MESSAGE, (tmp_path / "theirs").read_bytes())


def test_no_cut_or_changed_file_does_more_than_be_refused() -> None:
    for kind in ("sm2", "ecdsa"):
        pem = holder(kind).pem
        for place in range(30, len(pem), 61):
            for changed in (pem[:place], pem[:place] + b"AA" + pem[place + 2 :]):
                try:
                    signer = open_signer(changed, PASSWORD)
                except (UnfitKey, WrongKey):
                    continue
                signer.key.verify(b"m", signer.sign(b"m"))


def _other(kind: str) -> Any:
    """Another key than `holder` takes by itself, where that is always the same."""
    return rsa_key(3072) if kind == "rsa" else None
