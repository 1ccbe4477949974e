"""A stand-in time-stamping authority: a real HTTP server that signs real timestamps (RFC 3161) under a root of its own.

    with stamping() as authority:
        authority.url, authority.root        # to be asked, and to be trusted

Its clock is the machine's unless one is given. It keeps no state and is worth nothing as evidence.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_POLICY = "1.3.6.1.4.1.99999.1"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_SHA256, _ECDSA_SHA256 = "2.16.840.1.101.3.4.2.1", "1.2.840.10045.4.3.2"
_LONGEST_REQUEST = 4096


@dataclass(frozen=True, slots=True)
class Authority:
    url: str
    #: PEM of the certificate to trust.
    root: bytes


@dataclass(frozen=True, slots=True)
class Signer:
    key: EllipticCurvePrivateKey
    certificate: x509.Certificate
    root: x509.Certificate


def new_signer(name: str = "演练时间戳机构") -> Signer:
    """A fresh root and a certificate under it that may do nothing but stamp."""
    root_key, key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    root_name, own_name = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (f"{name} 根", name))
    began, ends = datetime(2020, 1, 1, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC)

    def builder(subject: x509.Name, public: Any, *, ca: bool) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(root_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(began)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )

    root = builder(root_name, root_key.public_key(), ca=True).sign(root_key, SHA256())
    stamps_only = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    own = builder(own_name, key.public_key(), ca=False).add_extension(stamps_only, critical=True)
    return Signer(key, own.sign(root_key, SHA256()), root)


@contextmanager
def stamping(
    signer: Signer | None = None, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Iterator[Authority]:
    """The server on loopback while the block runs."""
    chosen = signer or new_signer()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            if length > _LONGEST_REQUEST or self.headers.get("Content-Type") != "application/timestamp-query":
                self.send_error(400)
                return
            try:
                answer = stamp(self.rfile.read(length), chosen, at=clock())
            except ValueError:
                self.send_error(400)
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    worker = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    worker.start()
    try:
        yield Authority(f"http://127.0.0.1:{server.server_port}/tsa", chosen.root.public_bytes(Encoding.PEM))
    finally:
        server.shutdown()
        server.server_close()
        worker.join()


def stamp(request: bytes, signer: Signer, *, at: datetime) -> bytes:
    """TimeStampResp for a TimeStampReq with a SHA-256 imprint. Raises ValueError for anything else."""
    from rfc3161_client._rust import parse_timestamp_request

    asked = parse_timestamp_request(request)
    if len(asked.message_imprint.message) != 32:
        raise ValueError("imprint")
    info = _sequence(
        _integer(1),
        _oid(_POLICY),
        _sequence(_sequence(_oid(_SHA256)), _der(0x04, asked.message_imprint.message)),
        _integer(x509.random_serial_number()),
        _der(0x18, at.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode()),
        *([] if asked.nonce is None else [_integer(asked.nonce)]),
    )
    return _sequence(_sequence(_integer(0)), _signed(info, signer, at=at))


def _signed(info: bytes, signer: Signer, *, at: datetime) -> bytes:
    """CMS SignedData over `info` (RFC 5652), with the certificate and the hash that binds it (RFC 5035)."""
    own = signer.certificate.public_bytes(Encoding.DER)
    attributes = b"".join(
        sorted(
            (
                _attribute("1.2.840.113549.1.9.3", _oid(_TST_INFO)),
                _attribute("1.2.840.113549.1.9.4", _der(0x04, sha256(info).digest())),
                _attribute(
                    "1.2.840.113549.1.9.16.2.47", _sequence(_sequence(_sequence(_der(0x04, sha256(own).digest()))))
                ),
            )
        )
    )
    signature = signer.key.sign(_der(0x31, attributes), ECDSA(SHA256()))
    by = _sequence(signer.certificate.issuer.public_bytes(), _integer(signer.certificate.serial_number))
    digest = _sequence(_oid(_SHA256))
    signer_info = _sequence(
        _integer(1), by, digest, _der(0xA0, attributes), _sequence(_oid(_ECDSA_SHA256)), _der(0x04, signature)
    )
    signed = _sequence(
        _integer(3),
        _der(0x31, digest),
        _sequence(_oid(_TST_INFO), _der(0xA0, _der(0x04, info))),
        _der(0xA0, own),
        _der(0x31, signer_info),
    )
    return _sequence(_oid("1.2.840.113549.1.7.2"), _der(0xA0, signed))


def _attribute(oid: str, value: bytes) -> bytes:
    return _sequence(_oid(oid), _der(0x31, value))


def _sequence(*parts: bytes) -> bytes:
    return _der(0x30, b"".join(parts))


def _integer(value: int) -> bytes:
    return _der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    return _der(0x06, b"".join(_base128(arc) for arc in (first * 40 + second, *rest)))


def _base128(value: int) -> bytes:
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content
