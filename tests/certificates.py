"""Certificates of invented people and firms with their keys, as authorities hand them over: RSA, ECDSA and SM2, good ones and bad."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from songda.signatures import der

Kind = Literal["rsa", "ecdsa", "sm2"]
PASSWORD = "口令 long enough"
LAWYER, FIRM = "刘正言", "上海示例律师事务所"
FROM, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
_DER, _PEM = serialization.Encoding.DER, serialization.Encoding.PEM
_LOCK = serialization.BestAvailableEncryption(PASSWORD.encode())
_SM2_KEY = bytes.fromhex("301306072a8648ce3d020106082a811ccf5501822d")
_SM2_SIGNATURE = bytes.fromhex("300a06082a811ccf55018375")


@dataclass(frozen=True)
class Holder:
    """What somebody got from an authority."""

    #: Key (encrypted with PASSWORD) and certificate, PEM; PKCS#12, but for SM2.
    pem: bytes = field(repr=False)
    pkcs12: bytes | None = field(repr=False)
    certificate: str = field(repr=False)
    private: Any = field(repr=False)

    @property
    def key(self) -> bytes:
        """The encrypted key alone."""
        return self.pem.partition(b"-----BEGIN CERTIFICATE-----")[0]


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """One of each size: making them takes long."""
    return rsa.generate_private_key(65537, bits)


def holder(
    kind: Kind = "ecdsa",
    *,
    name: str | None = LAWYER,
    organization: str | None = None,
    subject: x509.Name | None = None,
    since: datetime = FROM,
    until: datetime = UNTIL,
    usage: Literal["sign", "commit", "encrypt", "unstated"] = "sign",
    authority: bool = False,
    key: Any = None,
    issuer: Holder | None = None,
) -> Holder:
    """`issuer`: of the same kind; itself when None."""
    private = key or {"rsa": rsa_key, "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()), "sm2": sm2_pair}[kind]()
    stated = [(NameOID.COMMON_NAME, name), (NameOID.ORGANIZATION_NAME, organization)]
    own = subject or x509.Name([x509.NameAttribute(oid, value) for oid, value in stated if value])
    above = x509.load_pem_x509_certificate(issuer.certificate.encode()).subject if issuer else own
    dummy = ec.generate_private_key(ec.SECP256R1()) if kind == "sm2" else private
    builder = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(above)
        .public_key(dummy.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if usage != "unstated":
        builder = builder.add_extension(_usage(usage, authority=authority), critical=True)
    by = issuer.private if issuer else private
    if kind == "sm2":
        certificate = _sm2_certificate(builder.sign(dummy, hashes.SHA256()), private, by)
        pem = certificate.public_bytes(_PEM)
        return Holder(_sm2_private(private) + pem, None, pem.decode(), private)
    algorithm = None if isinstance(by, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    certificate = builder.sign(by, algorithm)
    pem = certificate.public_bytes(_PEM)
    return Holder(
        private.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, _LOCK) + pem,
        pkcs12.serialize_key_and_certificates(b"key", private, certificate, None, _LOCK),
        pem.decode(),
        private,
    )


def sm2_pair() -> tuple[bytes, bytes]:
    """(private key, point)."""
    import gmssl_pyx

    point, private = gmssl_pyx.sm2_key_generate()
    return private, point


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


DAY = timedelta(days=1)


def _usage(usage: str, *, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=usage == "sign",
        content_commitment=usage in ("sign", "commit"),
        key_encipherment=usage == "encrypt",
        data_encipherment=usage == "encrypt",
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _sm2_certificate(model: x509.Certificate, own: tuple[bytes, bytes], by: tuple[bytes, bytes]) -> x509.Certificate:
    """The certificate that `model` is, about an SM2 key and signed with one."""
    import gmssl_pyx

    fields = [whole for _, whole in der.spans(der.value(model.tbs_certificate_bytes, der.SEQUENCE))]
    fields[2] = _SM2_SIGNATURE
    fields[6] = tlv(0x30, _SM2_KEY, tlv(0x03, b"\x00\x04", own[1]))
    body = tlv(0x30, *fields)
    signature = gmssl_pyx.sm2_sign(by[0], by[1], body)
    return x509.load_der_x509_certificate(tlv(0x30, body, _SM2_SIGNATURE, tlv(0x03, b"\x00", signature)))


def _sm2_private(pair: tuple[bytes, bytes]) -> bytes:
    """PKCS#8 under AES-256 and HMAC-SHA256, as OpenSSL 3 writes it."""
    inner = tlv(0x30, tlv(0x02, b"\x01"), tlv(0x04, pair[0]), tlv(0xA1, tlv(0x03, b"\x00\x04", pair[1])))
    plain = tlv(0x30, tlv(0x02, b"\x00"), _SM2_KEY, tlv(0x04, inner))
    salt, vector = os.urandom(16), os.urandom(16)
    key = PBKDF2HMAC(hashes.SHA256(), 32, salt, 2048).derive(PASSWORD.encode())
    pad = 16 - len(plain) % 16
    sealer = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    sealed = sealer.update(plain + bytes([pad]) * pad) + sealer.finalize()
    hmac = tlv(0x30, bytes.fromhex("06082a864886f70d02090500"))
    settings = tlv(0x30, tlv(0x04, salt), tlv(0x02, (2048).to_bytes(2, "big")), hmac)
    derivation = tlv(0x30, bytes.fromhex("06092a864886f70d01050c"), settings)
    encryption = tlv(0x30, bytes.fromhex("060960864801650304012a"), tlv(0x04, vector))
    scheme = tlv(0x30, bytes.fromhex("06092a864886f70d01050d"), tlv(0x30, derivation, encryption))
    return _pem("ENCRYPTED PRIVATE KEY", tlv(0x30, scheme, tlv(0x04, sealed)))


def tlv(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def _pem(label: str, data: bytes) -> bytes:
    import base64

    return f"-----BEGIN {label}-----\n{base64.encodebytes(data).decode()}-----END {label}-----\n".encode()
