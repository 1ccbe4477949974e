from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import pytest
from sample_letters import letter

from songda.letters import (
    Approval,
    ApprovalItem,
    ApprovalList,
    ApprovalVoid,
    Content,
    Pulled,
    exceptions_hash,
    house_template,
    new_lawyer_key,
    seal,
    sign,
    template_hash,
    verify,
    verify_list,
)
from songda.signatures import WrongKey

PASSWORD = "正确的 long password"
AT = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
TEMPLATE = template_hash(house_template("lawyer_letter"))
PULLED = (Pulled("ltr_9", "地址存疑"),)


@dataclass(frozen=True)
class Signed:
    contents: tuple[Content, ...]
    listing: ApprovalList
    approval: Approval
    private: bytes
    public: bytes


def item(number: int, content: Content) -> ApprovalItem:
    return ApprovalItem(f"ltr_{number}", TEMPLATE, content.hash, f"per_{number}", content.total_fen, "contract")


@pytest.fixture(scope="module")
def signed() -> Signed:
    contents = tuple(letter(number, seal=None) for number in range(1, 4))
    listing = ApprovalList(tuple(item(number, content) for number, content in enumerate(contents, 1)))
    private, public = new_lawyer_key(PASSWORD)
    approval = sign(
        private,
        PASSWORD,
        template_hashes=listing.template_hashes,
        list_hash=listing.list_hash,
        exceptions_hash=exceptions_hash(PULLED),
        at=AT,
        lawyer="刘正言",
    )
    return Signed(contents, listing, approval, private, public)


def test_an_approval_holds_for_what_was_approved(signed: Signed) -> None:
    verify(signed.approval, signed.public)
    verify_list(signed.approval, signed.listing, PULLED)
    content = seal(signed.contents[0], signed.approval, signed.listing.items[0], template_hash=TEMPLATE)
    assert content.seal is not None
    assert content.seal.approval_id == signed.approval.id
    # 17:00 UTC is the next business day in Shanghai.
    assert content.seal.approved_on == date(2026, 11, 25)
    assert content.hash == signed.contents[0].hash


def test_an_approval_survives_its_json(signed: Signed) -> None:
    assert Approval.from_json(signed.approval.to_json()) == signed.approval


@pytest.mark.parametrize("field", ["lawyer", "at", "list_hash", "exceptions_hash", "key_id", "signature"])
def test_one_changed_character_anywhere_voids_it(signed: Signed, field: str) -> None:
    text = getattr(signed.approval, field)
    for place in range(0, len(text), 7):
        other = "0" if text[place] != "0" else "1"
        changed = replace(signed.approval, **{field: text[:place] + other + text[place + 1 :]})
        with pytest.raises(ApprovalVoid) as void:
            verify(changed, signed.public)
        assert void.value.data["reason"] == ("key" if field == "key_id" else "signature")


def test_70_another_template_voids_the_signature(signed: Signed) -> None:
    with pytest.raises(ApprovalVoid):
        verify(replace(signed.approval, template_hashes=(TEMPLATE, "0" * 64)), signed.public)


def test_a_changed_list_voids_it(signed: Signed) -> None:
    items = signed.listing.items
    lists = [
        items[:-1],
        (*items, item(4, letter(4))),
        *((replace(items[0], **{name: value}), *items[1:]) for name, value in CHANGED_ITEM.items()),
    ]
    for each in lists:
        with pytest.raises(ApprovalVoid) as void:
            verify_list(signed.approval, ApprovalList(each), PULLED)
        assert void.value.data["reason"] == "list"


CHANGED_ITEM = {
    "letter_id": "ltr_7",
    "template_hash": "0" * 64,
    "content_hash": "0" * 64,
    "addressee_id": "per_7",
    "amount_fen": 1,
    "address_basis": "judgment",
}


def test_the_order_of_the_list_does_not_matter(signed: Signed) -> None:
    verify_list(signed.approval, ApprovalList(signed.listing.items[::-1]), PULLED)


@pytest.mark.parametrize("pulled", [(), (Pulled("ltr_9", "地址存凝"),), (*PULLED, Pulled("ltr_1", "地址存疑"))])
def test_changed_exceptions_void_it(signed: Signed, pulled: tuple[Pulled, ...]) -> None:
    with pytest.raises(ApprovalVoid) as void:
        verify_list(signed.approval, signed.listing, pulled)
    assert void.value.data["reason"] == "exceptions"


@pytest.mark.parametrize(
    "change",
    [
        lambda c: replace(c, addressee=replace(c.addressee, name=c.addressee.name[:-1] + "姻")),
        lambda c: replace(c, letter_no=c.letter_no[:-2] + "9号"),
        lambda c: replace(c, check_url=c.check_url[:-1]),
        lambda c: replace(c, drill=True),
    ],
)
def test_a_changed_content_gets_no_seal(signed: Signed, change: Callable[[Content], Content]) -> None:
    with pytest.raises(ApprovalVoid) as void:
        seal(change(signed.contents[0]), signed.approval, signed.listing.items[0], template_hash=TEMPLATE)
    assert void.value.data["reason"] == "content"


def test_another_amount_or_template_gets_no_seal(signed: Signed) -> None:
    content, first = signed.contents[0], signed.listing.items[0]
    with pytest.raises(ApprovalVoid, match="amount"):
        seal(content, signed.approval, replace(first, amount_fen=first.amount_fen + 1), template_hash=TEMPLATE)
    for approved, printing in ((TEMPLATE, "0" * 64), ("0" * 64, "0" * 64)):
        with pytest.raises(ApprovalVoid, match="template"):
            seal(content, signed.approval, replace(first, template_hash=approved), template_hash=printing)


def test_another_lawyers_key_does_not_vouch_for_it(signed: Signed) -> None:
    _, other = new_lawyer_key(PASSWORD)
    for public in (other, b"no key"):
        with pytest.raises(ApprovalVoid, match="key"):
            verify(signed.approval, public)


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD + " "])
def test_a_wrong_password_opens_no_key(signed: Signed, password: str) -> None:
    with pytest.raises(WrongKey):
        sign(
            signed.private,
            password,
            template_hashes=(),
            list_hash="",
            exceptions_hash="",
            at=AT,
            lawyer="刘正言",
        )


def test_a_key_needs_a_password_and_is_not_stored_bare(signed: Signed) -> None:
    with pytest.raises(ValueError, match="password"):
        new_lawyer_key("")
    assert b"ENCRYPTED" in signed.private


def test_an_instant_without_a_zone_is_refused(signed: Signed) -> None:
    with pytest.raises(ValueError, match="zone"):
        sign(
            signed.private,
            PASSWORD,
            template_hashes=(),
            list_hash="",
            exceptions_hash="",
            at=AT.replace(tzinfo=None),
            lawyer="刘正言",
        )


def test_a_letter_listed_twice_is_refused(signed: Signed) -> None:
    with pytest.raises(ValueError, match="twice"):
        _ = ApprovalList(signed.listing.items * 2).list_hash
