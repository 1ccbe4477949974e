"""What a lawyer has signed, read back from the record and verified before anything is made of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson
from sqlalchemy import Connection, select

from songda.flow.tenants import Tenant
from songda.intake.profile import Lawyer
from songda.letters import (
    Approval,
    ApprovalItem,
    ApprovalList,
    ApprovalVoid,
    Content,
    Pulled,
    seal,
    template_hash,
    verify,
    verify_list,
)
from songda.store import tables


@dataclass(frozen=True, slots=True)
class Signed:
    """An approval that was verified, and the lawyer who gave it."""

    approval: Approval
    lawyer: Lawyer = field(repr=False)


def read_approvals(connection: Connection, tenant: Tenant, batch_id: str) -> dict[str, Signed]:
    """The approvals of the batch by id, each verified against the lawyer's key and the stored list. Raises ApprovalVoid."""
    a, p, t = tables.approval.c, tables.approved, tables.letter.c
    found = {}
    for row in connection.execute(select(tables.approval).where(a.batch_id == batch_id)).all():
        document = orjson.loads(tenant.key.unseal(row.document, context=f"approval:{row.id}"))
        approval = Approval.from_json(document["approval"])
        lawyer = tenant.profile.lawyer(approval.lawyer)
        if lawyer is None or lawyer.public_key is None:
            raise ApprovalVoid(reason="key")
        verify(approval, lawyer.public_key.encode())
        lines = connection.execute(
            select(p, t.amount_fen).join(tables.letter, t.id == p.c.letter_id).where(p.c.approval_id == row.id)
        )
        items = tuple(
            ApprovalItem(
                letter_id=line.letter_id,
                template_hash=line.template_sha256,
                content_hash=line.content_sha256,
                addressee_id=line.address_record_id,
                amount_fen=line.amount_fen,
                address_basis=line.basis,
                n=line.n,
            )
            for line in lines
        )
        verify_list(approval, ApprovalList(items), [Pulled(*each) for each in document["pulled"]])
        found[row.id] = Signed(approval, lawyer)
    return found


def seal_content(tenant: Tenant, content: Content, approval: Approval, item: ApprovalItem) -> Content:
    """`content` under the seal of `approval`. Raises ApprovalVoid when it is not what was approved."""
    return seal(content, approval, item, template_hash=template_hash(tenant.template(content.kind)))
