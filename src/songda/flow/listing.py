"""What a lawyer looks through before signing, as files: the list that is signed, the exceptions with their reasons.

for name, text in proposal_files(proposal, rules): ...        # approval-list.csv, exceptions.csv; nobody is named
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from songda.base.money import yuan
from songda.compliance import RuleSet
from songda.flow.figures import reason_zh
from songda.flow.gates import Spot
from songda.flow.proposal import Proposal

#: Word lists in Chinese.
WORDS_ZH = {
    "impersonation": "冒用公权力名义",
    "threat": "威胁",
    "insult": "侮辱",
    "exposure": "曝光",
    "overstate": "夸大后果",
    "crime": "提示涉嫌犯罪",
    "credit_record": "征信用语",
    "borrow_to_pay": "诱导借新还旧",
    "fee_extra": "合同以外的费用",
}
SEVERITY_ZH = {"block": "禁止", "review": "须复核"}


def proposal_files(proposal: Proposal, rules: RuleSet) -> Iterator[tuple[str, str]]:
    """Name and text of each file. The lines of the list are those that are hashed and signed."""
    numbers = {letter.letter_id: letter.letter_no for letter in proposal.letters}
    lines = [
        (
            numbers[item.letter_id],
            item.n,
            yuan(item.amount_fen),
            item.address_basis,
            item.content_hash,
            item.template_hash,
            item.letter_id,
            item.addressee_id,
        )
        for item in proposal.listing().items
    ]
    head = ("函号", "第几地址", "金额（元）", "地址依据", "内容哈希", "模板哈希", "函件", "地址记录")
    yield "approval-list.csv", _csv(head, lines)
    exceptions = [
        (
            each.letter_no,
            "；".join(reason_zh(code, rules) for code in each.reasons),
            " ".join(each.reasons),
            "；".join(map(spot_zh, each.spots)),
        )
        for each in proposal.exceptions
    ]
    yield "exceptions.csv", _csv(("函号", "理由", "理由代码", "用语"), exceptions)


def spot_zh(spot: Spot) -> str:
    """Where a wording stands, and what it is: without the words, which may name somebody."""
    where = f"第 {spot.passage} 段第 {spot.start + 1} 至 {spot.end} 字"
    return f"{where}：{WORDS_ZH.get(spot.list, spot.list)}（{SEVERITY_ZH[spot.severity]}）"


def _csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows(rows)
    return "\ufeff" + out.getvalue()
