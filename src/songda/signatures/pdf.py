"""Signatures inside PDFs: PAdES baseline B-B, and B-T with a timestamp (ETSI EN 319 142-1), appended to a record that stays as it is.

    signed = sign_pdf(record, signer, stamp=None)      # begins with the very bytes of `record`
    verify_pdf(signed, record)                         # SignedPdf, or raises BadSignature

The signature is an incremental update: the record's hash is that of the first bytes of the signed file, on any day and
under any key. Made by pyHanko (MIT, the extra `pades`). What is verified is what lies behind the record, without parsing
the PDF: a file from a stranger must not be able to keep the reader busy.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from songda.signatures import der
from songda.signatures.certificate import read_certificate
from songda.signatures.errors import BadSignature, NoPades, UnfitKey
from songda.signatures.keys import Signer, VerifyingKey, certified

if TYPE_CHECKING:
    from asn1crypto.tsp import TimeStampReq, TimeStampResp

#: (TimeStampReq, the SHA-256 that it is about) → TimeStampResp.
Stamp = Callable[[bytes, bytes], bytes]

FIELD: Final = "songda"
#: Bytes of a CMS object but for certificates and timestamp; of a timestamp with the certificates of its authority.
_CMS_BYTES, _TOKEN_BYTES = 2_500, 16_000
_BYTE_RANGE = re.compile(rb"/ByteRange \[0 (\d{1,10}) (\d{1,10}) (\d{1,10})\]")
_HEX = re.compile(rb"<([0-9a-fA-F]+)>")


@dataclass(frozen=True, slots=True)
class SignedPdf:
    """Who signed, by the certificate in the file."""

    key: VerifyingKey
    #: The signature itself, which a timestamp is about.
    signature: bytes = field(repr=False)
    #: TimeStampResp, not verified here; None: no timestamp.
    token: bytes | None = field(repr=False)


def sign_pdf(record: bytes, signer: Signer, *, stamp: Stamp | None) -> bytes:
    """`record` with a signature by `signer` appended; with a timestamp over it where `stamp` is given.

    Raises NoPades, UnfitKey for a key that has no place in PDF (SM2, no certificate), and what `stamp` raises.
    """
    if signer.key.certificate is None or signer.key.scheme not in ("rsa-sha256", "ecdsa-p256-sha256"):
        raise UnfitKey("algorithm")
    try:
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
        from pyhanko.sign.fields import SigSeedSubFilter
        from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner
    except ImportError:
        raise NoPades from None
    how = PdfSignatureMetadata(field_name=FIELD, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES)
    # Told beforehand how long it gets, the library does not sign twice. Two digits a byte.
    certificates = len(signer.key.certificate.der) + sum(map(len, signer.chain))
    reserved = 2 * (_CMS_BYTES + certificates + (_TOKEN_BYTES if stamp else 0))
    writer = IncrementalPdfFileWriter(io.BytesIO(record))
    made = PdfSigner(how, signer=_cms_signer(signer), timestamper=_time_stamper(stamp) if stamp else None)
    signed: bytes = made.sign_pdf(writer, bytes_reserved=reserved).getvalue()
    return signed


def verify_pdf(signed: bytes, record: bytes) -> SignedPdf:
    """Who signed `record`, when `signed` is the record with one signature over all bytes behind it.

    Raises BadSignature, UnfitKey for a key that is too weak, NoPades.
    """
    if not signed.startswith(record):
        raise BadSignature
    return _verified(*_parts(signed, record))


def _parts(signed: bytes, record: bytes) -> tuple[bytes, bytes]:
    """(CMS object, the bytes that it covers): all of the file but the object itself. Raises BadSignature."""
    added = signed[len(record) :]
    found = _BYTE_RANGE.findall(added)
    # One revision behind the record, which is the signature's.
    if len(found) != 1 or added.count(b"%%EOF") != 1:
        raise BadSignature
    ends, begins, rest = map(int, found[0])
    if not len(record) <= ends < begins or begins + rest != len(signed):
        raise BadSignature
    hexadecimal = _HEX.fullmatch(signed[ends:begins])
    if hexadecimal is None or len(hexadecimal[1]) % 2:
        raise BadSignature
    return bytes.fromhex(hexadecimal[1].decode()), signed[:ends] + signed[begins:]


def _verified(cms: bytes, covered: bytes) -> SignedPdf:
    try:
        from asn1crypto import cms as asn1
        from pyhanko.sign.general import extract_certificate_info, extract_signer_info
        from pyhanko.sign.validation.generic_cms import validate_sig_integrity
    except ImportError:
        raise NoPades from None
    from cryptography.x509 import load_der_x509_certificate

    try:
        _, whole = next(der.spans(cms))
        if any(cms[len(whole) :]):
            raise BadSignature
        data = asn1.ContentInfo.load(whole)["content"]
        info, certificate = extract_signer_info(data), extract_certificate_info(data).signer_cert
        # Whom the reader trusts is asked by the caller: here only whether the certificate's key has signed these bytes.
        sound = info["digest_algorithm"]["algorithm"].native == "sha256" and all(
            validate_sig_integrity(info, certificate, "data", sha256(covered).digest())
        )
        own, signature, token = load_der_x509_certificate(certificate.dump()), info["signature"].native, _token(info)
    except Exception as error:
        # A stranger's bytes can fail in a parser in any way.
        raise BadSignature from error
    if not sound:
        raise BadSignature
    return SignedPdf(certified(read_certificate(own)), signature, token)


def _token(info: Any) -> bytes | None:
    from asn1crypto import tsp

    for attribute in info["unsigned_attrs"]:
        if attribute["type"].native == "signature_time_stamp_token":
            answer = tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": attribute["values"][0]})
            data: bytes = answer.dump()
            return data
    return None


def _cms_signer(signer: Signer) -> Any:
    from asn1crypto.x509 import Certificate as Asn1
    from pyhanko.sign.signers import Signer as CmsSigner
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple([Asn1.load(each) for each in signer.chain])
    assert signer.key.certificate is not None

    class Own(CmsSigner):
        async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
            return signer.sign(data)

    return Own(signing_cert=Asn1.load(signer.key.certificate.der), cert_registry=store)


def _time_stamper(stamp: Stamp) -> Any:
    from asn1crypto import tsp
    from pyhanko.sign.timestamps import TimeStamper

    class Own(TimeStamper):
        async def async_request_tsa_response(self, req: TimeStampReq) -> TimeStampResp:
            return tsp.TimeStampResp.load(stamp(req.dump(), req["message_imprint"]["hashed_message"].native))

    return Own()  # type: ignore[no-untyped-call]
