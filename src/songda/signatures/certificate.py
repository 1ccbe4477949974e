"""X.509 certificates of those who sign: what one says, and whether it may be signed with it on a day.

    (certificate,) = certificates(pem)
    check(certificate, names=["刘正言"], at=now)       # quiet, or raises UnfitKey
    issued_by(certificate, authority)                 # whether the authority signed it, itself

A certificate is taken because the institution's profile names it: whom its issuer has revoked, the institution strikes out
there. Format: RFC 5280; with SM2: GM/T 0015-2012.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from songda.signatures import der, sm2
from songda.signatures.errors import BadSignature, UnfitKey

if TYPE_CHECKING:
    from cryptography import x509

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Certificate:
    der: bytes = field(repr=False)
    #: RFC 4514.
    subject: str
    issuer: str
    #: What the holder is called in it: common name and its parts, surname with given name, organization.
    names: frozenset[str] = field(repr=False)
    not_before: datetime
    not_after: datetime
    #: Key usage names digitalSignature or nonRepudiation; a certificate that does not state its usage names neither.
    signs: bool
    #: It is an authority's own.
    authority: bool
    #: SubjectPublicKeyInfo, DER.
    public_key: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate (DER), hex."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def pem(self) -> str:
        from cryptography.hazmat.primitives.serialization import Encoding

        return _loaded(self.der).public_bytes(Encoding.PEM).decode()


def pem_blocks(pem: bytes) -> list[tuple[str, bytes]]:
    """(label, block) of everything that stands in `pem`, in order."""
    return [(match[1].decode(), match[0]) for match in _BLOCK.finditer(pem)]


def certificates(pem: bytes) -> tuple[Certificate, ...]:
    """The certificates that stand in `pem`, in order. Raises UnfitKey."""
    from cryptography.x509 import load_pem_x509_certificate

    try:
        found = [load_pem_x509_certificate(block) for label, block in pem_blocks(pem) if label == "CERTIFICATE"]
    except ValueError:
        raise UnfitKey("unreadable") from None
    return tuple(read_certificate(each) for each in found)


def read_certificate(certificate: x509.Certificate) -> Certificate:
    """Raises UnfitKey."""
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        signs, authority = _usage(certificate)
        return Certificate(
            der=certificate.public_bytes(Encoding.DER),
            subject=certificate.subject.rfc4514_string(),
            issuer=certificate.issuer.rfc4514_string(),
            names=frozenset(_names(certificate.subject)),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            signs=signs,
            authority=authority,
            public_key=_public_key(certificate.tbs_certificate_bytes),
        )
    except ValueError:
        raise UnfitKey("unreadable") from None


def check(certificate: Certificate, *, names: Iterable[str | None], at: datetime) -> None:
    """Quiet when one who is called one of `names` may sign with it at instant `at` (aware); raises UnfitKey otherwise."""
    if at < certificate.not_before:
        raise UnfitKey("not yet valid")
    if at > certificate.not_after:
        raise UnfitKey("expired")
    if certificate.authority:
        raise UnfitKey("authority")
    if not certificate.signs:
        raise UnfitKey("usage")
    if certificate.names.isdisjoint(_folded(name) for name in names if name):
        raise UnfitKey("name")


def issued_by(certificate: Certificate, authority: Certificate) -> bool:
    """Whether `authority` (marked as one) has signed `certificate` itself. Raises NoSm2."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    if not authority.authority or certificate.issuer != authority.subject:
        return False
    child, parent = _loaded(certificate.der), _loaded(authority.der)
    try:
        if sm2.is_sm2(authority.public_key):
            if child.signature_algorithm_oid.dotted_string != sm2.SIGNATURE:
                return False
            sm2.verify(sm2.point_of(authority.public_key), child.tbs_certificate_bytes, child.signature)
        else:
            child.verify_directly_issued_by(parent)
    except (BadSignature, InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _names(subject: x509.Name) -> Iterable[str]:
    from cryptography.x509.oid import NameOID

    def texts(oid: x509.ObjectIdentifier) -> list[str]:
        return [str(each.value) for each in subject.get_attributes_for_oid(oid)]

    for common in texts(NameOID.COMMON_NAME):
        yield _folded(common)
        # Some authorities join type, name and number of a person by @ in the common name.
        yield from (_folded(part) for part in common.split("@"))
    for organization in texts(NameOID.ORGANIZATION_NAME):
        yield _folded(organization)
    for surname, given in zip(texts(NameOID.SURNAME), texts(NameOID.GIVEN_NAME), strict=False):
        yield _folded(surname + given)


def _folded(name: str) -> str:
    """Full-width letters and brackets, and blanks, make no other name."""
    return "".join(unicodedata.normalize("NFKC", name).split())


def _usage(certificate: x509.Certificate) -> tuple[bool, bool]:
    """(may sign, is an authority's). Raises ValueError for extensions that cannot be read."""
    from cryptography import x509

    signs = authority = False
    try:
        extensions = certificate.extensions
    except x509.DuplicateExtension as error:
        raise ValueError("an extension twice") from error
    for extension in extensions:
        if isinstance(extension.value, x509.KeyUsage):
            signs = extension.value.digital_signature or extension.value.content_commitment
        elif isinstance(extension.value, x509.BasicConstraints):
            authority = extension.value.ca
    return signs, authority


def _public_key(to_be_signed: bytes) -> bytes:
    """SubjectPublicKeyInfo: the seventh field where a version is stated, else the sixth. Raises ValueError."""
    found = list(der.spans(der.value(to_be_signed, der.SEQUENCE)))
    stated = found[0][0].tag == 0xA0 if found else False
    if len(found) < 6 + stated:
        raise ValueError("not a certificate")
    return found[5 + stated][1]


def _loaded(data: bytes) -> x509.Certificate:
    from cryptography.x509 import load_der_x509_certificate

    return load_der_x509_certificate(data)
