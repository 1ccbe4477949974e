"""Forwarding a court's document: a cover letter of ours, and the document itself, byte for byte.

    forwarded = forward(content, document, item=item, approvals=[(first, public), (second, public)])
    forwarded.cover.pdf; forwarded.document == document

Rule L08 decides: without the court's entrustment, the docket number, the recorded hash of the document and the approval of
two lawyers nothing is made. Both sign the list that holds the content's hash, and the content holds all of these.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from songda.base.errors import SongdaError
from songda.compliance import load_rules
from songda.letters.approval import Approval, ApprovalItem, ApprovalList, ApprovalVoid, seal, verify, verify_list
from songda.letters.content import Content
from songda.letters.render import Rendered, Renderer
from songda.letters.template import Template, template_hash

RULE = "L08"


class NotEntrusted(SongdaError):
    """`unmet`: what rule L08 or the document itself lacks: rule | pages | document."""

    zh = "不能转送法院文书（{unmet}）"
    remedy = "请登记法院的委托编号和案号，核对文书 PDF 的哈希和页数，并由两名律师分别审批"
    exit_code = 77


@dataclass(frozen=True, slots=True)
class Forwarded:
    #: Under the seal of the first approval.
    cover: Rendered
    #: As the court made it: no stamp, no change of format.
    document: bytes
    document_sha256: str


def forward(
    template: Template,
    content: Content,
    document: bytes,
    *,
    item: ApprovalItem,
    approvals: Sequence[tuple[Approval, bytes]],
) -> Forwarded:
    """Cover letter and document of a `court_forward` letter. `approvals`: each with the public key of its lawyer.

    Raises NotEntrusted, ApprovalVoid, and what the renderer raises.
    """
    stated = dict(content.extra)
    digest = hashlib.sha256(document).hexdigest()
    given = _given(item, approvals)
    facts = {
        "court.entrustment": stated.get("委托编号"),
        "court.docket_no": stated.get("案号"),
        "court.document_sha256": stated.get("文书哈希"),
        "court.annex_sha256": digest,
        # Two names on one key, or one name with two keys, is one pair of eyes.
        "court.approvers": min(len({each.key_id for each in given}), len({each.lawyer for each in given})),
    }
    if _is_barred(facts, content):
        raise NotEntrusted(unmet="rule")
    if _pages(document) != stated.get("文书页数"):
        raise NotEntrusted(unmet="pages")
    sealed = seal(content, given[0], item, template_hash=template_hash(template))
    return Forwarded(Renderer(template).render(sealed), document, digest)


def _given(item: ApprovalItem, approvals: Sequence[tuple[Approval, bytes]]) -> list[Approval]:
    """The approvals that are their lawyers' own and cover exactly this letter."""
    listing, given = ApprovalList((item,)), []
    for approval, public_pem in approvals:
        try:
            verify(approval, public_pem)
            verify_list(approval, listing)
        except ApprovalVoid:
            continue
        given.append(approval)
    return given


def _is_barred(facts: Mapping[str, object], content: Content) -> bool:
    import polars as pl

    frame = pl.DataFrame({"action_id": [content.letter_no], **{name: [value] for name, value in facts.items()}})
    verdict = load_rules(content.date).evaluate(frame, scope="court_forward", gate="lock")
    return RULE in verdict["rules"].item().to_list()


def _pages(document: bytes) -> int:
    import pikepdf

    try:
        with pikepdf.open(io.BytesIO(document)) as pdf:
            return len(pdf.pages)
    except pikepdf.PdfError as error:
        # Not a PDF, or one that asks for a password.
        raise NotEntrusted(unmet="document") from error
