"""The key of one print run's files: made at the lock, destroyed when the factory has deleted what it got.

    key = new_run_key(tenant, run_id, home)           # sealed under the tenant's key in home/runs/RUN/run.key
    run_key(tenant, run_id, home)                     # the same, until …
    destroy_run_key(run_id, home)                     # … the print files are noise, in every copy and backup of them

The PDFs of record are sealed apart and stay: a letter can be shown, its print file no longer.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from songda.base.errors import SongdaError
from songda.flow.tenants import Tenant
from songda.vault import DataKey, LocalMasterKey, new_data_key, open_data_key
from songda.vault.durable import held, new_file, sync_folder

_NAME, _WRAPPING_BYTES = "run.key", 32


class NoSuchPrintFile(SongdaError):
    zh = "打印批次 {run} 没有文件 {file}"
    remedy = "文件名见该批次的 manifest.json"
    exit_code = 66


class RunKeyDestroyed(NoSuchPrintFile):
    zh = "打印批次 {run} 的打印文件已销毁，不能再打开"
    remedy = "函件的存档 PDF 仍在，可用 songda evidence export 取得"


def new_run_key(tenant: Tenant, run_id: str, home: Path) -> DataKey:
    """A fresh key for the files of the run. Raises SegmentExists, DiskFull, CannotWrite."""
    wrapping = secrets.token_bytes(_WRAPPING_BYTES)
    wrapped = new_data_key(LocalMasterKey(wrapping))
    with new_file(home / "runs" / run_id / _NAME) as file:
        file.write(tenant.key.seal(wrapping + wrapped, context=_context(run_id)))
    return open_data_key(LocalMasterKey(wrapping), wrapped)


def run_key(tenant: Tenant, run_id: str, home: Path) -> DataKey:
    """The key of the run. Raises RunKeyDestroyed, Unsealable."""
    try:
        sealed = (home / "runs" / run_id / _NAME).read_bytes()
    except FileNotFoundError:
        raise RunKeyDestroyed(run=run_id) from None
    opened = tenant.key.unseal(sealed, context=_context(run_id))
    return open_data_key(LocalMasterKey(opened[:_WRAPPING_BYTES]), opened[_WRAPPING_BYTES:])


def destroy_run_key(run_id: str, home: Path) -> None:
    """Overwrites and removes the key; a second time does nothing."""
    path = home / "runs" / run_id / _NAME
    with held(home):
        if not path.exists():
            return
        with path.open("r+b") as file:
            file.write(secrets.token_bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        sync_folder(path.parent)


def _context(run_id: str) -> str:
    return f"run.key:{run_id}"
