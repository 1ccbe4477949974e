"""Single letters for a person's eyes: samples before an approval, the PDF of record afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, select

from songda.base.money import yuan
from songda.flow.compose import Wanted, compose
from songda.flow.press import record_reader
from songda.flow.proposal import SAMPLES, NoSuchLawyer
from songda.flow.tenants import Tenant
from songda.letters import BadContent, Content, Renderer
from songda.store import tables
from songda.vault import mask

if TYPE_CHECKING:
    from songda.flow.proposal import Proposal


def sample_pdfs(
    engine: Engine, tenant: Tenant, proposal: Proposal, *, count: int = SAMPLES
) -> Iterator[tuple[str, bytes]]:
    """The first letters of a proposal as they would look, marked 样稿: (file name, PDF)."""
    for letter_no, content in _samples(engine, tenant, proposal, count):
        yield f"{letter_no}.pdf", Renderer(tenant.template(content.kind)).render(content).pdf


def masked_samples(engine: Engine, tenant: Tenant, proposal: Proposal) -> list[tuple[str, str, str, str, int]]:
    """The same letters as a screen may show them: number, name, address, amount, contracts."""
    return [
        (
            letter_no,
            mask.show("name", content.addressee.name, role="list") or "",
            f"{content.addressee.address_lines[0][:6]}***",
            yuan(content.total_fen),
            len(content.lines),
        )
        for letter_no, content in _samples(engine, tenant, proposal, SAMPLES)
    ]


def letter_pdf(
    engine: Engine, tenant: Tenant, letter_no: str, *, home: Path, lawyer_name: str | None
) -> tuple[str, bytes] | None:
    """Letter id and PDF: of record when it was made, else a sample. None when there is no such letter.

    Raises NoSuchLawyer, BadContent, MissingGlyph, SegmentDamaged, Unsealable.
    """
    t, n, b = tables.letter.c, tables.attempt.c, tables.batch.c
    with engine.connect() as connection:
        letter = connection.execute(
            select(t.id, t.address_record_id, b.drill, b.as_of)
            .join(tables.batch, b.id == t.batch_id)
            .where(t.tenant_id == tenant.id, t.letter_no == letter_no)
        ).first()
        if letter is None:
            return None
        record = connection.execute(
            select(n.id.label("attempt_id"), n.segment, n.offset, n.length, n.model_length)
            .where(n.letter_id == letter.id, n.segment.is_not(None))
            .order_by(n.n.desc())
        ).first()
        if record is not None:
            return letter.id, record_reader(tenant, home)(record)
        if letter.address_record_id is None:
            raise BadContent(codes=("address.missing",))
        lawyer = tenant.profile.lawyer(lawyer_name)
        if lawyer is None:
            raise NoSuchLawyer(name=lawyer_name or "")
        wanted = [Wanted(letter.id, 1, letter.address_record_id)]
        (draft,) = compose(connection, tenant, wanted, lawyer=lawyer, on=letter.as_of, drill=letter.drill)
    if draft.content is None:
        raise BadContent(codes=draft.problems)
    return letter.id, Renderer(tenant.template(draft.content.kind)).render(draft.content).pdf


def _samples(engine: Engine, tenant: Tenant, proposal: Proposal, count: int) -> list[tuple[str, Content]]:
    chosen = proposal.letters[:count]
    wanted = [Wanted(letter.letter_id, 1, letter.places[0][0]) for letter in chosen]
    with engine.connect() as connection:
        drafts = list(
            compose(connection, tenant, wanted, lawyer=proposal.writer, on=proposal.dated, drill=proposal.drill)
        )
    return [
        (letter.letter_no, draft.content)
        for letter, draft in zip(chosen, drafts, strict=True)
        if draft.content is not None
    ]
