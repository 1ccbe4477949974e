"""The two cipher suites behind one interface: international (AES-256-GCM, SHA-256) and Chinese commercial (SM4-GCM,
SM3).

>>> suite = suite_named("SM4-GCM")
>>> aead = suite.aead(bytes(16))
>>> aead.open(bytes(12), aead.seal(bytes(12), b"text", b"row 1"), b"row 1")
b'text'

This is the only module that touches `cryptography`, and it imports it on first use, so that importing the room costs
nothing. AES-256-GCM: NIST SP 800-38D. SM4: GB/T 32907-2016, in GCM as in RFC 8998. SM3: GB/T 32905-2016. HKDF: RFC
5869. HMAC: RFC 2104.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from songda.vault.errors import Unsealable

NONCE_BYTES = 12
TAG_BYTES = 16


class Aead(Protocol):
    def seal(self, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Ciphertext followed by the tag of TAG_BYTES."""
        ...

    def open(self, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        """The plaintext. Raises Unsealable."""
        ...


@dataclass(frozen=True, slots=True)
class Suite:
    name: str
    #: First byte of everything sealed under this suite; never reused for another.
    code: int
    key_bytes: int
    aead: Callable[[bytes], Aead]
    #: mac(key, message) -> 32 bytes.
    mac: Callable[[bytes, bytes], bytes]
    #: derive(secret, salt, info, length) -> key.
    derive: Callable[[bytes, bytes, bytes, int], bytes]


class _Aes256Gcm:
    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)

    def seal(self, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        return self._cipher.encrypt(nonce, plaintext, aad)

    def open(self, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(nonce, sealed, aad)
        except InvalidTag:
            raise Unsealable(reason="tag") from None


class _Sm4Gcm:
    # cryptography has no AEAD class for SM4, so the tag is handled here.
    __slots__ = ("_algorithm",)

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.algorithms import SM4

        self._algorithm = SM4(key)

    def seal(self, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.modes import GCM

        encryptor = Cipher(self._algorithm, GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(aad)
        return encryptor.update(plaintext) + encryptor.finalize() + encryptor.tag

    def open(self, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.modes import GCM

        # A shorter tag would be accepted as a truncated one by the mode itself: insist on the whole.
        if len(sealed) < TAG_BYTES:
            raise Unsealable(reason="short")
        decryptor = Cipher(self._algorithm, GCM(nonce, sealed[-TAG_BYTES:])).decryptor()
        decryptor.authenticate_additional_data(aad)
        plaintext = decryptor.update(sealed[:-TAG_BYTES])
        try:
            return plaintext + decryptor.finalize()
        except InvalidTag:
            raise Unsealable(reason="tag") from None


def _hmac_sha256(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, hashlib.sha256)


def _hmac_sm3(key: bytes, message: bytes) -> bytes:
    # Not hashlib: whether its OpenSSL knows SM3 depends on the platform.
    from cryptography.hazmat.primitives.hashes import SM3
    from cryptography.hazmat.primitives.hmac import HMAC

    mac = HMAC(key, SM3())
    mac.update(message)
    return mac.finalize()


def _hkdf(hash_name: str) -> Callable[[bytes, bytes, bytes, int], bytes]:
    def derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        algorithm: Any = getattr(hashes, hash_name)()
        return HKDF(algorithm=algorithm, length=length, salt=salt, info=info).derive(secret)

    return derive


AES_256_GCM = Suite("AES-256-GCM", 0x01, 32, _Aes256Gcm, _hmac_sha256, _hkdf("SHA256"))
SM4_GCM = Suite("SM4-GCM", 0x02, 16, _Sm4Gcm, _hmac_sm3, _hkdf("SM3"))
_SUITES = (AES_256_GCM, SM4_GCM)
_BY_CODE = {suite.code: suite for suite in _SUITES}


def suite_named(name: str) -> Suite:
    """The suite called `name`. Raises ValueError that lists the names there are."""
    for suite in _SUITES:
        if suite.name == name:
            return suite
    raise ValueError(f"cipher suite {name!r}: expected one of {', '.join(s.name for s in _SUITES)}")


def suite_coded(code: int) -> Suite:
    """The suite whose first byte is `code`. Raises Unsealable."""
    try:
        return _BY_CODE[code]
    except KeyError:
        raise Unsealable(reason="suite") from None
