"""An error that nobody foresaw: where it happened is told, what it says is not.

Libraries quote the value that they stumble over (`KeyError: '…'`, a cell that is no number), and the value may be a person.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator

from songda.base.errors import SongdaError

#: A line of a traceback that came as text from another process.
_FRAME = re.compile(r'^  File "[^"]+\.py", line \d+, in [\w<>.]+$', re.MULTILINE)


class Unexpected(SongdaError):
    zh = "程序内部出错（{kind}），已完成的步骤不受影响"
    remedy = "请把上面的调用记录交给维护者（其中只有程序的位置，没有数据）；排除后再次运行会从中断处继续"
    exit_code = 70


def without_words(error: BaseException) -> str:
    """The traceback of `error` and of what led to it, oldest first: calls and kinds of errors, no message, no value."""
    parts = [
        f"{''.join(_calls(each))}{_kind(each)}: (message withheld)\n" for each in reversed(list(_chain(error, set())))
    ]
    return "Traceback (most recent call last):\n" + "which led to:\n".join(parts)


def _chain(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    if id(error) in seen:
        return
    seen.add(id(error))
    yield error
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _chain(each, seen)
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _chain(before, seen)


def _calls(error: BaseException) -> list[str]:
    # What concurrent.futures hands on from a worker is the worker's whole traceback as one text.
    if _kind(error).endswith("_RemoteTraceback"):
        return [f"{line}\n" for line in _FRAME.findall(str(error))]
    return traceback.format_tb(error.__traceback__)


def _kind(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
