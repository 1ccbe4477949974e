"""The encrypted envelope of the China Post / EMS open platform (`logitcsInterface`).

    value = "|$4|" + base64(SM4-ECB-PKCS7(json + key_text, base64decode(key_text)))

The base64 text of the key follows the JSON as a salt; pushed messages (040002) come without it. The format has neither
integrity nor replay protection, which is why TLS verification is never switched off. Source: 《中小电商企业接口规范
V2.7》 and its documented sample, which the tests reproduce.

>>> envelope = Envelope("TvaBgrhE46sft3nZlfe7xw==")
>>> envelope.open(envelope.seal('{"language":"zh-CN"}'.encode()))
b'{"language":"zh-CN"}'
"""

from __future__ import annotations

import base64
import binascii

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4

from songda.carriers.errors import BadContract, BadEnvelope

PREFIX = "|$4|"
_BLOCK = 16


class Envelope:
    """Seals and opens messages under one sign key. Safe to share between threads.

    Raises BadContract when `sign_key` is not base64 of 16 bytes.
    """

    __slots__ = ("_cipher", "_salt")

    def __init__(self, sign_key: str) -> None:
        try:
            key = base64.b64decode(sign_key, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != _BLOCK:
            raise BadContract(setting="sign_key", reason="应为 16 字节密钥的 base64 文本")
        self._salt = sign_key.encode("ascii")
        self._cipher = Cipher(SM4(key), modes.ECB())  # noqa: S305 - the carrier's format, see the module's docstring

    def seal(self, message: bytes) -> str:
        """The field value of one request; `message` is UTF-8 JSON (not \\u-escaped: the receiver compares text)."""
        return self._seal(message + self._salt)

    def seal_push(self, message: bytes) -> str:
        """The field value of one push, as the carrier makes it: no key appended."""
        return self._seal(message)

    def open(self, value: str) -> bytes:
        """The JSON of a request. Raises BadEnvelope unless prefix, padding and key suffix are right."""
        plain = self._open(value)
        if not plain.endswith(self._salt):
            raise BadEnvelope(reason="suffix")
        return plain[: -len(self._salt)]

    def open_push(self, value: str) -> bytes:
        """The JSON of a push. Raises BadEnvelope unless prefix and padding are right."""
        return self._open(value)

    def _seal(self, plain: bytes) -> str:
        pad = _BLOCK - len(plain) % _BLOCK
        encryptor = self._cipher.encryptor()
        sealed = encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()
        return PREFIX + base64.b64encode(sealed).decode("ascii")

    def _open(self, value: str) -> bytes:
        if not value.startswith(PREFIX):
            raise BadEnvelope(reason="prefix")
        try:
            sealed = base64.b64decode(value[len(PREFIX) :], validate=True)
        except (binascii.Error, ValueError):
            raise BadEnvelope(reason="base64") from None
        if not sealed or len(sealed) % _BLOCK:
            raise BadEnvelope(reason="length")
        decryptor = self._cipher.decryptor()
        plain = decryptor.update(sealed) + decryptor.finalize()
        pad = plain[-1]
        if not 1 <= pad <= _BLOCK or plain[-pad:] != bytes([pad]) * pad:
            raise BadEnvelope(reason="padding")
        return plain[:-pad]
