"""Whom the reader of a bundle believes, from PEM files that he has from elsewhere: keys of institutions and lawyers,
certificates of lawyers, firms and their authorities, and of time-stamping authorities.

Without them a bundle can only say who it claims to come from (自称).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from songda.evidence.errors import BadTrust
from songda.signatures import NoSm2, VerifyingKey, is_sm2, issued_by, read_certificate

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Trust:
    #: DER of public keys (SubjectPublicKeyInfo).
    keys: frozenset[bytes] = frozenset()
    certificates: tuple[Certificate, ...] = ()

    @property
    def stampers(self) -> tuple[Certificate, ...]:
        """Certificates that may stand behind a timestamp: of authorities, and of those who stamp; not those of lawyers."""
        return tuple(each for each in self.certificates if _may_stamp(each))

    def vouches_for(self, key: VerifyingKey) -> bool:
        """Whether the reader named the key, its certificate, or the authority that issued that one."""
        if key.der in self.keys:
            return True
        if key.certificate is None:
            return False
        for each in map(read_certificate, self.certificates):
            try:
                if each == key.certificate or issued_by(key.certificate, each):
                    return True
            except NoSm2:
                continue
        return False


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


def _may_stamp(certificate: Certificate) -> bool:
    from cryptography.x509 import ExtendedKeyUsage, ExtensionNotFound
    from cryptography.x509.oid import ExtendedKeyUsageOID

    own = read_certificate(certificate)
    if is_sm2(own.public_key):
        return False
    try:
        purposes = certificate.extensions.get_extension_for_class(ExtendedKeyUsage).value
    except (ExtensionNotFound, ValueError):
        return own.authority
    return own.authority or ExtendedKeyUsageOID.TIME_STAMPING in purposes


def _blocks(pem: bytes, label: bytes) -> list[bytes]:
    return [match[0] for match in _BLOCK.finditer(pem) if match[1] == label]
