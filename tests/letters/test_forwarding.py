import hashlib
import io
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pikepdf
import pytest
from sample_letters import text_of

from songda.letters import (
    Approval,
    ApprovalItem,
    ApprovalList,
    ApprovalVoid,
    Content,
    NotEntrusted,
    exceptions_hash,
    forward,
    house_template,
    invented,
    new_lawyer_key,
    sign,
    template_hash,
)

AT = datetime(2026, 11, 25, 10, tzinfo=ZoneInfo("Asia/Shanghai"))
TEMPLATE = house_template("court_forward")
LAWYERS = {"刘正言": new_lawyer_key("first"), "赵明": new_lawyer_key("second")}
PASSWORDS = {"刘正言": "first", "赵明": "second"}


def document(pages: int = 3) -> bytes:
    with pikepdf.new() as pdf:
        for _ in range(pages):
            pdf.add_blank_page(page_size=(595, 842))
        out = io.BytesIO()
        pdf.save(out, deterministic_id=True)
    return out.getvalue()


def cover(**changes: object) -> Content:
    content = invented(TEMPLATE)
    stated = dict(content.extra) | {"文书哈希": hashlib.sha256(document()).hexdigest(), "文书页数": 3} | changes
    return replace(content, extra=tuple(sorted(stated.items())))


def item(content: Content) -> ApprovalItem:
    return ApprovalItem("ltr_1", template_hash(TEMPLATE), content.hash, "adr_1", 0, "court_record")


def approved(content: Content, *names: str) -> list[tuple[Approval, bytes]]:
    listing = ApprovalList((item(content),))
    return [
        (
            sign(
                LAWYERS[name][0],
                PASSWORDS[name],
                template_hashes=[template_hash(TEMPLATE)],
                list_hash=listing.list_hash,
                exceptions_hash=exceptions_hash(()),
                at=AT,
                lawyer=name,
            ),
            LAWYERS[name][1],
        )
        for name in names
    ]


def test_the_document_goes_along_byte_for_byte_under_a_cover_that_names_it() -> None:
    content = cover()
    forwarded = forward(TEMPLATE, content, document(), item=item(content), approvals=approved(content, *LAWYERS))
    assert forwarded.document == document()
    printed = text_of(forwarded.cover.pdf)
    assert forwarded.document_sha256 in printed
    assert "执123号" in printed
    assert "电子签章" in printed
    assert "不是法院文书" in printed


@pytest.mark.parametrize("missing", ["委托编号", "案号", "文书哈希"])
def test_without_entrustment_docket_or_hash_nothing_is_made(missing: str) -> None:
    content = cover(**{missing: ""})
    with pytest.raises(NotEntrusted) as refused:
        forward(TEMPLATE, content, document(), item=item(content), approvals=approved(content, *LAWYERS))
    assert refused.value.data == {"unmet": "rule"}


@pytest.mark.parametrize("names", [(), ("刘正言",), ("刘正言", "刘正言")])
def test_two_lawyers_must_have_approved(names: tuple[str, ...]) -> None:
    content = cover()
    with pytest.raises(NotEntrusted):
        forward(TEMPLATE, content, document(), item=item(content), approvals=approved(content, *names))


def test_one_changed_byte_of_the_document_or_letter_of_the_cover_is_refused() -> None:
    content = cover()
    given = approved(content, *LAWYERS)
    with pytest.raises(NotEntrusted):
        forward(TEMPLATE, content, document() + b"\n", item=item(content), approvals=given)
    changed = cover(案号="（2026）测0101执124号")
    with pytest.raises(NotEntrusted):
        forward(TEMPLATE, changed, document(), item=item(changed), approvals=given)
    with pytest.raises(ApprovalVoid):
        forward(TEMPLATE, changed, document(), item=item(content), approvals=given)


def test_pages_that_are_not_the_stated_ones_and_what_is_no_pdf_are_refused() -> None:
    content = cover(文书页数=2)
    with pytest.raises(NotEntrusted) as refused:
        forward(TEMPLATE, content, document(), item=item(content), approvals=approved(content, *LAWYERS))
    assert refused.value.data == {"unmet": "pages"}
    other = cover(文书哈希=hashlib.sha256(b"x").hexdigest())
    with pytest.raises(NotEntrusted) as refused:
        forward(TEMPLATE, other, b"x", item=item(other), approvals=approved(other, *LAWYERS))
    assert refused.value.data == {"unmet": "document"}
