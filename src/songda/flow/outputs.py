"""What a run leaves for people in the folder they named: report, refused rows, list of decisions, manifests.

`rejected.xlsx` is the institution's own data handed back (mode 0600, in the audit log; encrypted as `rejected.xlsx.age` where its
profile names a key); nothing else names a person.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, select

from songda.base.errors import SongdaError
from songda.flow.audit import write_audit
from songda.flow.decide import rules_on
from songda.flow.exchange import outgoing_lock
from songda.flow.figures import reason_zh
from songda.flow.receive import rejected_rows
from songda.flow.report import write_report
from songda.flow.summary import Summary
from songda.flow.tenants import Tenant
from songda.intake import Sheet, private_file, rejected_workbook, why_refused, write_rejected
from songda.store import tables


class CannotWriteOut(SongdaError):
    zh = "输出目录 {folder} 无法写入（{reason}）"
    remedy = "请换一个可写的目录（--out）或清理磁盘后重新运行；已完成的步骤不会重复"
    exit_code = 73


def prepare_out(out: Path) -> None:
    """The folder, made and found writable before any work begins. Raises CannotWriteOut."""
    probe = out / f".songda-{os.getpid()}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise CannotWriteOut(folder=str(out), reason=why_refused(error)) from error


def write_outputs(
    engine: Engine,
    tenant: Tenant,
    batch_id: str,
    summary: Summary,
    *,
    out: Path,
    home: Path,
    sheet: Sheet | None,
    at: datetime,
) -> None:
    """Writes everything anew. `sheet`: the case file's headers, for rejected.xlsx; None leaves that file as it is.

    Raises CannotWriteOut, ReportNotWritten, CannotWrite.
    """
    try:
        _sweep_drafts(out)
        _copy_manifests(engine, batch_id, out=out, home=home)
        _whole(out / "decisions.csv", decisions_csv(engine, tenant, batch_id).encode("utf-8-sig"))
    except OSError as error:
        raise CannotWriteOut(folder=str(out), reason=why_refused(error)) from error
    if sheet is not None and summary.rejected_rows:
        rows = rejected_rows(engine, tenant, batch_id)
        # Written down before anybody has them.
        with engine.begin() as connection:
            write_audit(
                connection,
                at=at,
                actor="system:flow",
                action="rejected.handed_back",
                object_id=batch_id,
                details={"rows": len(rows)},
            )
        lock = outgoing_lock(tenant)
        if lock is None:
            write_rejected(out / "rejected.xlsx", sheet, rows)
        else:
            name = "rejected.xlsx"
            with private_file(out / (name + lock.suffix)) as draft:
                draft.write_bytes(lock.close(name, rejected_workbook(sheet, rows)))
    write_report(summary, out / "report.html")


def decisions_csv(engine: Engine, tenant: Tenant, batch_id: str) -> str:
    """Every automatic decision about the batch's letters: what, why in words, by which versions, on which inputs."""
    d, t, n, p = tables.decision.c, tables.letter.c, tables.attempt.c, tables.piece.c
    with engine.connect() as connection:
        batch = connection.execute(select(tables.batch).where(tables.batch.c.id == batch_id)).one()
        letters = {
            row.id: row.letter_no or ""
            for row in connection.execute(select(t.id, t.letter_no).where(t.batch_id == batch_id).order_by(t.id))
        }
        attempts = select(n.id, n.letter_id).join(tables.letter, t.id == n.letter_id).where(t.batch_id == batch_id)
        owners = {row.id: row.letter_id for row in connection.execute(attempts)}
        owners |= {
            piece: owners[attempt]
            for piece, attempt in connection.execute(select(p.id, p.attempt_id))
            if attempt in owners
        }
        rows = connection.execute(select(tables.decision).order_by(d.on_day, d.id)).all()
    rules = rules_on(tenant, batch.as_of)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["日期", "环节", "对象", "函号", "结论", "理由", "理由代码", "输入哈希", "版本"])
    for row in rows:
        letter = owners.get(row.object_id, row.object_id)
        if letter in letters:
            why = "；".join(reason_zh(code, rules) for code in row.reasons if code != "chosen")
            versions = " ".join(f"{name}={value}" for name, value in sorted(row.versions.items()))
            writer.writerow(
                [
                    *(row.on_day.isoformat(), row.stage, row.object_id, letters[letter], row.outcome),
                    *(why, " ".join(row.reasons), row.inputs_sha256, versions),
                ]
            )
    return out.getvalue()


def _sweep_drafts(out: Path) -> None:
    """Removes what a run that was killed here had begun to write. The folder is the user's: what is not ours stays."""
    drafts = [*out.glob(".report.html.*.part"), *out.glob(".decisions.csv.part"), *out.glob("runs/*/.manifest.*.part")]
    drafts += [probe for probe in out.glob(".songda-*") if probe.is_file() and not probe.stat().st_size]
    for draft in drafts:
        draft.unlink(missing_ok=True)
    # The refused rows are written in a folder of their own, under these names and no others.
    for folder in out.glob(".songda-????????"):
        if folder.is_dir() and all(path.name == "draft" or path.name.startswith("tmp") for path in folder.iterdir()):
            shutil.rmtree(folder)


def _copy_manifests(engine: Engine, batch_id: str, *, out: Path, home: Path) -> None:
    r = tables.run.c
    with engine.connect() as connection:
        runs = connection.execute(
            select(r.id, r.number).where(r.batch_id == batch_id, r.manifest_sha256.is_not(None)).order_by(r.number)
        ).all()
    for run in runs:
        folder = out / "runs" / f"{run.number:06}"
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("manifest.json", "manifest.csv"):
            if not (folder / name).exists():
                _whole(folder / name, (home / "runs" / run.id / name).read_bytes())


def _whole(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.part")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
