"""SM2 signatures (GM/T 0003.2-2012) over SM3 with the default user id (GM/T 0009-2012 §10): keys as files, signing, verifying.

    private = open_private(pkcs8, "password")          # 32 bytes
    signature = sign(private, point, message)          # DER, as certificates and OpenSSL write it
    verify(point, message, signature)                  # quiet, or raises BadSignature

The arithmetic is GmSSL's, reached by `gmssl-pyx` (Apache-2.0, the extra `sm2`); `cryptography` knows SM3 and SM4, not the curve.
Keys are PKCS#8 under PBES2 (RFC 8018), as OpenSSL 3 and GmSSL 3 write them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from songda.signatures import der
from songda.signatures.errors import BadSignature, NoSm2, UnfitKey, WrongKey

if TYPE_CHECKING:
    from types import ModuleType

CURVE: Final = "1.2.156.10197.1.301"
#: SM2 with SM3, in certificates (GM/T 0006-2012).
SIGNATURE: Final = "1.2.156.10197.1.501"
_EC_KEY = "1.2.840.10045.2.1"
_PBES2, _PBKDF2 = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12"
#: HMAC of PBKDF2 → name of the hash in `cryptography`. RFC 8018 B.1; SM3: GM/T 0006-2012, as GmSSL writes it.
_HMACS = {
    "1.2.840.113549.2.7": "SHA1",
    "1.2.840.113549.2.9": "SHA256",
    "1.2.156.10197.1.401.2": "SM3",
    "1.2.156.10197.1.401.3.1": "SM3",
}
#: Cipher in CBC → its name, and bytes of its key.
_CIPHERS = {
    "2.16.840.1.101.3.4.1.2": ("AES", 16),
    "2.16.840.1.101.3.4.1.42": ("AES", 32),
    "1.2.156.10197.1.104.2": ("SM4", 16),
}
#: A key that asks for more is meant to keep us busy; OpenSSL asks for 2,048, GmSSL for 65,536.
_MOST_ITERATIONS = 2_000_000
_N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123


def is_sm2(public: bytes) -> bool:
    """Whether a SubjectPublicKeyInfo (DER) holds a key on the SM2 curve."""
    try:
        algorithm, _ = der.fields(public, der.SEQUENCE, der.BIT_STRING)
        kind, parameters = der.items(algorithm)[:2]
        return der.oid(kind.content) == _EC_KEY and parameters == (der.OID, _encoded_curve())
    except ValueError:
        return False


def point_of(public: bytes) -> bytes:
    """The 64 bytes of an uncompressed point from a SubjectPublicKeyInfo (DER). Raises UnfitKey."""
    try:
        _, bits = der.fields(public, der.SEQUENCE, der.BIT_STRING)
    except ValueError:
        raise UnfitKey("unreadable") from None
    if len(bits) != 66 or bits[:2] != b"\x00\x04":
        raise UnfitKey("unreadable")
    return bits[2:]


def sign(private: bytes, point: bytes, message: bytes) -> bytes:
    """Raises UnfitKey for a point that is on no curve, NoSm2."""
    library = _library()
    try:
        signature: bytes = library.sm2_sign(private, point, message)
    except library.GmsslInnerError:
        raise UnfitKey("not the key's certificate") from None
    return signature


def verify(point: bytes, message: bytes, signature: bytes) -> None:
    """Raises BadSignature, NoSm2."""
    library = _library()
    # Looked at before: the library tells on stderr what it finds odd.
    if not _two_numbers(signature):
        raise BadSignature
    try:
        holds = library.sm2_verify(point, message, signature)
    except library.GmsslInnerError:
        raise BadSignature from None
    if not holds:
        raise BadSignature


def open_private(pkcs8: bytes, password: str) -> bytes:
    """The private key out of an EncryptedPrivateKeyInfo (DER), 32 bytes. Raises WrongKey, UnfitKey."""
    try:
        scheme, sealed = der.fields(pkcs8, der.SEQUENCE, der.OCTET_STRING)
        plain = _decrypted(scheme, sealed, password)
    except ValueError:
        raise UnfitKey("cipher") from None
    try:
        _, algorithm, key = der.fields(plain, der.INTEGER, der.SEQUENCE, der.OCTET_STRING)
        kind, parameters = der.items(algorithm)[:2]
        _, scalar = der.fields(key, der.INTEGER, der.OCTET_STRING)
    except ValueError:
        # What a wrong password leaves is no key.
        raise WrongKey from None
    if der.oid(kind.content) != _EC_KEY or parameters != (der.OID, _encoded_curve()) or len(scalar) != 32:
        raise UnfitKey("curve")
    return scalar


def _decrypted(scheme: bytes, sealed: bytes, password: str) -> bytes:
    """PBES2 (RFC 8018 §6.2). Raises ValueError for what is none, WrongKey."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    kind, parameters = der.items(scheme)
    derivation, encryption = der.items(parameters.content)
    how, settings = der.items(derivation.content)
    if der.oid(kind.content) != _PBES2 or der.oid(how.content) != _PBKDF2:
        raise ValueError("not PBES2")
    salt, rounds, *rest = der.items(settings.content)
    iterations = int.from_bytes(rounds.content, "big")
    hmacs = [der.oid(kind.content) for each in rest if each.tag == der.SEQUENCE for kind in der.items(each.content)[:1]]
    cipher, vector = der.items(encryption.content)
    name, length = _CIPHERS.get(der.oid(cipher.content), ("", 0))
    digest = _HMACS.get(hmacs[0], "") if hmacs else "SHA1"
    if not name or not digest or not 1 <= iterations <= _MOST_ITERATIONS or not sealed:
        raise ValueError("another cipher")
    algorithm = getattr(hashes, digest)()
    key = PBKDF2HMAC(algorithm, length, salt.content, iterations).derive(password.encode())
    opened = Cipher(getattr(algorithms, name)(key), modes.CBC(vector.content)).decryptor()
    padded = opened.update(sealed) + opened.finalize()
    if not 1 <= padded[-1] <= 16 or padded[-padded[-1] :] != bytes([padded[-1]]) * padded[-1]:
        raise WrongKey
    return padded[: -padded[-1]]


def _two_numbers(signature: bytes) -> bool:
    """Whether it is a SEQUENCE of two INTEGERs of the curve's order and nothing else."""
    try:
        numbers = der.items(der.value(signature, der.SEQUENCE))
    except ValueError:
        return False
    return len(numbers) == 2 and all(
        each.tag == der.INTEGER and 0 < int.from_bytes(each.content, "big", signed=True) < _N for each in numbers
    )


def _encoded_curve() -> bytes:
    return bytes.fromhex("2a811ccf5501822d")


def _library() -> ModuleType | Any:
    try:
        import gmssl_pyx
    except ImportError:
        raise NoSm2 from None
    return gmssl_pyx
