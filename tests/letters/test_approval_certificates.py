"""Approvals under a certificate (RSA, ECDSA, SM2): whose it is, when, and for what is looked at; one changed character voids."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from certificates import DAY, FROM, LAWYER, PASSWORD, UNTIL, Holder, holder
from songda.letters import Approval, ApprovalVoid, new_lawyer_key, sign, verify
from songda.signatures import UnfitKey, WrongKey

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
KINDS = ("rsa", "ecdsa", "sm2")


def approve(owner: Holder, *, at: datetime = AT, lawyer: str = LAWYER, key: bytes | None = None) -> Approval:
    listed: Any = {"template_hashes": ["1" * 64], "list_hash": "2" * 64, "exceptions_hash": "3" * 64}
    return sign(key or owner.pem, PASSWORD, **listed, at=at, lawyer=lawyer)


@pytest.mark.parametrize("kind", KINDS)
def test_an_approval_names_the_certificate_that_vouches_for_it(kind: Any) -> None:
    owner = holder(kind)
    approval = approve(owner)
    key = verify(approval, owner.certificate.encode())
    assert key.certificate is not None
    assert approval.certificate == key.certificate.fingerprint
    assert approval.scheme == key.scheme
    assert Approval.from_json(approval.to_json()) == approval
    # Whoever is about to renew keeps the old certificate in the profile beside the new one.
    verify(approval, (holder(kind).certificate + new_lawyer_key("x")[1].decode() + owner.certificate).encode())


def test_pkcs12_signs_too() -> None:
    owner = holder("rsa")
    verify(approve(owner, key=owner.pkcs12), owner.certificate.encode())


@pytest.mark.parametrize("kind", KINDS)
def test_one_changed_character_anywhere_voids_it(kind: Any) -> None:
    owner = holder(kind)
    approval = approve(owner)
    for field in ("lawyer", "at", "list_hash", "exceptions_hash", "key_id", "signature", "certificate", "scheme"):
        text = getattr(approval, field)
        for place in range(0, len(text), 5):
            other = "0" if text[place] != "0" else "1"
            changed = replace(approval, **{field: text[:place] + other + text[place + 1 :]})
            with pytest.raises(ApprovalVoid):
                verify(changed, owner.certificate.encode())
    for changed in (replace(approval, certificate=None), replace(approval, scheme=None, certificate=None)):
        with pytest.raises(ApprovalVoid, match="key"):
            verify(changed, owner.certificate.encode())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"since": AT - 9 * DAY, "until": AT - DAY}, "expired"),
        ({"since": AT + DAY}, "not yet valid"),
        ({"name": "林示例"}, "name"),
        ({"usage": "encrypt"}, "usage"),
        ({"authority": True}, "authority"),
    ],
)
def test_nobody_signs_with_an_unfit_certificate(kind: Any, changes: Any, reason: str) -> None:
    with pytest.raises(UnfitKey, match=reason):
        approve(holder(kind, **changes))


@pytest.mark.parametrize("curve", [ec.SECP256K1, ec.SECP384R1])
def test_nobody_signs_on_a_wrong_curve(curve: Any) -> None:
    with pytest.raises(UnfitKey, match="curve"):
        approve(holder("ecdsa", key=ec.generate_private_key(curve())))


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_signed_outside_the_house_is_looked_at_again(kind: Any) -> None:
    """Whoever has the key could sign with another program: the gates ask about the certificate too."""
    owner = holder(kind)
    for at in (FROM - DAY, UNTIL + DAY):
        approval = _signed_anyway(owner, at=at, lawyer=LAWYER)
        with pytest.raises(ApprovalVoid, match="certificate"):
            verify(approval, owner.certificate.encode())
    with pytest.raises(ApprovalVoid, match="certificate"):
        verify(_signed_anyway(owner, at=AT, lawyer="林示例"), owner.certificate.encode())
    verify(_signed_anyway(owner, at=AT, lawyer=LAWYER), owner.certificate.encode())


def test_a_certificate_that_the_profile_does_not_name_vouches_for_nothing() -> None:
    owner = holder("ecdsa")
    renewed = holder("ecdsa", key=owner.private, until=UNTIL + 300 * DAY)
    with pytest.raises(ApprovalVoid, match="key"):
        verify(approve(owner), renewed.certificate.encode())


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_password_signs_nothing(kind: Any) -> None:
    with pytest.raises(WrongKey):
        sign(
            holder(kind).pem,
            "wrong",
            template_hashes=(),
            list_hash="",
            exceptions_hash="",
            at=AT,
            lawyer=LAWYER,
        )


def _signed_anyway(owner: Holder, *, at: datetime, lawyer: str) -> Approval:
    from songda.letters.approval import _message
    from songda.signatures import open_signer

    unsigned = replace(approve(owner), at=at.isoformat(), lawyer=lawyer, signature="")
    return replace(unsigned, signature=open_signer(owner.pem, PASSWORD).sign(_message(unsigned)).hex())
