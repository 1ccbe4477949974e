"""What the factory gets, and its word that it has deleted it.

    names = hand_off(engine, tenant, run_id, home=home, to=folder, lock=to_age_key("age1…"), at=now)
    confirm_deletion(engine, run_id, manifest_sha256=…, home=home, at=now)       # key of the run destroyed

The files go to a folder that the factory picks up from, or to its SFTP server (songda.flow.delivery). `manifest.json` appears last:
a folder with it is whole. What is on its way over a line that broke is kept here as it was encrypted, so that the rest fits.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine, select

from songda.base.errors import SongdaError
from songda.dispatch import DELETION_OVERDUE, keep_tasks
from songda.flow.audit import write_audit
from songda.flow.delivery import LAST as _MANIFEST
from songda.flow.delivery import Sftp, open_place
from songda.flow.factory import find_run
from songda.flow.press import INSERTER_FILE, open_file, read_manifest
from songda.flow.run_key import destroy_run_key
from songda.flow.tenants import Tenant
from songda.letters import Manifest
from songda.store import tables
from songda.vault.durable import new_file

_RECEIPT = "deleted.json"
#: Folder of a run with what is encrypted and on its way.
_OUTGOING = "outgoing"
#: States of runs that go to the factory.
_TO_PRINT = ("locked", "acknowledged", "printing")
#: States of runs of which nothing is printed any more.
_OVER = ("handed_over", "reconciled", "rejected", "aborted")
#: Names of a hand-off and of a receipt in the audit log.
_GIVEN, _DELETED = "press.handoff", "press.deleted"
#: How long the factory may take to say that it has deleted a run that is over.
_RECEIPT_WITHIN = timedelta(hours=24)


class BadRecipient(SongdaError):
    zh = "公钥不可用：应为 age 公钥（age1 开头的 62 个字符）"
    remedy = "请向将要打开文件的一方（印制方、个人）索取，例如由 age-keygen 生成的 public key"
    exit_code = 64


class OtherManifest(SongdaError):
    zh = "删除回执所写的清单哈希不是打印批次 {run} 的"
    remedy = "请核对回执写的是哪个批次；打印文件和密钥未动"
    exit_code = 65


class NotAsLocked(SongdaError):
    zh = "打印批次 {run} 的 {file} 与锁定时不一致，不能交给印制方"
    remedy = "请从备份恢复该批次的文件夹；不能恢复的，退回清单（songda press acknowledge 另一哈希）后重新制作"
    exit_code = 65


class Lock(NamedTuple):
    """How a file is closed for its way: the ending of its name, (name, bytes) → bytes, and for whom it can be opened."""

    suffix: str
    close: Callable[[str, bytes], bytes]
    #: Equal for locks that the same one opens; "" for none.
    opener: str


def in_clear() -> Lock:
    """For a folder that only the house's own inserter reads."""
    return Lock("", lambda name, data: data, "")


def to_age_key(recipient: str) -> Lock:
    """Encrypted to the factory's public key (age, X25519). Raises BadRecipient."""
    import pyrage

    try:
        key = pyrage.x25519.Recipient.from_str(recipient.strip())
    except pyrage.RecipientError:
        raise BadRecipient from None
    return Lock(".age", lambda name, data: bytes(pyrage.encrypt(data, [key])), _hash(recipient.strip()))


def to_zip(password: str) -> Lock:
    """A ZIP with AES-256 (WinZip AE-2) a file, for factories without age; the password goes another way."""
    import pyzipper

    def close(name: str, data: bytes) -> bytes:
        out = io.BytesIO()
        with pyzipper.AESZipFile(out, "w", compression=pyzipper.ZIP_STORED, encryption=pyzipper.WZ_AES) as archive:
            archive.setpassword(password.encode())
            archive.writestr(name, data)
        return out.getvalue()

    return Lock(".zip", close, _hash(password))


def hand_off(
    engine: Engine, tenant: Tenant, run_id: str, *, home: Path, to: Path | Sftp, lock: Lock, at: datetime
) -> list[str]:
    """Writes the run for the factory into the folder `to/RUN`; the names in the order in which they appeared.

    Called again after a broken line it goes on where that broke. Raises UnknownRun, WrongRunState, NotAsLocked, FolderNotEmpty,
    RunKeyDestroyed, Unsealable, DiskFull, CannotWrite, and for a server what songda.flow.delivery raises.
    """
    with engine.connect() as connection:
        run = find_run(connection, run_id, *_TO_PRINT)
    manifest, source = read_manifest(home, run_id), home / "runs" / run_id
    if manifest.run_sha256 != run.manifest_sha256:
        raise NotAsLocked(run=run_id, file=_MANIFEST)
    hashes = {file.name: file.sha256 for file in manifest.files}
    names = []
    with open_place(to) as place:
        place.begin(run_id)
        outgoing = _outgoing(source, lock) if place.resumes and lock.opener else None
        for name in [*_printed(manifest), INSERTER_FILE, _MANIFEST]:
            closed = name + lock.suffix
            if outgoing is not None and (outgoing / closed).exists():
                data = (outgoing / closed).read_bytes()
            else:
                plain = name in (INSERTER_FILE, _MANIFEST)
                data = (source / name).read_bytes() if plain else b"".join(open_file(tenant, run_id, name, home=home))
                # Preflight has passed what was locked; another file has passed nothing.
                if hashes.get(name, sha256(data).hexdigest()) != sha256(data).hexdigest():
                    raise NotAsLocked(run=run_id, file=name)
                data = lock.close(name, data)
                if outgoing is not None:
                    with new_file(outgoing / closed) as file:
                        file.write(data)
            place.put(run_id, closed, data)
            names.append(closed)
    shutil.rmtree(source / _OUTGOING, ignore_errors=True)
    with engine.begin() as connection:
        details = {
            "files": len(names),
            "lock": lock.suffix or "clear",
            "way": "folder" if isinstance(to, Path) else "sftp",
        }
        write_audit(connection, at=at, actor="operator", action=_GIVEN, object_id=run_id, details=details)
    return names


def _outgoing(source: Path, lock: Lock) -> Path:
    """Where what was encrypted with this lock waits for its way; what another can open is removed.

    Encrypting again gives other bytes, so the rest of a file that lies half at the factory must come from the same ones.
    """
    mine: Path = source / _OUTGOING / lock.opener
    for other in (source / _OUTGOING).glob("*"):
        if other != mine:
            shutil.rmtree(other)
    return mine


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def confirm_deletion(
    engine: Engine, run_id: str, *, manifest_sha256: str, receipt_sha256: str | None, home: Path, at: datetime
) -> None:
    """The factory says that it has deleted what it got for this manifest: the key of the run is destroyed, its files removed.

    `receipt_sha256`: of its receipt, if it gave a document. Raises UnknownRun, WrongRunState while something may still be
    printed, OtherManifest for another hash.
    """
    with engine.begin() as connection:
        run = find_run(connection, run_id, *_OVER)
        if run.manifest_sha256 != manifest_sha256:
            raise OtherManifest(run=run_id)
        folder = home / "runs" / run_id
        if (folder / _RECEIPT).exists():
            return
        details = {"manifest_sha256": manifest_sha256, "receipt_sha256": receipt_sha256}
        write_audit(connection, at=at, actor="operator", action=_DELETED, object_id=run_id, details=details)
    # The receipt is the last of it: a crash before it leaves everything to be done again.
    destroy_run_key(run_id, home)
    for name in _printed(read_manifest(home, run_id)):
        (folder / name).unlink(missing_ok=True)
    with new_file(folder / _RECEIPT) as written:
        written.write(json.dumps({"run": run_id, "at": at.isoformat(), **details}, sort_keys=True).encode())


def ask_for_receipts(engine: Engine, tenant_id: str, *, at: datetime) -> int:
    """A task for each run that the factory got, that has been over for a day and of which it has not confirmed the deletion;
    returns how many. A task goes away with the receipt. What never left the house needs none.
    """
    r, t, a = tables.run.c, tables.transition.c, tables.audit.c
    ended = (
        select(r.id)
        .join(tables.transition, (t.object_id == r.id) & t.target.in_(("handed_over", "rejected", "aborted")))
        .where(r.tenant_id == tenant_id, r.state.in_(_OVER), t.at <= (at - _RECEIPT_WITHIN).astimezone(UTC))
    )
    with engine.begin() as connection:
        over = set(connection.scalars(ended))
        told = connection.execute(select(a.object_id, a.action).where(a.action.in_((_GIVEN, _DELETED)))).all()
        given = {row.object_id for row in told if row.action == _GIVEN} & over
        late = given - {row.object_id for row in told if row.action == _DELETED}
        reasons = dict.fromkeys(sorted(late), "no_receipt")
        keep_tasks(connection, DELETION_OVERDUE, reasons, among=given, actor="timer", at=at)
    return len(late)


def _printed(manifest: Manifest) -> list[str]:
    """Names of the files that the factory prints: those of the run, and the documents that go along as they are."""
    return [*(file.name for file in manifest.files), *(annex.file for annex in manifest.annexes)]
