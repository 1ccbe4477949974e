"""Signatures: keys and certificates of those who sign, and signed PDFs.

    signer = open_signer(data, "password")                     # PEM or PKCS#12: Ed25519, RSA, ECDSA P-256, SM2
    check(signer.key.certificate, names=["刘正言"], at=now)     # quiet, or raises UnfitKey
    (key,) = verifying_keys(pem)
    key.verify(message, signer.sign(message))                  # quiet, or raises BadSignature
    signed = sign_pdf(record, signer, at=now, stamp=None)      # record + what was appended (PAdES)

Pure: no database, no vault, no network, no clock. SM2 needs the extra `sm2`, signatures inside PDFs the extra `pades`;
without them NoSm2 and NoPades say so in words.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songda.signatures.certificate import Certificate, certificates, check, issued_by, read_certificate
    from songda.signatures.errors import BadSignature, NoPades, NoSm2, UnfitKey, WrongKey
    from songda.signatures.keys import SCHEMES_ZH, Scheme, Signer, VerifyingKey, open_signer, verifying_keys
    from songda.signatures.pdf import SignedPdf, Stamp, sign_pdf, verify_pdf
    from songda.signatures.sm2 import is_sm2

_HOMES = {
    "certificate": ("Certificate", "certificates", "check", "issued_by", "read_certificate"),
    "errors": ("BadSignature", "NoPades", "NoSm2", "UnfitKey", "WrongKey"),
    "keys": ("SCHEMES_ZH", "Scheme", "Signer", "VerifyingKey", "open_signer", "verifying_keys"),
    "pdf": ("SignedPdf", "Stamp", "sign_pdf", "verify_pdf"),
    "sm2": ("is_sm2",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "SCHEMES_ZH",
    "BadSignature",
    "Certificate",
    "NoPades",
    "NoSm2",
    "Scheme",
    "SignedPdf",
    "Signer",
    "Stamp",
    "UnfitKey",
    "VerifyingKey",
    "WrongKey",
    "certificates",
    "check",
    "is_sm2",
    "issued_by",
    "open_signer",
    "read_certificate",
    "sign_pdf",
    "verify_pdf",
    "verifying_keys",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
