"""Everything that a tenant's own key seals, found and sealed anew by its newest secret.

    once = reseal(engine, key, home, tenant_id)      # rows, files, and what could not be opened
    once = reseal(engine, key, home, tenant_id)      # again: what others have sealed with the old secret meanwhile

A record is replaced only where it still stands as it was read, so that a change by somebody else, or an erasure, is never
undone; a file is, while its home is held (songda.vault.durable.held). What a person's own key sealed is left alone: its wrapped key is
one of the rows. Readers find the old record or the new one and open both.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    LargeBinary,
    Table,
    bindparam,
    exists,
    func,
    select,
    tuple_,
    update,
)

from songda.flow.press import POSTING_LIST, file_context
from songda.flow.produce import model_context, record_context
from songda.store import tables
from songda.vault import DataKey, Unsealable
from songda.vault.durable import held, replacing

#: Rows of one transaction: a writer of SQLite waits no longer than one takes.
_AT_ONCE = 2000
_HEAD = 4

Progress = Callable[[int], None]
_t, _n, _l = tables.tenant.c, tables.attempt.c, tables.letter.c


class Place(NamedTuple):
    """A column with sealed records."""

    table: Table
    column: str
    #: Of a row → what it was sealed for.
    context: Callable[[Any], str]
    #: Id of a tenant → which rows are its own.
    own: Callable[[str], ColumnElement[bool]]
    #: Names the row.
    keys: tuple[str, ...] = ("id",)


def _by_column(table: Table) -> Callable[[str], ColumnElement[bool]]:
    return lambda tenant_id: table.c.tenant_id == tenant_id


def _by_batch(table: Table) -> Callable[[str], ColumnElement[bool]]:
    b = tables.batch.c
    return lambda tenant_id: exists().where(b.id == table.c.batch_id, b.tenant_id == tenant_id)


def _of_person(tenant_id: str) -> ColumnElement[bool]:
    p = tables.person.c
    return exists().where(p.id == tables.person_key.c.person_id, p.tenant_id == tenant_id)


def _of_attempt(tenant_id: str) -> ColumnElement[bool]:
    return exists().where(_n.id == tables.fact.c.attempt_id, _l.id == _n.letter_id, _l.tenant_id == tenant_id)


def _place(table: Table, context: str, column: str = "sealed") -> Place:
    return Place(table, column, lambda row: f"{context}:{row.id}", _by_column(table))


#: Every binary column but the wrapped data key itself (a test holds it).
PLACES = (
    Place(tables.tenant, "profile", lambda row: f"tenant:{row.id}", lambda tenant_id: _t.id == tenant_id),
    Place(tables.person_key, "wrapped", lambda row: f"person.key:{row.person_id}", _of_person, ("person_id",)),
    Place(
        tables.rejected_row,
        "sealed",
        lambda row: f"rejected:{row.batch_id}:{row.row_no}",
        _by_batch(tables.rejected_row),
        ("batch_id", "row_no"),
    ),
    Place(tables.approval, "document", lambda row: f"approval:{row.id}", _by_batch(tables.approval)),
    Place(tables.fact, "raw", lambda row: f"fact:{row.id}", _of_attempt),
    _place(tables.person, "person"),
    _place(tables.case, "case"),
    _place(tables.entrustment, "entrustment"),
    _place(tables.rule_change, "rule_change"),
    _place(tables.recipient_answer, "answer"),
    _place(tables.declaration, "declaration"),
    _place(tables.webhook, "webhook"),
)


@dataclass(frozen=True, slots=True)
class Resealed:
    rows: int
    files: int
    #: Ids of rows and names of files that the key that they name does not open.
    damaged: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        return not (self.rows or self.files or self.damaged)


def reseal(
    engine: Engine, key: DataKey, home: Path, tenant_id: str, *, progress: Progress = lambda done: None
) -> Resealed:
    """One pass over all that an old secret of `key` sealed at this tenant. Raises DiskFull, CannotWrite."""
    heads, damaged, rows, files = key.old_heads, list[str](), 0, 0
    if not heads:
        return Resealed(0, 0, ())
    for place in PLACES:
        for done in _reseal_rows(engine, key, place, tenant_id, heads, damaged):
            rows += done
            progress(rows + files)
    for sealed in _files(engine, home, tenant_id):
        files += _reseal_file(key, home, sealed, heads, damaged)
        progress(rows + files)
    return Resealed(rows, files, tuple(damaged))


def _reseal_rows(
    engine: Engine, key: DataKey, place: Place, tenant_id: str, heads: Sequence[bytes], damaged: list[str]
) -> Iterator[int]:
    """How many of each transaction were sealed anew."""
    columns = [place.table.c[name] for name in place.keys]
    sealed = place.table.c[place.column]
    old = func.substr(sealed, 1, _HEAD, type_=LargeBinary).in_(heads)
    query = select(*columns, sealed.label("sealed_before")).where(old, place.own(tenant_id)).order_by(*columns)
    change = (
        update(place.table)
        .where(*(column == bindparam(f"k_{column.name}") for column in columns), sealed == bindparam("before"))
        .values({place.column: bindparam("after")})
    )
    reading, after = engine.execution_options(read_only=True), None
    while True:
        following = query if after is None else query.where(tuple_(*columns) > tuple_(*after))
        with reading.connect() as connection:
            rows = connection.execute(following.limit(_AT_ONCE)).all()
        if not rows:
            return
        fresh = []
        for row in rows:
            try:
                plain = key.unseal(row.sealed_before, context=place.context(row))
            except Unsealable:
                damaged.append(":".join([place.table.name, *(str(row._mapping[name]) for name in place.keys)]))
                continue
            named = {f"k_{name}": row._mapping[name] for name in place.keys}
            sealed_again = key.seal(plain, context=place.context(row))
            fresh.append(named | {"before": row.sealed_before, "after": sealed_again})
        began = time.monotonic()
        if fresh:
            with engine.begin() as connection:
                connection.execute(change, fresh)
        yield len(fresh)
        # Writers wait for SQLite's one lock by asking again and again: leave them as long as they were kept.
        time.sleep(min(0.1, time.monotonic() - began))
        after = tuple(rows[-1]._mapping[name] for name in place.keys)


class _File(NamedTuple):
    path: Path
    #: Offset, length and context of each blob; a length of None: the whole file.
    blobs: Sequence[tuple[int, int | None, str]]
    #: Sealed piece by piece.
    stream: bool = False


def _files(engine: Engine, home: Path, tenant_id: str) -> Iterator[_File]:
    """All files of the tenant in which something may lie that its own key sealed."""
    reading = engine.execution_options(read_only=True)
    with reading.connect() as connection:
        segments = _ids(
            connection, select(_n.segment).join(tables.letter, _l.id == _n.letter_id).distinct(), tenant_id, _l
        )
        runs, court, slips = (
            _ids(connection, select(table.c.id), tenant_id, table.c)
            for table in (tables.run, tables.entrustment, tables.courier_report)
        )

    yield _one(home / "exchange" / f"{tenant_id}.key", "exchange-key")
    for path in sorted((home / "signatures" / tenant_id).glob("*.key")):
        yield _one(path, f"signing-key:{path.stem}")
    for path in sorted((home / "imprints" / tenant_id).glob("*.bin")):
        yield _one(path, f"imprint:{path.stem}")
    for run in runs:
        yield _one(home / "runs" / run / "run.key", f"run.key:{run}")
        yield _one(home / "runs" / run / POSTING_LIST, file_context(run, POSTING_LIST), stream=True)
    for entrustment in court:
        yield _one(home / "court" / f"{entrustment}.bin", f"court:{entrustment}", stream=True)
    for report in slips:
        yield _one(home / "slips" / report[-2:] / f"{report}.bin", f"slip:{report}")
    for segment in segments:
        path = home / "letters" / segment
        yield _one(path.with_suffix(".sig"), f"signatures:{segment}")
        slots = select(_n.id, _n.offset, _n.length, _n.model_length).where(_n.segment == segment)
        with reading.connect() as connection:
            rows = connection.execute(slots.order_by(_n.offset)).all()
        model = (0, rows[0].model_length, model_context(path.name)) if rows else None
        records = [(row.offset, row.length, record_context(row.id)) for row in rows]
        yield _File(path, [*([model] if model else []), *records])


def _one(path: Path, context: str, *, stream: bool = False) -> _File:
    """A file that is one blob."""
    return _File(path, [(0, None, context)], stream)


def _ids(connection: Connection, query: Any, tenant_id: str, of: Any) -> list[str]:
    return [each for each in connection.scalars(query.where(of.tenant_id == tenant_id)) if each is not None]


def _reseal_file(key: DataKey, home: Path, sealed: _File, heads: Sequence[bytes], damaged: list[str]) -> bool:
    """Whether something in it was sealed anew."""
    # Most files need nothing: their heads are read without waiting for anybody.
    if not any(True for _ in _old_blobs(sealed, heads)):
        return False
    with held(home):
        old = list(_old_blobs(sealed, heads))
        if not old:
            return False
        data, changed = bytearray(sealed.path.read_bytes()), False
        for offset, length, context in old:
            end = len(data) if length is None else offset + length
            try:
                data[offset:end] = _again(key, bytes(data[offset:end]), context, stream=sealed.stream)
                changed = True
            except Unsealable:
                damaged.append(str(sealed.path.relative_to(home)))
        if changed:
            # Whole, beside the old one: in place, a reader could find half of it, and a crash leave half of it.
            with replacing(sealed.path) as file:
                file.write(data)
        return changed


def _old_blobs(sealed: _File, heads: Sequence[bytes]) -> Iterator[tuple[int, int | None, str]]:
    try:
        with sealed.path.open("rb") as file:
            for blob in sealed.blobs:
                file.seek(blob[0])
                if file.read(_HEAD) in heads:
                    yield blob
    except FileNotFoundError:
        return


def _again(key: DataKey, blob: bytes, context: str, *, stream: bool) -> bytes:
    """The same length: header, nonce and tag of every secret have one size, so that offsets in segments stay. Raises Unsealable."""
    if not stream:
        return key.seal(key.unseal(blob, context=context), context=context)
    target = io.BytesIO()
    key.seal_stream(io.BytesIO(b"".join(key.open_stream(io.BytesIO(blob), context=context))), target, context=context)
    return target.getvalue()
