"""What holds a bundle together: a list of its files with their hashes, a timestamp over the list, a signature over both.

    files = sealed(files, header, key=private_key, stamp=lambda message: ask(stamper, message))
    seal = check_seal(files, trust)          # raises BadBundle when one byte is not what was sealed

The signature covers the timestamp too, of which not every byte is covered by its own signature. Whoever rebuilds all
hashes still lacks the institution's key; whoever has that key still lacks the authority's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from songda.evidence.errors import BadBundle, BadTrust, UnknownFormat, UntrustedStamp
from songda.evidence.hashing import canonical, digests
from songda.evidence.timestamp import Stamp, read_stamp
from songda.evidence.trust import Trust, certificates

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FORMAT: Final = "songda.evidence/1"
MANIFEST, TOKEN, SIGNATURE = "manifest.json", "manifest.tsr", "manifest.sig"
_PURPOSE = b"songda evidence seal v1\n"
#: A JSON file of a bundle is some kB, the list of a large one 2 MB.
MAX_JSON_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Origin:
    """Who vouches, and whether the reader knows him from elsewhere."""

    #: False: the bundle says so itself (自称).
    trusted: bool
    #: SHA-256 of the public key (DER), hex.
    key_id: str


@dataclass(frozen=True, slots=True)
class Stamped:
    stamp: Stamp
    trusted: bool


@dataclass(frozen=True, slots=True)
class Seal:
    #: kind, exported_at, institution, firm, drill, …; see docs/evidence.md.
    header: Mapping[str, Any]
    origin: Origin
    #: Of the bundle as it was exported; None: 未加盖时间戳.
    stamped: Stamped | None


def sealed(
    files: Mapping[str, bytes],
    header: Mapping[str, Any],
    *,
    key: Ed25519PrivateKey,
    stamp: Callable[[bytes], bytes] | None,
) -> dict[str, bytes]:
    """`files` with list, timestamp and signature. `stamp`: message → TimeStampResp. Raises what `stamp` raises."""
    listed = {name: {**digests(data)._asdict(), "bytes": len(data)} for name, data in sorted(files.items())}
    manifest = canonical({**header, "format": FORMAT, "public_key": public_pem(key), "files": listed})
    token = None if stamp is None else stamp(manifest)
    signature = key.sign(_message(manifest, token))
    return {**files, MANIFEST: manifest, SIGNATURE: signature, **({} if token is None else {TOKEN: token})}


def signing_key(seed: bytes) -> Ed25519PrivateKey:
    """The institution's key from 32 bytes of its vault."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed)


def public_pem(key: Ed25519PrivateKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def check_seal(files: Mapping[str, bytes], trust: Trust) -> Seal:
    """Who sealed `files` and when.

    Raises UnknownFormat, and BadBundle when they are not what was sealed, or not by whom `trust` names.
    """
    if MANIFEST not in files or SIGNATURE not in files:
        raise BadBundle(reason="缺少清单或签名")
    manifest, token = files[MANIFEST], files.get(TOKEN)
    header = read_json(manifest)
    if header.get("format") != FORMAT:
        raise UnknownFormat(format=str(header.get("format"))[:40])
    origin = _origin(header, files[SIGNATURE], _message(manifest, token), trust)
    _check_files(files, header)
    stamped = None if token is None else read_stamped(token, manifest, header, trust)
    return Seal(header, origin, stamped)


def read_stamped(token: bytes, message: bytes, header: Mapping[str, Any], trust: Trust) -> Stamped:
    """A timestamp under the reader's certificates, or, where he names none, under those that the bundle brings.

    Raises BadBundle.
    """
    try:
        own = certificates(str(header.get("tsa_certificate") or "").encode(), source="tsa_certificate")
        if not trust.stampers:
            return Stamped(read_stamp(token, message, roots=own), trusted=False)
        # The reader may know the authority's root, or the very certificate that signed.
        by_root = _try(token, message, trust)
        if by_root is not None:
            return Stamped(by_root, trusted=True)
        stamp = read_stamp(token, message, roots=own)
    except (UntrustedStamp, BadTrust):
        raise BadBundle(reason="时间戳与内容不符，或者签发者无法核实") from None
    if stamp.certificate not in {_der(each) for each in trust.stampers}:
        raise BadBundle(reason="时间戳不是你所信任的机构签发的")
    return Stamped(stamp, trusted=True)


def read_json(data: bytes) -> dict[str, Any]:
    """The object that `data` holds: no duplicate names, no NaN, not too large or deep. Raises BadBundle."""
    if len(data) > MAX_JSON_BYTES:
        raise BadBundle(reason="含有过大的 JSON")
    try:
        value = json.loads(data, object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise BadBundle(reason="含有无法解读的 JSON") from None
    if not isinstance(value, dict):
        raise BadBundle(reason="含有无法解读的 JSON")
    return value


def _message(manifest: bytes, token: bytes | None) -> bytes:
    return _PURPOSE + sha256(manifest).digest() + (b"" if token is None else sha256(token).digest())


def _origin(header: Mapping[str, Any], signature: bytes, message: bytes, trust: Trust) -> Origin:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

    try:
        key = load_pem_public_key(str(header.get("public_key")).encode())
        if not isinstance(key, Ed25519PublicKey):
            raise BadBundle(reason="签名公钥不是 Ed25519")
        key.verify(signature, message)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        raise BadBundle(reason="出具机构的签名不成立，内容被改动过，或者签名是别人的") from None
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if trust.keys and der not in trust.keys:
        raise BadBundle(reason="签名的公钥不是你所信任的机构的公钥")
    return Origin(trusted=der in trust.keys, key_id=sha256(der).hexdigest())


def _check_files(files: Mapping[str, bytes], header: Mapping[str, Any]) -> None:
    listed = header.get("files")
    if not isinstance(listed, dict) or files.keys() - {MANIFEST, TOKEN, SIGNATURE} != listed.keys():
        raise BadBundle(reason="文件与清单不一致，有缺少或多出")
    for name, stated in listed.items():
        if {**digests(files[name])._asdict(), "bytes": len(files[name])} != stated:
            raise BadBundle(reason=f"文件 {name} 与清单中的哈希不符")


def _try(token: bytes, message: bytes, trust: Trust) -> Stamp | None:
    try:
        return read_stamp(token, message, roots=trust.stampers)
    except UntrustedStamp:
        return None


def _der(certificate: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    der: bytes = certificate.public_bytes(Encoding.DER)
    return der


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name twice")
    return dict(pairs)


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
