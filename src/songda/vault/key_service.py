"""A master key that never enters this process: a key service (HSM, cloud KMS) wraps and unwraps by HTTP.

    master = KeyService("https://keys.example/songda", key="songda-2026", token=…)
    master.unwrap(master.wrap(b"data key")) == b"data key"

The service speaks three calls of JSON, base64 for bytes; a small adapter before any KMS can offer them:

    GET  {url}/keys/{key}           → {"key_id": "…"}                       the id of what wraps now
    POST {url}/keys/{key}/wrap      {"secret": "…"} → {"key_id", "wrapped"}
    POST {url}/keys/{key}/unwrap    {"key_id", "wrapped": "…"} → {"secret": "…"}     409: wrapped by a key that it does not have

The bearer token is sent with each; the server's certificate is checked, by `ca` where it is a private one; `certificate` and
`private_key` are this house's for mutual TLS. Plain http is taken for loopback alone. What was unwrapped is kept for thirty
seconds: servers open a tenant with every request.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import ssl
import time
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote, urlsplit

from songda.vault.errors import KeyServiceFailed, Unsealable, WrongMasterKey

if TYPE_CHECKING:
    import httpx

_MAGIC = b"songda.ks/1\x00"
_KEPT_S, _AT_HAND = 30.0, 200
_TIMEOUT_S = 10.0
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
#: The service's words and a data key are small.
_LONGEST = 64 * 1024


class KeyService:
    """A `MasterKey` (songda.vault.master). Thread-safe; shows nothing of what it holds and refuses to be pickled."""

    __slots__ = ("_at_hand", "_client", "_key", "_lock", "_name")

    def __init__(
        self,
        url: str,
        *,
        key: str,
        token: str | None = None,
        ca: Path | None = None,
        certificate: Path | None = None,
        private_key: Path | None = None,
    ) -> None:
        """Raises KeyServiceFailed for an address that is not https (or loopback), or certificates that cannot be read."""
        import httpx

        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise KeyServiceFailed(reason="地址须以 https 开头")
        verify: ssl.SSLContext | bool = True
        try:
            if ca is not None or certificate is not None:
                verify = ssl.create_default_context(cafile=None if ca is None else str(ca))
                if certificate is not None:
                    verify.load_cert_chain(certificate, private_key)
        except (OSError, ValueError) as error:
            raise KeyServiceFailed(reason=f"证书无法读取：{type(error).__name__}") from error
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(headers=headers, verify=verify, timeout=_TIMEOUT_S, trust_env=False)
        self._key = f"{url.rstrip('/')}/keys/{quote(key, safe='')}"
        self._name, self._lock = key, Lock()
        self._at_hand: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()

    @property
    def key_id(self) -> str:
        """What wraps now, as the service names it. Raises KeyServiceFailed."""
        return self._ask("GET", "", {}, "key_id")[0]

    def wrap(self, secret: bytes) -> bytes:
        """`secret` wrapped by the service. Raises KeyServiceFailed."""
        asked = {"secret": base64.b64encode(secret).decode()}
        key_id, wrapped = self._ask("POST", "/wrap", asked, "key_id", "wrapped")
        name = key_id.encode()
        if not 0 < len(name) < 256:
            raise KeyServiceFailed(reason="应答无法解读")
        return _MAGIC + bytes([len(name)]) + name + _bytes_of(wrapped)

    def unwrap(self, wrapped: bytes) -> bytes:
        """What `wrap` was given. Raises WrongMasterKey, Unsealable, KeyServiceFailed."""
        name, body = _parts(wrapped)
        known = hashlib.sha256(wrapped).digest()
        now = time.monotonic()
        with self._lock:
            kept = self._at_hand.get(known)
        if kept is not None and kept[0] > now:
            return kept[1]
        asked = {"key_id": name, "wrapped": base64.b64encode(body).decode()}
        secret = _bytes_of(self._ask("POST", "/unwrap", asked, "secret", wrapped_by=name)[0])
        with self._lock:
            self._at_hand[known] = (now + _KEPT_S, secret)
            self._at_hand.move_to_end(known)
            while len(self._at_hand) > _AT_HAND:
                self._at_hand.popitem(last=False)
        return secret

    def _ask(self, method: str, path: str, asked: dict[str, str], *wanted: str, wrapped_by: str = "") -> list[str]:
        """What the answer says of each of `wanted`."""
        import httpx

        try:
            answer = self._client.request(method, self._key + path, json=asked if asked else None)
        except httpx.HTTPError as error:
            raise KeyServiceFailed(reason=f"没有应答：{type(error).__name__}") from error
        if answer.status_code == httpx.codes.CONFLICT:
            raise WrongMasterKey(sealed_by=wrapped_by, present=self._name)
        if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
            raise Unsealable(reason="wrapped key")
        if answer.status_code != httpx.codes.OK:
            raise KeyServiceFailed(reason=f"拒绝（HTTP {answer.status_code}）")
        return _texts(answer, wanted)

    def __repr__(self) -> str:
        return f"KeyService({self._name})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a master key is never pickled")


def _texts(answer: httpx.Response, wanted: Sequence[str]) -> list[str]:
    told: Any = None
    if len(answer.content) <= _LONGEST:
        try:
            told = answer.json()
        except ValueError:
            told = None
    texts = [told[name] for name in wanted if isinstance(told.get(name), str)] if isinstance(told, dict) else []
    if len(texts) != len(wanted):
        raise KeyServiceFailed(reason="应答无法解读")
    return texts


def _bytes_of(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise KeyServiceFailed(reason="应答无法解读") from None


def service_key_of(wrapped: bytes) -> str:
    """Id of the service's key that wrapped it. Raises WrongMasterKey, Unsealable."""
    return _parts(wrapped)[0]


def _parts(wrapped: bytes) -> tuple[str, bytes]:
    """Id of the key that wrapped, and what the service made of it."""
    start = len(_MAGIC) + 1
    if not wrapped.startswith(_MAGIC):
        # Another master key's: a file's names itself in the same place.
        raise WrongMasterKey(sealed_by="本机密钥文件", present="密钥服务")
    if len(wrapped) < start + 1:
        raise Unsealable(reason="wrapped key")
    end = start + wrapped[len(_MAGIC)]
    try:
        return wrapped[start:end].decode(), wrapped[end:]
    except UnicodeDecodeError:
        raise Unsealable(reason="wrapped key") from None
