"""Keys that sign letters and approvals, and those that verify: one way of signing for each kind of key.

    signer = open_signer(data, "password")             # PEM or PKCS#12; the certificate beside the key or in its own PEM
    signature = signer.sign(message)
    (key,) = verifying_keys(pem)                       # public keys (Ed25519) and certificates
    key.verify(message, signature)                     # quiet, or raises BadSignature

| scheme | key | vouched for by | standard |
| --- | --- | --- | --- |
| ed25519 | Ed25519 | the profile | RFC 8032 |
| rsa-sha256 | RSA, 2,048 bits and more | a certificate | RFC 8017 §8.2 (PKCS#1 v1.5), which every reader of PDF knows |
| ecdsa-p256-sha256 | P-256 | a certificate | FIPS 186-5 |
| sm2-sm3 | SM2 | a certificate | GM/T 0003.2, 0009, 0015 |
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from songda.signatures import sm2
from songda.signatures.certificate import Certificate, certificates, pem_blocks, read_certificate
from songda.signatures.errors import BadSignature, UnfitKey, WrongKey

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

Scheme = Literal["ed25519", "rsa-sha256", "ecdsa-p256-sha256", "sm2-sm3"]
SCHEMES_ZH: dict[str, str] = {
    "ed25519": "Ed25519",
    "rsa-sha256": "RSA（SHA-256）",
    "ecdsa-p256-sha256": "ECDSA（P-256，SHA-256）",
    "sm2-sm3": "国密 SM2（SM3）",
}
_LEAST_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    scheme: Scheme
    #: SubjectPublicKeyInfo, DER.
    der: bytes = field(repr=False)
    #: None: a bare key.
    certificate: Certificate | None = None

    @property
    def id(self) -> str:
        """SHA-256 of the key (DER), hex."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def pem(self) -> str:
        """The certificate, or the bare key."""
        if self.certificate is not None:
            return self.certificate.pem
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        pem: bytes = _public(self.der).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem.decode()

    def verify(self, message: bytes, signature: bytes) -> None:
        """Quiet when the holder of the key has signed `message`. Raises BadSignature, NoSm2."""
        from cryptography.exceptions import InvalidSignature

        if self.scheme == "sm2-sm3":
            sm2.verify(sm2.point_of(self.der), message, signature)
            return
        try:
            _public(self.der).verify(signature, message, *_how(self.scheme))
        except InvalidSignature:
            raise BadSignature from None


@dataclass(frozen=True, slots=True)
class Signer:
    """An opened private key."""

    key: VerifyingKey
    #: Certificates of the issuers that came with it, DER.
    chain: tuple[bytes, ...] = field(repr=False)
    #: Message → signature. Raises NoSm2.
    sign: Callable[[bytes], bytes] = field(repr=False)


def verifying_keys(pem: bytes) -> tuple[VerifyingKey, ...]:
    """The keys that stand in `pem`, as public keys or certificates, in order. Raises UnfitKey."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

    found = []
    for label, block in pem_blocks(pem):
        if label == "CERTIFICATE":
            found += [certified(each) for each in certificates(block)]
        elif label == "PUBLIC KEY":
            try:
                public = load_pem_public_key(block)
            except UnsupportedAlgorithm:
                raise UnfitKey("no certificate") from None
            except ValueError:
                raise UnfitKey("unreadable") from None
            key = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            if _scheme(key) != "ed25519":
                # Only a certificate says whose key it is; Ed25519 keys are made here and handed over by their holder.
                raise UnfitKey("no certificate")
            found.append(VerifyingKey("ed25519", key))
    if not found:
        raise UnfitKey("no key")
    return tuple(found)


def open_signer(data: bytes, password: str, *, certificate: bytes | None = None) -> Signer:
    """The key in `data`: PEM (PKCS#8, encrypted) or PKCS#12, which may bring its certificate; or that stands in `certificate`.

    Raises WrongKey when the password does not open it, UnfitKey.
    """
    if b"-----BEGIN " not in data:
        return _open_pkcs12(data, password, certificate)
    own = certificates(data) + (certificates(certificate) if certificate else ())
    blocks = [block for label, block in pem_blocks(data) if label == "ENCRYPTED PRIVATE KEY"]
    if len(blocks) != 1:
        raise UnfitKey("no private key")
    if any(sm2.is_sm2(each.public_key) for each in own):
        return _sm2_signer(blocks[0], password, own)
    return _signer(_load_pem(blocks[0], password), own)


def _open_pkcs12(data: bytes, password: str, certificate: bytes | None) -> Signer:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

    try:
        private, leaf, others = load_key_and_certificates(data, password.encode())
    except UnsupportedAlgorithm:
        # SM2 keys come as PEM: no library here reads them in PKCS#12.
        raise UnfitKey("algorithm") from None
    except ValueError:
        raise WrongKey from None
    if private is None:
        raise UnfitKey("no private key")
    loaded: list[x509.Certificate] = [*([leaf] if leaf else ()), *others]
    return _signer(private, tuple(map(read_certificate, loaded)) + (certificates(certificate) if certificate else ()))


def _load_pem(block: bytes, password: str) -> PrivateKeyTypes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(block, password.encode())
    except UnsupportedAlgorithm:
        raise UnfitKey("no certificate") from None
    except (ValueError, TypeError):
        raise WrongKey from None


def _signer(private: Any, own: tuple[Certificate, ...]) -> Signer:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    scheme = _scheme(public)
    if scheme == "ed25519":
        return Signer(VerifyingKey(scheme, public), (), private.sign)
    key = certified(_own(own, public))
    return Signer(key, _chain(own, key), lambda message: private.sign(message, *_how(scheme)))


def _sm2_signer(block: bytes, password: str, own: tuple[Certificate, ...]) -> Signer:
    import base64

    try:
        pkcs8 = base64.b64decode(b"".join(block.splitlines()[1:-1]))
    except ValueError:
        raise UnfitKey("unreadable") from None
    private = sm2.open_private(pkcs8, password)
    for certificate in own:
        if sm2.is_sm2(certificate.public_key) and _is_pair(private, sm2.point_of(certificate.public_key)):
            key = certified(certificate)
            return Signer(key, _chain(own, key), partial(sm2.sign, private, sm2.point_of(key.der)))
    raise UnfitKey("not the key's certificate")


def _is_pair(private: bytes, point: bytes) -> bool:
    try:
        sm2.verify(point, b"pair", sm2.sign(private, point, b"pair"))
    except BadSignature:
        return False
    return True


def _own(own: tuple[Certificate, ...], public: bytes) -> Certificate:
    if not own:
        raise UnfitKey("no certificate")
    for certificate in own:
        if certificate.public_key == public:
            return certificate
    raise UnfitKey("not the key's certificate")


def _chain(own: tuple[Certificate, ...], key: VerifyingKey) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(each.der for each in own if each != key.certificate))


def certified(certificate: Certificate) -> VerifyingKey:
    """The key that a certificate vouches for. Raises UnfitKey for one that is too weak or of another kind."""
    return VerifyingKey(_scheme(certificate.public_key), certificate.public_key, certificate)


def _scheme(public: bytes) -> Scheme:
    """How a key signs. Raises UnfitKey for one that is too weak or of another kind."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if sm2.is_sm2(public):
        return "sm2-sm3"
    key = _public(public)
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _LEAST_RSA_BITS:
            raise UnfitKey("weak")
        return "rsa-sha256"
    if isinstance(key, ec.EllipticCurvePublicKey):
        if not isinstance(key.curve, ec.SECP256R1):
            raise UnfitKey("curve")
        return "ecdsa-p256-sha256"
    raise UnfitKey("algorithm")


def _public(public: bytes) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        return load_der_public_key(public)
    except UnsupportedAlgorithm:
        raise UnfitKey("curve") from None
    except ValueError:
        raise UnfitKey("unreadable") from None


def _how(scheme: Scheme) -> tuple[Any, ...]:
    """What the library wants to be told beside message and signature."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    return {"rsa-sha256": (PKCS1v15(), SHA256()), "ecdsa-p256-sha256": (ECDSA(SHA256()),)}.get(scheme, ())
