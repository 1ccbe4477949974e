"""One letter proofread for a person: every passage of its paper, and what is wrong with it.

    proofed = proof_letter(engine, tenant, "LH2026-000123", lawyer_name=None, on=day)
    proofed.passages, proofed.proof.hits, proofed.proof.problems

Names the person; whoever shows it writes the audit log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Engine, select

from songda.flow.compose import Wanted, compose
from songda.flow.gates import white_list
from songda.flow.proposal import NoSuchLawyer
from songda.flow.stop import find_letter
from songda.flow.tenants import Tenant
from songda.letters import BadContent, Passage, Proof, passages, proofread
from songda.store import tables


@dataclass(frozen=True, slots=True)
class Proofed:
    letter_id: str
    passages: tuple[Passage, ...] = field(repr=False)
    proof: Proof = field(repr=False)


def proof_letter(engine: Engine, tenant: Tenant, letter_no: str, *, lawyer_name: str | None, on: date) -> Proofed:
    """The letter as it would be printed now; `on`: its day where it bears none yet.

    Raises UnknownLetter, NoSuchLawyer, BadContent when something is not stated.
    """
    b = tables.batch.c
    lawyer = tenant.profile.lawyer(lawyer_name)
    if lawyer is None:
        raise NoSuchLawyer(name=lawyer_name or "")
    with engine.connect() as connection:
        letter = find_letter(connection, tenant, letter_no)
        drill = bool(connection.scalar(select(b.drill).where(b.id == letter.batch_id)))
        if letter.address_record_id is None:
            raise BadContent(codes=("address.missing",))
        wanted = [Wanted(letter.id, 1, letter.address_record_id)]
        (draft,) = compose(connection, tenant, wanted, lawyer=lawyer, on=letter.letter_date or on, drill=drill)
    if draft.content is None:
        raise BadContent(codes=draft.problems)
    template = tenant.template(draft.content.kind)
    found = passages(template, draft.content)
    return Proofed(letter.id, found, proofread(template, draft.content, accounts=white_list(tenant)))
