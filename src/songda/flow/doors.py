"""What the web door may see and do: one issued letter by its token, one print file, one push of the carrier,
the events of the tenant whose key is shown.

    find_letter(engine, master, token)                            # IssuedLetter, or None: there is no such letter
    open_print_file(engine, master, home, run_id, 1)              # OpenedFile, or None: there is no such file
    receive_carrier_pushes(engine, master, [(name, token, body)], environ=environ, at=now)    # [acknowledgement]
    read_feed(engine, master, key, after=0, limit=100, at=now)    # a page of events, or None: nobody's key

Nobody who comes through that door says which tenant he means: tokens and ids lead to it, and its own key proves the rest.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, select

from songda.base.errors import SongdaError
from songda.dispatch import receive_pushes
from songda.flow.audit import write_audit
from songda.flow.compose import token_hash
from songda.flow.post import contract_of, fallback_of
from songda.flow.press import UnknownRun, open_file, read_manifest
from songda.flow.run_key import NoSuchPrintFile
from songda.flow.shared_secrets import PURPOSES, tenant_of_key
from songda.flow.tenants import Tenant, UnknownTenant, open_tenant
from songda.letters import FileRow
from songda.notices import Page, holds, read_page
from songda.store import tables
from songda.vault import MasterKey

#: States of a run of which nothing may be printed: it has no manifest yet, or the factory holds another one.
_NOT_TO_PRINT = frozenset({"open", "rejected", "aborted"})


class ManifestChanged(SongdaError):
    zh = "打印批次 {run} 的清单与台账不符"
    remedy = "请勿打印；清单文件可能被改动，请从备份恢复，并查看审计日志"
    exit_code = 65


@dataclass(frozen=True, slots=True)
class IssuedLetter:
    """What the public may know of a letter: no addressee, no amount, no address."""

    letter_no: str
    kind: str
    firm_name: str
    firm_phone: str
    letter_date: date
    state: str
    drill: bool
    #: An envelope of it was handed to the carrier, whatever became of the letter since.
    posted: bool


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A print file of which the first piece is decrypted and verified already."""

    name: str
    chunks: Iterator[bytes]
    close: Callable[[], None]


def reading(engine: Engine) -> Engine:
    """An engine on the same database that only reads. SQLite lets it read while a run writes; `engine` would wait."""
    return create_engine(engine.url, pool_pre_ping=True, hide_parameters=True)


def find_letter(engine: Engine, master: MasterKey, token: str) -> IssuedLetter | None:
    """The letter whose QR code holds `token`; None when no letter does."""
    t, b, n = tables.letter.c, tables.batch.c, tables.attempt.c
    posted = select(n.id).where(n.letter_id == t.id, n.posted_on.is_not(None)).exists()
    query = (
        select(t.letter_no, t.kind, t.letter_date, t.state, b.drill, tables.tenant.c.name, posted.label("posted"))
        .join(tables.batch, b.id == t.batch_id)
        .join(tables.tenant, tables.tenant.c.id == t.tenant_id)
        .where(t.check_token_hash == token_hash(token))
    )
    with engine.connect() as connection:
        row = connection.execute(query).first()
    if row is None:
        return None
    firm = open_tenant(engine, master, name=row.name).profile.firm
    return IssuedLetter(
        letter_no=row.letter_no,
        kind=row.kind,
        firm_name=firm.name or "",
        firm_phone=firm.phone or "",
        letter_date=row.letter_date,
        state=row.state,
        drill=row.drill,
        posted=row.posted,
    )


def link_key(tenant: Tenant) -> bytes:
    """32 bytes that sign the tenant's links to print files, and nothing else."""
    return hashlib.sha256(tenant.key.token("web.link").encode()).digest()


def link_key_of_run(engine: Engine, master: MasterKey, run_id: str) -> bytes | None:
    """The key of the tenant to whom the run belongs; None when there is no such run."""
    tenant = _tenant_of_run(engine, master, run_id)
    return link_key(tenant) if tenant else None


def print_file(engine: Engine, tenant: Tenant, home: Path, run_id: str, number: int) -> FileRow:
    """What the manifest says of the `number`-th file of a run of the tenant that may be printed.

    Raises UnknownRun, NoSuchPrintFile, ManifestChanged.
    """
    r = tables.run.c
    with engine.connect() as connection:
        run = connection.execute(
            select(r.state, r.manifest_sha256).where(r.id == run_id, r.tenant_id == tenant.id)
        ).first()
    if run is None:
        raise UnknownRun(run=run_id)
    if run.state in _NOT_TO_PRINT:
        raise NoSuchPrintFile(run=run_id, file=number)
    try:
        manifest = read_manifest(home, run_id)
    except ValueError:
        raise ManifestChanged(run=run_id) from None
    # The manifest lies beside the files in clear: only the one that the ledger knows says what may be printed.
    if manifest.run_sha256 != run.manifest_sha256:
        raise ManifestChanged(run=run_id)
    if not 1 <= number <= len(manifest.files):
        raise NoSuchPrintFile(run=run_id, file=number)
    return manifest.files[number - 1]


def open_print_file(engine: Engine, master: MasterKey, home: Path, run_id: str, number: int) -> OpenedFile | None:
    """The `number`-th print file of a run, decrypted piece by piece; None when there is none to print.

    Raises ManifestChanged, and Unsealable for a damaged head; damage further on breaks the reading of `chunks`, at the
    latest after its last piece, when the whole is not what the manifest says.
    """
    tenant = _tenant_of_run(engine, master, run_id)
    if tenant is None:
        return None
    try:
        stated = print_file(engine, tenant, home, run_id, number)
        pieces = _verified(open_file(tenant, run_id, stated.name, home=home), stated.sha256, run_id=run_id)
    except (UnknownRun, NoSuchPrintFile):
        return None
    first = next(pieces)
    return OpenedFile(stated.name, chain((first,), pieces), pieces.close)


def _verified(pieces: Iterator[bytes], sha256: str, *, run_id: str) -> Generator[bytes]:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        yield piece
    if digest.hexdigest() != sha256:
        raise ManifestChanged(run=run_id)


def audit_press(engine: Engine, run_id: str, number: int, *, holder: str, expires: datetime, at: datetime) -> None:
    """Writes down that `holder` opened a print file through a link."""
    with engine.begin() as connection:
        write_audit(
            connection,
            at=at,
            actor=holder,
            action="press.open",
            object_id=run_id,
            details={"file": number, "link_expires": expires.isoformat()},
        )


def audit_link(engine: Engine, run_id: str, number: int, *, holder: str, expires: datetime, at: datetime) -> None:
    """Writes down that the operator gave `holder` a link to a print file."""
    with engine.begin() as connection:
        write_audit(
            connection,
            at=at,
            actor="operator",
            action="press.link",
            object_id=run_id,
            details={"file": number, "holder": holder, "link_expires": expires.isoformat()},
        )


def read_feed(engine: Engine, master: MasterKey, key: str, *, after: int, limit: int, at: datetime) -> Page | None:
    """Events of the tenant whose key `key` is, behind the cursor `after`; None: nobody's key."""
    tenant = tenant_of_key(engine, master, key, at=at)
    return None if tenant is None else read_page(engine, tenant.id, after=after, limit=limit)


def receive_carrier_pushes(
    engine: Engine,
    master: MasterKey,
    pushes: Sequence[tuple[str, str, bytes]],
    *,
    environ: Mapping[str, str],
    at: datetime,
) -> list[dict[str, Any] | SongdaError | None]:
    """Stores what carriers pushed, (tenant's name, token, body) each; one commit for all pushes of a tenant.

    Each gets its acknowledgement; None: no such door; or the error for which it is not acknowledged: BadPush,
    BadEnvelope, UnknownWaybill, NoCarrierContract, BadContract, ProfileError.
    """
    answers: dict[int, dict[str, Any] | SongdaError | None] = {}
    by_door: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, (name, token, _) in enumerate(pushes):
        by_door[name, token].append(index)
    for (name, token), indexes in by_door.items():
        bodies = [pushes[index][2] for index in indexes]
        taken: Sequence[dict[str, Any] | SongdaError | None] | None
        try:
            taken = _take_pushes(engine, master, name, token, bodies, environ=environ, at=at)
        except SongdaError as error:
            taken = [error] * len(bodies)
        answers |= zip(indexes, [None] * len(bodies) if taken is None else taken, strict=True)
    return [answers[index] for index in range(len(pushes))]


def _take_pushes(
    engine: Engine,
    master: MasterKey,
    name: str,
    token: str,
    bodies: Sequence[bytes],
    *,
    environ: Mapping[str, str],
    at: datetime,
) -> list[dict[str, Any] | SongdaError] | None:
    """None: no such door."""
    try:
        tenant = open_tenant(engine, master, name=name)
    except UnknownTenant:
        return None
    with engine.connect() as connection:
        if not holds(connection, tenant.id, tenant.key, PURPOSES["push"], token, at=at):
            return None
    return receive_pushes(
        engine,
        tenant_id=tenant.id,
        key=tenant.key,
        contract=contract_of(tenant, environ),
        bodies=bodies,
        at=at,
        accounts=[account for account in (fallback_of(tenant, environ),) if account],
    )


def _tenant_of_run(engine: Engine, master: MasterKey, run_id: str) -> Tenant | None:
    query = (
        select(tables.tenant.c.name)
        .join(tables.run, tables.run.c.tenant_id == tables.tenant.c.id)
        .where(tables.run.c.id == run_id)
    )
    with engine.connect() as connection:
        name = connection.scalar(query)
    return open_tenant(engine, master, name=name) if name else None
