"""Trusted timestamps (RFC 3161): what an authority that is none of ours says existed at an instant.

    asked = new_request(message)
    token = ...                                     # the authority's answer to asked.der
    stamp = read_stamp(token, message, roots=certificates)
    stamp.at, stamp.authority

Only answers over SHA-256 are taken. The certificates only need to have been valid when the stamp was made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from songda.evidence.errors import UntrustedStamp

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_SHA256 = "2.16.840.1.101.3.4.2.1"
#: Answers are about 1 kB, with a long chain of certificates 10 kB.
MAX_TOKEN_BYTES = 64 * 1024


class Request(NamedTuple):
    der: bytes
    nonce: int | None


@dataclass(frozen=True, slots=True)
class Stamp:
    at: datetime
    #: Subject of the certificate that signed.
    authority: str
    #: DER of that certificate.
    certificate: bytes


def new_request(message: bytes) -> Request:
    """A TimeStampReq for `message` (not empty) with a nonce; asks for the certificates too."""
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    asked = TimestampRequestBuilder().data(message).hash_algorithm(HashAlgorithm.SHA256).build()
    return Request(asked.as_bytes(), asked.nonce)


def read_stamp(token: bytes, message: bytes, *, roots: Sequence[Certificate], nonce: int | None = None) -> Stamp:
    """What the TimeStampResp `token` says about `message`, when it stems from an authority under one of `roots`.

    `nonce`: of the request, when the answer to it is read. Raises UntrustedStamp.
    """
    return check_stamp(token, sha256(message).digest(), roots=roots, nonce=nonce)


def check_stamp(token: bytes, hashed: bytes, *, roots: Sequence[Certificate], nonce: int | None = None) -> Stamp:
    """As `read_stamp`, about a message of which only the SHA-256 is known."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    if len(token) > MAX_TOKEN_BYTES:
        raise UntrustedStamp(reason="too long")
    if not roots:
        raise UntrustedStamp(reason="no root")
    try:
        answer = decode_timestamp_response(token)
        if answer.tst_info.message_imprint.hash_algorithm.dotted_string != _SHA256:
            raise UntrustedStamp(reason="imprint is not SHA-256")
        VerifierBuilder(roots=list(roots), nonce=nonce).build().verify(answer, hashed)
        signer = _signer(answer)
        at = answer.tst_info.gen_time
    except (VerificationError, UnsupportedAlgorithm, ValueError) as error:
        # The library's own words name certificates and reasons, nobody else.
        raise UntrustedStamp(reason=str(error)[:200]) from None
    return Stamp(at.astimezone(UTC), signer.subject.rfc4514_string(), _der(signer))


def _signer(answer: object) -> Certificate:
    """The certificate of the one signer; that there is exactly one was verified before."""
    from typing import cast

    from cryptography.x509 import load_der_x509_certificate
    from rfc3161_client import TimeStampResponse

    signed = cast(TimeStampResponse, answer).signed_data
    (info,) = signed.signer_infos
    certificates = [load_der_x509_certificate(der) for der in signed.certificates]
    return next(c for c in certificates if (c.issuer, c.serial_number) == (info.issuer, info.serial_number))


def _der(certificate: Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)
