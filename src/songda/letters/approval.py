"""The lawyer's approval: a signature over what will be sent, void when one character of it changes.

    private, public = new_lawyer_key("a long password")         # or key and certificate of an authority: RSA, ECDSA, SM2
    listing = ApprovalList(items)
    approval = sign(private, "a long password", template_hashes=…, list_hash=listing.list_hash,
                    exceptions_hash=exceptions_hash(()), at=now, lawyer="刘正言")
    verify(approval, public)                        # None, or raises ApprovalVoid
    verify_list(approval, listing, pulled)          # once a batch
    content = seal(content, approval, item, template_hash=template_hash(content.kind))     # a covered letter alone

An approval covers inputs (template, content, addressee, amount, address basis); a PDF made of exactly these follows from them.
Whose keys count is the profile's word: a key or certificate that it names no more voids what was signed with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from songda.base.days import business_day
from songda.base.errors import SongdaError
from songda.letters.content import Content, Seal
from songda.signatures import (
    BadSignature,
    Scheme,
    UnfitKey,
    VerifyingKey,
    check,
    open_signer,
    verifying_keys,
)

_PURPOSE = "songda lawyer approval v1"


class ApprovalVoid(SongdaError):
    """`reason`: signature | list | exceptions | template | content | amount | key | certificate."""

    zh = "律师审批已失效（{reason}）"
    remedy = "内容、模板或名单在审批后有变动，请重新提交律师审批"
    exit_code = 77


@dataclass(frozen=True, slots=True)
class ApprovalItem:
    """One letter as the lawyer approves it."""

    letter_id: str
    template_hash: str
    #: `Content.hash`.
    content_hash: str
    addressee_id: str
    amount_fen: int
    #: Legal basis of the address, e.g. `contract`.
    address_basis: str
    #: Which of the letter's addresses, 1 for the first that is tried: each makes a content of its own.
    n: int = 1


@dataclass(frozen=True, slots=True)
class Pulled:
    """A letter that the lawyer took out of the batch."""

    letter_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ApprovalList:
    """What one approval covers; order does not matter."""

    items: tuple[ApprovalItem, ...]

    def to_json(self) -> str:
        return _canonical([asdict(item) for item in sorted(self.items, key=lambda item: (item.letter_id, item.n))])

    @property
    def list_hash(self) -> str:
        """SHA-256 (hex) of the canonical JSON. Raises ValueError when a letter is listed twice for one address."""
        if len({(item.letter_id, item.n) for item in self.items}) != len(self.items):
            raise ValueError("a letter is listed twice")
        return _sha256(self.to_json())

    @property
    def template_hashes(self) -> tuple[str, ...]:
        return tuple(sorted({item.template_hash for item in self.items}))


def exceptions_hash(pulled: Iterable[Pulled]) -> str:
    """SHA-256 (hex) of the letters that were taken out, with their reasons."""
    return _sha256(_canonical([asdict(item) for item in sorted(pulled, key=lambda item: item.letter_id)]))


@dataclass(frozen=True, slots=True)
class Approval:
    lawyer: str
    #: ISO 8601 with offset.
    at: str
    template_hashes: tuple[str, ...]
    list_hash: str
    exceptions_hash: str
    #: SHA-256 (hex) of the public key (DER).
    key_id: str
    #: Hex.
    signature: str
    #: How it was signed; None: ed25519, as before there was a choice.
    scheme: Scheme | None = None
    #: SHA-256 (hex) of the certificate (DER) that vouches for the key; None: a bare key.
    certificate: str | None = None
    #: Imprints that are laid on the letters, by their SHA-256 (hex); None: the drawn seal, an empty line.
    seal_imprint: str | None = None
    signature_imprint: str | None = None

    @property
    def id(self) -> str:
        """SHA-256 (hex) of the whole approval; its head stands in the seal."""
        return _sha256(self.to_json())

    def to_json(self) -> str:
        """What is not stated is left out: approvals of a bare key are spelt as they always were."""
        return _canonical({name: value for name, value in asdict(self).items() if value is not None})

    @classmethod
    def from_json(cls, text: str) -> Approval:
        data = json.loads(text)
        return cls(**{**data, "template_hashes": tuple(data["template_hashes"])})


def new_lawyer_key(password: str) -> tuple[bytes, bytes]:
    """A fresh Ed25519 key: private PEM (PKCS #8, encrypted with `password`) and public PEM."""
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not password:
        raise ValueError("a lawyer's key needs a password")
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.BestAvailableEncryption(password.encode()))
    return private, key.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)


def sign(
    private: bytes,
    password: str,
    *,
    template_hashes: Iterable[str],
    list_hash: str,
    exceptions_hash: str,
    at: datetime,
    lawyer: str,
    certificate: bytes | None = None,
    seal_imprint: str | None = None,
    signature_imprint: str | None = None,
) -> Approval:
    """The approval of `lawyer` at instant `at` (aware), by a key as `songda.signatures.open_signer` takes it.

    Raises WrongKey when the password does not open the key, UnfitKey when it or its certificate (validity, usage, whose
    it is) is not fit, NoSm2.
    """
    if at.tzinfo is None:
        raise ValueError("instant without a time zone")
    signer = open_signer(private, password, certificate=certificate)
    own = signer.key.certificate
    if own is not None:
        check(own, names=[lawyer], at=at)
    unsigned = Approval(
        lawyer=lawyer,
        at=at.isoformat(),
        template_hashes=tuple(sorted(set(template_hashes))),
        list_hash=list_hash,
        exceptions_hash=exceptions_hash,
        key_id=signer.key.id,
        signature="",
        scheme=None if own is None else signer.key.scheme,
        certificate=None if own is None else own.fingerprint,
        seal_imprint=seal_imprint,
        signature_imprint=signature_imprint,
    )
    return replace(unsigned, signature=signer.sign(_message(unsigned)).hex())


def verify(approval: Approval, public_pem: bytes) -> VerifyingKey:
    """Quiet when the approval is signed by one of the keys that stand in `public_pem` (public keys, certificates) and unchanged.

    Returns the key. A certificate must have been valid and the lawyer's own when it signed. Raises ApprovalVoid, NoSm2.
    """
    key = signing_key_of(approval, public_pem)
    try:
        key.verify(_message(approval), bytes.fromhex(approval.signature))
    except (BadSignature, ValueError) as error:
        raise ApprovalVoid(reason="signature") from error
    if key.certificate is not None:
        try:
            check(key.certificate, names=[approval.lawyer], at=datetime.fromisoformat(approval.at))
        except UnfitKey as error:
            raise ApprovalVoid(reason="certificate") from error
    return key


def signing_key_of(approval: Approval, public_pem: bytes) -> VerifyingKey:
    """The key of `public_pem` that the approval names; nothing is verified. Raises ApprovalVoid."""
    try:
        keys = verifying_keys(public_pem)
    except UnfitKey as error:
        raise ApprovalVoid(reason="key") from error
    for key in keys:
        own = (key.id, None, None) if key.certificate is None else (key.id, key.scheme, key.certificate.fingerprint)
        if (approval.key_id, approval.scheme, approval.certificate) == own:
            return key
    raise ApprovalVoid(reason="key")


def verify_list(approval: Approval, listing: ApprovalList, pulled: Iterable[Pulled] = ()) -> None:
    """Return quietly when `approval` was given for exactly this list and these exceptions; raises ApprovalVoid otherwise."""
    if listing.list_hash != approval.list_hash:
        raise ApprovalVoid(reason="list")
    if exceptions_hash(pulled) != approval.exceptions_hash:
        raise ApprovalVoid(reason="exceptions")
    if not set(listing.template_hashes) <= set(approval.template_hashes):
        raise ApprovalVoid(reason="template")


def seal(content: Content, approval: Approval, item: ApprovalItem, *, template_hash: str) -> Content:
    """`content` with the firm's seal, if it is what `item` of the approved list says; raises ApprovalVoid otherwise.

    Call `verify` and `verify_list` once for the batch before. `template_hash` is that of the template about to print.
    """
    if item.template_hash != template_hash or template_hash not in approval.template_hashes:
        raise ApprovalVoid(reason="template")
    if item.content_hash != content.hash:
        raise ApprovalVoid(reason="content")
    if item.amount_fen != content.total_fen:
        raise ApprovalVoid(reason="amount")
    given = Seal(
        approval.id,
        business_day(datetime.fromisoformat(approval.at)),
        approval.seal_imprint,
        approval.signature_imprint,
    )
    return replace(content, seal=given)


def _message(approval: Approval) -> bytes:
    return f"{_PURPOSE}\n{replace(approval, signature='').to_json()}".encode()


def _canonical(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
