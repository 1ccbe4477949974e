"""Whom the reader of a bundle believes, from PEM files that he has from elsewhere: keys of institutions and lawyers,
certificates of time-stamping authorities.

Without them a bundle can only say who it claims to come from (自称).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from songda.evidence.errors import BadTrust

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Trust:
    #: DER of public keys (SubjectPublicKeyInfo).
    keys: frozenset[bytes] = frozenset()
    certificates: tuple[Certificate, ...] = ()


def read_trust(pems: Iterable[tuple[str, bytes]]) -> Trust:
    """Trust from (file name, PEM) pairs. Raises BadTrust for a file that holds neither key nor certificate."""
    keys: set[bytes] = set()
    found: list[Certificate] = []
    for source, pem in pems:
        own, certs = _keys(pem, source=source), certificates(pem, source=source)
        if not own and not certs:
            raise BadTrust(file=source, reason="其中没有公钥，也没有证书")
        keys |= own
        found += certs
    return Trust(frozenset(keys), tuple(found))


def certificates(pem: bytes, *, source: str) -> list[Certificate]:
    """The certificates that stand in `pem`. Raises BadTrust."""
    from cryptography.x509 import load_pem_x509_certificate

    try:
        return [load_pem_x509_certificate(block) for block in _blocks(pem, b"CERTIFICATE")]
    except ValueError:
        raise BadTrust(file=source, reason="证书无法解读") from None


def _keys(pem: bytes, *, source: str) -> set[bytes]:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

    try:
        return {
            load_pem_public_key(block).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            for block in _blocks(pem, b"PUBLIC KEY")
        }
    except (ValueError, UnsupportedAlgorithm):
        raise BadTrust(file=source, reason="公钥无法解读") from None


def _blocks(pem: bytes, label: bytes) -> list[bytes]:
    return [match[0] for match in _BLOCK.finditer(pem) if match[1] == label]
