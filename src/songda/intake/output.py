"""Write a file for a person so that it is whole or not there, and nobody else can read it.

    with private_file(Path("rejected.xlsx")) as draft:
        draft.write_bytes(...)

The draft lies in a folder of its own (mode 0700) beside the target, so that renaming it is atomic and so that
whatever a writer puts next to it is private too and goes away with it.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from songda.intake.errors import CannotWrite

if TYPE_CHECKING:
    from xlsxwriter.workbook import Workbook


@contextmanager
def private_file(path: Path) -> Iterator[Path]:
    """Yields where to write; afterwards `path` holds it, mode 0600. Raises CannotWrite for what the system refuses."""
    draft_folder: str | None = None
    try:
        draft_folder = tempfile.mkdtemp(prefix=".songda-", dir=path.parent)
        draft = Path(draft_folder) / "draft"
        yield draft
        draft.chmod(0o600)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise CannotWrite(file=path.name, reason=why_refused(error)) from error
    finally:
        if draft_folder is not None:
            shutil.rmtree(draft_folder, ignore_errors=True)


def close_workbook(book: Workbook) -> None:
    """Write the workbook out. Raises OSError, also where XlsxWriter wraps it in an exception of its own."""
    from xlsxwriter.exceptions import FileCreateError

    try:
        book.close()
    except FileCreateError as error:
        inner = error.args[0] if error.args else None
        raise inner if isinstance(inner, OSError) else OSError(str(error)) from error


_REASONS = {
    "ENOSPC": "磁盘已满",
    "EDQUOT": "磁盘配额已满",
    "EROFS": "目录只读",
    "EACCES": "没有写入权限",
    "EPERM": "没有写入权限",
    "ENOENT": "目录不存在",
    "EISDIR": "同名的是一个目录",
    "ENOTDIR": "路径中的一段不是目录",
    "EEXIST": "已有同名的文件",
    "ENAMETOOLONG": "文件名过长",
}


def why_refused(error: OSError) -> str:
    """Why the system refused, for a message on a screen."""
    name = errno.errorcode.get(error.errno or 0, "")
    return _REASONS.get(name, error.strerror or "输入输出错误")
