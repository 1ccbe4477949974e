"""Forwarding a court's document: a cover letter of ours, and the document itself, byte for byte.

    content = replace(content, extra=tuple(sorted(entrusted.values().items())))      # what the court entrusted, on the cover
    check_forward(content, document, approvals=[first, second])                      # quiet, or raises NotEntrusted
    forwarded = forward(template, content, document, item=item, approvals=[(first, public), (second, public)])
    forwarded.cover.pdf; forwarded.document == document

Rule L08 decides: without the court's entrustment, the docket number, the recorded hash of the document and the approval of
two lawyers nothing is made. Both sign the list that holds the content's hash, and the content holds all of these. What the
letters' press makes of the document: docs/decisions/016-an-annex-is-not-ours.md.
"""

from __future__ import annotations

import datetime
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
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
class Entrusted:
    """What a court has entrusted the firm to forward, in the court's own words."""

    court: str
    docket_no: str
    #: Number and day of its written entrustment.
    no: str
    on: datetime.date
    #: What the document calls itself: 执行裁定书.
    document: str
    pages: int
    #: Of the PDF, hex.
    sha256: str

    def values(self) -> dict[str, str | int]:
        """Variables of the cover (wordings/court_forward.txt)."""
        return {
            "法院名称": self.court,
            "案号": self.docket_no,
            "委托编号": self.no,
            "委托日期": self.on.isoformat(),
            "文书名称": self.document,
            "文书页数": self.pages,
            "文书哈希": self.sha256,
        }


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
    given = _given(item, approvals)
    check_forward(content, document, approvals=given)
    sealed = seal(content, given[0], item, template_hash=template_hash(template))
    return Forwarded(Renderer(template).render(sealed), document, hashlib.sha256(document).hexdigest())


def check_forward(content: Content, document: bytes, *, approvals: Sequence[Approval]) -> None:
    """Quiet when the letter may go with `document`; raises NotEntrusted otherwise.

    `approvals`: those that were verified and cover this very content.
    """
    stated = dict(content.extra)
    facts = {
        "court.entrustment": stated.get("委托编号"),
        "court.docket_no": stated.get("案号"),
        "court.document_sha256": stated.get("文书哈希"),
        "court.annex_sha256": hashlib.sha256(document).hexdigest(),
        "court.approvers": lawyers_among(approvals),
    }
    if _is_barred(facts, content):
        raise NotEntrusted(unmet="rule")
    if _pages(document) != stated.get("文书页数"):
        raise NotEntrusted(unmet="pages")


def lawyers_among(approvals: Iterable[Approval]) -> int:
    """How many lawyers gave them. Two names on one key, or one name with two keys, is one pair of eyes."""
    given = list(approvals)
    return min(len({each.key_id for each in given}), len({each.lawyer for each in given}))


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
