"""Letters that two lawyers sign: the second signs the very list of the first, under whose name and day the letters stand.

    for first in first_signatures(connection, tenant, batch_id, lawyer): ...       # what others have signed, newest first
    signers(connection, batch_id, approvals)                                       # letter → approvals that cover it as it stands

Until the second has signed the letters stay where they are: one signature moves nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from songda.base.errors import SongdaError
from songda.flow.approved import Signed, read_approvals
from songda.flow.tenants import Tenant
from songda.intake.profile import Lawyer
from songda.letters import Approval, ApprovalVoid, lawyers_among, verify
from songda.store import tables

#: Kinds of letters for which two lawyers answer (rule L08).
_TWO = frozenset({"court_forward"})
#: What an approval says of a letter: (n, address record, content hash, template hash, basis), a line a place.
Lines = frozenset[tuple[int, str, str, str, str]]


class SecondLawyerNeeded(SongdaError):
    zh = "律师“{lawyer}”已签发批次 {batch} 的这份名单，转送法院文书须由另一名律师再签发"
    remedy = "请由另一名律师用自己的密钥运行 songda letters approve（机构档案 [[lawyers]] 中须有两名律师）"
    exit_code = 77


@dataclass(frozen=True, slots=True)
class First:
    """A signature that waits for a second one."""

    approval_id: str
    signed: Signed
    #: The day that the letters bear.
    day: date
    #: Letter → what was signed of it.
    lines: Mapping[str, Lines]


def needs_two(kind: str) -> bool:
    """Whether letters of the kind need a second lawyer (rule L08)."""
    return kind in _TWO


def first_signatures(connection: Connection, tenant: Tenant, batch_id: str) -> list[First]:
    """Every signature given for the batch, the newest first. An approval that does not verify counts for nothing."""
    try:
        approvals = read_approvals(connection, tenant, batch_id)
    except ApprovalVoid:
        return []
    lines, a = _lines(connection, batch_id), tables.approval.c
    days = {row.id: row.day for row in connection.execute(select(a.id, a.day).where(a.batch_id == batch_id))}
    found = [First(each, signed, days[each], lines.get(each, {})) for each, signed in approvals.items()]
    return sorted(found, key=lambda first: first.signed.approval.at, reverse=True)


def is_own(first: First, lawyer: Lawyer) -> bool:
    """Whether the same pair of eyes would sign again: the same name, or another name on the same key."""
    if first.signed.approval.lawyer == lawyer.name:
        return True
    try:
        verify(first.signed.approval, (lawyer.public_key or "").encode())
    except ApprovalVoid:
        return False
    return True


def signers(connection: Connection, batch_id: str, approvals: Mapping[str, Signed]) -> dict[str, list[Approval]]:
    """Letter → the verified approvals that cover it as it stands, of letters that have one."""
    lines, t = _lines(connection, batch_id), tables.letter.c
    held = connection.execute(select(t.id, t.approval_id).where(t.batch_id == batch_id, t.approval_id.is_not(None)))
    found: dict[str, list[Approval]] = {}
    for letter_id, approval_id in held:
        wanted = lines.get(approval_id, {}).get(letter_id)
        found[letter_id] = [
            signed.approval
            for each, signed in sorted(approvals.items())
            if wanted and lines.get(each, {}).get(letter_id) == wanted
        ]
    return found


def approvers(connection: Connection, tenant: Tenant, batch_id: str) -> dict[str, int]:
    """Letter → how many lawyers have signed for it as it stands. Approvals that do not verify count for nothing."""
    try:
        approvals = read_approvals(connection, tenant, batch_id)
    except ApprovalVoid:
        return {}
    return {letter: lawyers_among(given) for letter, given in signers(connection, batch_id, approvals).items()}


def _lines(connection: Connection, batch_id: str) -> dict[str, dict[str, Lines]]:
    """Approval → letter → what it says of the letter."""
    p, t = tables.approved.c, tables.letter.c
    query = select(p.approval_id, p.letter_id, p.n, p.address_record_id, p.content_sha256, p.template_sha256, p.basis)
    rows = connection.execute(query.join(tables.letter, t.id == p.letter_id).where(t.batch_id == batch_id))
    found: dict[str, dict[str, set[tuple[int, str, str, str, str]]]] = defaultdict(lambda: defaultdict(set))
    for approval_id, letter_id, *line in rows:
        found[approval_id][letter_id].add(tuple(line))
    return {each: {letter: frozenset(of) for letter, of in letters.items()} for each, letters in found.items()}
