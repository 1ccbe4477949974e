"""The carrier's side of the encrypted envelope, written from the specification and not from the client's code.

value = "|$4|" + base64(SM4-ECB-PKCS7(json + key_text, base64decode(key_text)))
"""

from __future__ import annotations

import base64
import binascii

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4

_MARK = "|$4|"


class NotOurs(ValueError):
    """The message does not decrypt to JSON that ends with the key; the argument says what was wrong."""


class Wire:
    def __init__(self, key_text: str) -> None:
        self._suffix = key_text.encode()
        self._cipher = Cipher(SM4(base64.b64decode(key_text)), modes.ECB())  # noqa: S305 - the published format

    def unwrap(self, value: str) -> bytes:
        """JSON bytes of a customer's message. Raises NotOurs."""
        if not value.startswith(_MARK):
            raise NotOurs("missing |$4|")
        try:
            sealed = base64.b64decode(value[len(_MARK) :], validate=True)
            decryptor, unpadder = self._cipher.decryptor(), padding.PKCS7(128).unpadder()
            plain = unpadder.update(decryptor.update(sealed) + decryptor.finalize()) + unpadder.finalize()
        except (binascii.Error, ValueError):
            raise NotOurs("does not decrypt") from None
        if not plain.endswith(self._suffix):
            raise NotOurs("wrong key suffix")
        return plain[: -len(self._suffix)]

    def wrap_push(self, plain: bytes) -> str:
        """A pushed event: bare JSON, no key behind it."""
        padder, encryptor = padding.PKCS7(128).padder(), self._cipher.encryptor()
        sealed = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
        return _MARK + base64.b64encode(sealed).decode()
