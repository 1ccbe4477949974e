"""Memory holds persons in the clear: it must not become a file.

    keep_memory_off_the_disk(lock=False)

A crash would otherwise write the whole process into a core file, wherever the machine collects those, and swapping would write
any page of it to the disk.
"""

from __future__ import annotations

import ctypes
import os
import resource

from songda.base.errors import SongdaError

# From the headers of prctl and mman.
_PR_SET_DUMPABLE = 4
_MCL_CURRENT, _MCL_FUTURE = 1, 2


class CannotLockMemory(SongdaError):
    zh = "无法把内存锁定在物理内存中（{reason}）"
    remedy = "请放宽限制（ulimit -l unlimited，systemd：LimitMEMLOCK=infinity），或去掉 SONGDA_LOCK_MEMORY 并关闭、加密交换分区"
    exit_code = 78


def keep_memory_off_the_disk(*, lock: bool) -> None:
    """From now on this process leaves no core file, whether the machine writes or pipes them, and nobody but root attaches to it.

    `lock`: nothing of it is swapped out either. Processes that are started from here have to call it again. Raises CannotLockMemory.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A machine that pipes core files to a program pays no heed to the limit.
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if lock and libc.mlockall(_MCL_CURRENT | _MCL_FUTURE) != 0:
        raise CannotLockMemory(reason=os.strerror(ctypes.get_errno()))


def lock_is_wanted() -> bool:
    """SONGDA_LOCK_MEMORY=1: for machines that swap."""
    return os.environ.get("SONGDA_LOCK_MEMORY", "") == "1"
