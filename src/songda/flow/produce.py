"""Fourth stage: approved letters are rendered, sealed and stored; each gets an attempt with weight and price.

A chunk of PDFs lies in one sealed segment that is on the disk before the rows that point into it are committed. A crash
loses at most the chunk in hand; equal contents give equal bytes, so what is rendered again is the same letter.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from songda.base import ids
from songda.dispatch import hold_letters, lock_attempts
from songda.flow.approved import Signed, read_approvals, seal_content
from songda.flow.compose import Draft, Wanted, compose
from songda.flow.countersigning import needs_two, signers
from songda.flow.court import Entrustment, entrustments_of, read_document
from songda.flow.money import open_accounts, zone_of
from songda.flow.sealed import LASTING
from songda.flow.stationery import products_of
from songda.flow.tenants import Tenant
from songda.letters import (
    Approval,
    ApprovalItem,
    ApprovalVoid,
    BadContent,
    Content,
    MissingGlyph,
    NotEntrusted,
    Packing,
    Postage,
    Products,
    Rendered,
    Renderer,
    RenderFailed,
    TooHeavy,
    UnknownImprint,
    anonymous,
    check_forward,
    choose,
    render_many,
    sheets_of,
)
from songda.store import Cost, chunks, insert_missing, move, reserve, tables
from songda.vault import SegmentDamaged, SegmentWriter, Slot, Unsealable

#: Letters a segment and transaction.
CHUNK = 250
#: So many letters are rendered in this process.
FEW = 150


@dataclass(frozen=True, slots=True)
class Produced:
    rendered: int
    #: Letters that could not be printed; held, with the reason.
    failed: int
    #: Letters whose content moved after the approval; they stand for approval again, or end when on their second way.
    void: int


#: What the records of a template are packed with of which no model can be drawn.
NO_MODEL = b"%PDF-1.7\n"


@dataclass(frozen=True, slots=True)
class _Job:
    """A letter on its way to one address."""

    wanted: Wanted
    approval_id: str
    content_sha256: str
    template_sha256: str
    basis: str
    letter_version: int
    amount_fen: int
    #: State and version of the attempt that stands already (second attempts); None: first attempt.
    attempt_version: int | None

    def item(self) -> ApprovalItem:
        return ApprovalItem(
            letter_id=self.wanted.letter_id,
            template_hash=self.template_sha256,
            content_hash=self.content_sha256,
            addressee_id=self.wanted.record_id,
            amount_fen=self.amount_fen,
            address_basis=self.basis,
        )


@dataclass(slots=True)
class _Chunk:
    """Results that go into one segment and one transaction."""

    #: Hash of a template → a letter made from it to somebody who does not exist.
    models: Mapping[str, bytes]

    #: With the province of the address, and the sheets of a document that goes along.
    printed: list[tuple[_Job, Rendered, str, int]] = field(default_factory=list)
    failed: list[tuple[_Job, str]] = field(default_factory=list)


def produce(
    engine: Engine,
    tenant: Tenant,
    batch_id: str,
    *,
    home: Path,
    workers: int,
    at: datetime,
    slots: Collection[str] | None = None,
    progress: Callable[[int], None] = lambda letters: None,
) -> Produced:
    """Renders every approved letter of the batch that has no PDF of record yet. Raises ApprovalVoid, DiskFull, CannotWrite.

    `slots`: those that have a slot of the day (songda.flow.slots); None: the day is not limited.
    """
    with engine.connect() as connection:
        batch = connection.execute(select(tables.batch).where(tables.batch.c.id == batch_id)).one()
        jobs = [job for job in _jobs(connection, batch_id) if slots is None or _slot_of(tenant, job) in slots]
        approvals = read_approvals(connection, tenant, batch_id) if jobs else {}
    with engine.begin() as connection:
        accounts = open_accounts(connection, tenant, batch, at=at) if jobs else ()
    maker = _Maker(engine, tenant, batch_id, approvals, drill=batch.drill, home=home)
    by_attempt = {attempt_id(tenant, job.wanted.letter_id, job.wanted.n): job for job in jobs}
    # Starting processes costs more than a few letters do.
    results = render_many(maker.contents(jobs), workers if len(jobs) > FEW else 1, tenant.templates, tenant.imprints)
    done = failed = 0
    while part := list(islice(results, CHUNK)):
        chunk = _Chunk(maker.models({by_attempt[key].template_sha256 for key, _ in part}))
        for key, result in part:
            job = by_attempt[key]
            if isinstance(result, Rendered):
                chunk.printed.append((job, result, maker.provinces.pop(key), maker.annexes.pop(key, 0)))
            else:
                chunk.failed.append((job, result.code))
        folder = home / "letters" / batch_id
        products = products_of(tenant)
        _store_chunk(engine, tenant, folder, chunk, products=products, accounts=accounts, on=batch.as_of, at=at)
        done += len(chunk.printed)
        failed += len(chunk.failed)
        progress(done + failed)
    _store_void(engine, tenant, maker.void, at=at)
    return Produced(rendered=done, failed=failed, void=len(maker.void))


def _slot_of(tenant: Tenant, job: _Job) -> str:
    """What its slot is given to: a letter on its first way has no attempt yet."""
    first = job.attempt_version is None
    return job.wanted.letter_id if first else attempt_id(tenant, job.wanted.letter_id, job.wanted.n)


def attempt_id(tenant: Tenant, letter_id: str, n: int) -> str:
    return ids.derive("att", LASTING, tenant.key.id_secret(), letter_id, n)


def _jobs(connection: Connection, batch_id: str) -> list[_Job]:
    """Approved letters to their first address, and second attempts that wait, in the order of letter numbers."""
    t, p, n = tables.letter.c, tables.approved.c, tables.attempt.c
    holds = (p.letter_id == t.id) & (p.approval_id == t.approval_id)
    line = (
        select(t.id, t.letter_no, t.version, t.amount_fen, *p)
        .join(tables.approved, holds)
        .where(t.batch_id == batch_id)
    )
    # An earlier attempt of a letter that was held and released never left the house, but has its number.
    before = select(func.count()).where(n.letter_id == t.id).scalar_subquery()
    first = line.add_columns(before.label("before")).where(t.state == "approved", p.n == 1)
    again = (
        line.add_columns(n.n.label("attempt_n"), n.version.label("attempt_version"))
        .join(tables.attempt, (n.letter_id == t.id) & (n.address_record_id == p.address_record_id))
        .where(t.state == "active", n.state == "planned")
    )
    rows = [(row.letter_no, _job(row, row.before + 1, None)) for row in connection.execute(first)]
    rows += [(row.letter_no, _job(row, row.attempt_n, row.attempt_version)) for row in connection.execute(again)]
    return [job for _, job in sorted(rows, key=lambda pair: pair[0])]


def _job(row: Any, n: int, attempt_version: int | None) -> _Job:
    return _Job(
        wanted=Wanted(row.id, n, row.address_record_id),
        approval_id=row.approval_id,
        content_sha256=row.content_sha256,
        template_sha256=row.template_sha256,
        basis=row.basis,
        letter_version=row.version,
        amount_fen=row.amount_fen,
        attempt_version=attempt_version,
    )


class _Maker:
    """Contents under their seals, composed a chunk ahead of the renderer."""

    def __init__(
        self,
        engine: Engine,
        tenant: Tenant,
        batch_id: str,
        approvals: dict[str, Signed],
        *,
        drill: bool,
        home: Path,
    ) -> None:
        self._engine, self._tenant, self._approvals, self._drill = engine, tenant, approvals, drill
        self._batch_id, self._home = batch_id, home
        #: attempt id → province of its address.
        self.provinces: dict[str, str] = {}
        #: attempt id → sheets of the document that goes along.
        self.annexes: dict[str, int] = {}
        self.void: list[tuple[_Job, str]] = []
        self._documents: dict[str, bytes] = {}
        #: Hash of a template → the first content made from it, then the model drawn from that.
        self._first: dict[str, Content] = {}
        self._models: dict[str, bytes] = {}

    def models(self, templates: Collection[str]) -> dict[str, bytes]:
        """A letter of each template to an invented person: what the records of the chunk are packed with."""
        for each in templates:
            if each not in self._models and each in self._first:
                content = anonymous(self._first.pop(each))
                try:
                    renderer = Renderer(self._tenant.template(content.kind), self._tenant.imprints)
                    self._models[each] = renderer.render(content).pdf
                except (BadContent, MissingGlyph, UnknownImprint, RenderFailed):
                    # A template that takes no invented values: its records are larger, that is all.
                    self._models[each] = NO_MODEL
        return self._models

    def contents(self, jobs: Sequence[_Job]) -> Iterator[tuple[str, Content]]:
        for part in chunks(jobs, 2 * CHUNK):
            for approval_id in sorted({job.approval_id for job in part}):
                signed = self._approvals[approval_id]
                own = [job for job in part if job.approval_id == approval_id]
                with self._engine.connect() as connection:
                    drafts = list(
                        compose(
                            connection,
                            self._tenant,
                            [job.wanted for job in own],
                            lawyer=signed.lawyer,
                            on=None,
                            drill=self._drill,
                        )
                    )
                for job, draft in zip(own, drafts, strict=True):
                    content = self._sealed(job, draft, signed.approval)
                    if content is not None and self._may_forward(job, content):
                        key = attempt_id(self._tenant, job.wanted.letter_id, job.wanted.n)
                        self.provinces[key] = draft.province
                        if job.template_sha256 not in self._models:
                            self._first.setdefault(job.template_sha256, content)
                        yield key, content

    def _sealed(self, job: _Job, draft: Draft, approval: Approval) -> Content | None:
        if draft.content is None:
            self.void.append((job, "content"))
            return None
        try:
            return seal_content(self._tenant, draft.content, approval, job.item())
        except ApprovalVoid as error:
            self.void.append((job, str(error.data["reason"])))
            return None

    def _may_forward(self, job: _Job, content: Content) -> bool:
        """Whether the letter forwards nothing, or may forward its document, whose sheets are then counted."""
        if not needs_two(content.kind):
            return True
        letter_id = job.wanted.letter_id
        with self._engine.connect() as connection:
            entrustment = entrustments_of(connection, self._tenant, [letter_id]).get(letter_id)
            given = signers(connection, self._batch_id, self._approvals).get(letter_id, [])
        try:
            if entrustment is None:
                raise NotEntrusted(unmet="rule")
            check_forward(content, self._document(entrustment), approvals=given)
        except (NotEntrusted, SegmentDamaged, Unsealable):
            self.void.append((job, "entrustment"))
            return False
        self.annexes[attempt_id(self._tenant, letter_id, job.wanted.n)] = entrustment.entrusted.pages
        return True

    def _document(self, entrustment: Entrustment) -> bytes:
        if entrustment.id not in self._documents:
            self._documents[entrustment.id] = read_document(self._home, self._tenant, entrustment.id)
        return self._documents[entrustment.id]


def _store_chunk(
    engine: Engine,
    tenant: Tenant,
    folder: Path,
    chunk: _Chunk,
    *,
    products: Products,
    accounts: Sequence[str],
    on: date,
    at: datetime,
) -> None:
    """Seals the PDFs of a chunk into one segment, then reserves what they cost and writes their rows."""
    quoted = [
        (job, rendered, _quote(tenant, rendered, province, products, on, annex=annex))
        for job, rendered, province, annex in chunk.printed
    ]
    failed = chunk.failed + [(job, "TooHeavy") for job, _, postage in quoted if postage is None]
    printed = [(job, rendered, postage) for job, rendered, postage in quoted if postage is not None]
    slots: dict[str, Slot] = {}
    path = folder / f"{ids.new('seg')}.bin"
    model = Slot(0, 0)
    if printed:
        # Letters of one template are nearly equal: each is kept as what differs from an invented one of each template. A real
        # one would stay readable after its person was erased.
        like = b"".join(chunk.models[each] for each in dict.fromkeys(job.template_sha256 for job, *_ in printed))
        packing = Packing(like)
        persons = _persons(engine, [job.wanted.letter_id for job, *_ in printed])
        tenant.key.of_persons(set(persons.values()))
        with SegmentWriter(path) as segment:
            model = segment.append(tenant.key.seal(like, context=model_context(path.name)))
            for job, rendered, _ in printed:
                key = attempt_id(tenant, job.wanted.letter_id, job.wanted.n)
                own = tenant.key.of_person(persons[job.wanted.letter_id])
                slots[key] = segment.append(own.seal(packing.pack(rendered.pdf), context=record_context(key)))
    with engine.begin() as connection:
        costs = [
            Cost(attempt_id(tenant, job.wanted.letter_id, job.wanted.n), job.wanted.letter_id, postage.price_fen)
            for job, _, postage in printed
        ]
        _take(connection, tenant, [job for job, *_ in printed])
        over = reserve(connection, costs, accounts=accounts, at=at)
        fits = [each.object_id not in over for each in costs]
        failed += [(job, "OverBudget") for (job, *_), fit in zip(printed, fits, strict=True) if not fit]
        printed = [each for each, fit in zip(printed, fits, strict=True) if fit]
        _make_attempts(connection, tenant, [job for job, *_ in printed] + [job for job, _ in failed], at=at)
        _advance(
            connection,
            [(attempt_id(tenant, job.wanted.letter_id, job.wanted.n), job.attempt_version or 0) for job, *_ in printed],
            ("planned", "quoted", "scheduled", "rendered", "sealed"),
            values=[
                _columns(tenant, job, rendered, postage, f"{folder.name}/{path.name}", model, slots)
                for job, rendered, postage in printed
            ],
            at=at,
        )
        _fail(connection, tenant, failed, at=at)


def _persons(engine: Engine, letters: Sequence[str]) -> dict[str, str]:
    """Letter → the person to whom it goes."""
    t = tables.letter.c
    with engine.connect() as connection:
        rows = connection.execute(select(t.id, t.person_id).where(t.id.in_(letters)))
        return {row.id: row.person_id for row in rows}


def _take(connection: Connection, tenant: Tenant, jobs: Sequence[_Job]) -> None:
    """Holds attempts and letters before the account that bears them: a stop order takes them in this order, and neither waits
    in a circle.
    """
    again = [job for job in jobs if job.attempt_version is not None]
    lock_attempts(connection, [attempt_id(tenant, job.wanted.letter_id, job.wanted.n) for job in again])
    t = tables.letter.c
    ids_ = [job.wanted.letter_id for job in jobs]
    connection.execute(select(t.id).where(t.id.in_(ids_)).order_by(t.id).with_for_update()).all()


def record_context(attempt: str) -> str:
    """Context under which a PDF of record is sealed."""
    return f"letter:{attempt}"


def model_context(segment: str) -> str:
    """Context under which the first blob of a segment is sealed, which the others are packed against."""
    return f"model:{segment}"


def _quote(
    tenant: Tenant, rendered: Rendered, province: str, products: Products, on: date, *, annex: int
) -> Postage | None:
    """`annex`: sheets of the document that goes along."""
    sheets = sheets_of(pages=rendered.pages, duplex=products.duplex) + annex
    try:
        return choose(sheets=sheets, zone=zone_of(tenant, province), on=on, products=products)
    except TooHeavy:
        return None


def _columns(
    tenant: Tenant,
    job: _Job,
    rendered: Rendered,
    postage: Postage,
    segment: str,
    model: Slot,
    slots: Mapping[str, Slot],
) -> dict[str, Any]:
    slot = slots[attempt_id(tenant, job.wanted.letter_id, job.wanted.n)]
    return {
        "product": postage.product,
        "envelope": postage.envelope,
        "sheets": postage.sheets,
        "pages": rendered.pages,
        "weight_g": postage.weight_g,
        "price_fen": postage.price_fen,
        "zone": postage.zone,
        "record_sha256": rendered.sha256,
        "segment": segment,
        "offset": slot.offset,
        "length": slot.length,
        "model_length": model.length,
    }


def _make_attempts(connection: Connection, tenant: Tenant, jobs: Sequence[_Job], *, at: datetime) -> None:
    """Attempts of letters on their first way, whose letters become active with them."""
    first = [job for job in jobs if job.attempt_version is None]
    records = sorted({job.wanted.record_id for job in first})
    r = tables.address_record.c
    places: dict[str, str] = {}
    for part in chunks(records):
        places |= {row.id: row.place for row in connection.execute(select(r.id, r.place).where(r.id.in_(part)))}
    insert_missing(
        connection,
        tables.attempt,
        [
            {
                "id": attempt_id(tenant, job.wanted.letter_id, job.wanted.n),
                "letter_id": job.wanted.letter_id,
                "n": job.wanted.n,
                "state": "planned",
                "version": 0,
                "address_record_id": job.wanted.record_id,
                "place": places[job.wanted.record_id],
            }
            for job in first
        ],
    )
    move(
        connection,
        "letter",
        [(job.wanted.letter_id, job.letter_version) for job in first],
        source="approved",
        target="active",
        actor="planner",
        reason="first_attempt",
        at=at,
    )


def _advance(
    connection: Connection,
    rows: Iterable[tuple[str, int]],
    states: Sequence[str],
    *,
    at: datetime,
    reason: str = "produced",
    values: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Moves attempts (id, version) through `states` in order; `values` are written with the last step."""
    rows = list(rows)
    for step, (source, target) in enumerate(pairwise(states)):
        move(
            connection,
            "attempt",
            [(id_, version + step) for id_, version in rows],
            source=source,
            target=target,
            actor="renderer",
            reason=reason,
            at=at,
            values=values if target == states[-1] else (),
        )


def _fail(connection: Connection, tenant: Tenant, failed: Sequence[tuple[_Job, str]], *, at: datetime) -> None:
    """Ends attempts whose letter cannot be printed; the letters wait for a cure."""
    rows = [(attempt_id(tenant, job.wanted.letter_id, job.wanted.n), job.attempt_version or 0) for job, _ in failed]
    _advance(connection, rows, ("planned", "quoted", "scheduled", "failed"), reason="print_failed", at=at)
    _hold(connection, failed, at=at)


def _hold(connection: Connection, jobs: Sequence[tuple[_Job, str]], *, at: datetime) -> None:
    """Letters of which nothing was posted wait for a cure; one on its second way ends with the result of its first."""
    for code in sorted({code for _, code in jobs}):
        letters = [job.wanted.letter_id for job, why in jobs if why == code]
        hold_letters(connection, letters, actor="renderer", reason="print_failed", at=at, why=f"print:{code}")


def _store_void(engine: Engine, tenant: Tenant, void: Sequence[tuple[_Job, str]], *, at: datetime) -> None:
    """What is no longer what the lawyer signed: a first letter stands for approval again, a second attempt ends."""
    first = [(job, why) for job, why in void if job.attempt_version is None]
    again = [(job, why) for job, why in void if job.attempt_version is not None]
    with engine.begin() as connection:
        move(
            connection,
            "letter",
            [(job.wanted.letter_id, job.letter_version) for job, _ in first],
            source="approved",
            target="ready",
            actor="system",
            reason="approval_void",
            at=at,
            values=[{"reasons": [f"approval_void:{why}"], "approval_id": None} for _, why in first],
        )
        move(
            connection,
            "attempt",
            [(attempt_id(tenant, job.wanted.letter_id, job.wanted.n), job.attempt_version or 0) for job, _ in again],
            source="planned",
            target="dropped",
            actor="system",
            reason="approval_void",
            at=at,
        )
