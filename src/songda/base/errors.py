"""One kind of exception for everything that a user can cause or must hear about.

An error is named after what happened, carries the data that its message needs (never personal data), reads as
English in logs and as Chinese on screens, and says which exit code the command line ends with (sysexits.h: 64 usage,
65 data, 66 no input, 69 unavailable, 73 cannot create, 74 input/output, 75 try again, 77 no permission,
78 configuration).

>>> class NoSuchFile(SongdaError):
...     zh, remedy, exit_code = "找不到文件 {path}", "请检查路径是否正确", 66
>>> error = NoSuchFile(path="cases.xlsx")
>>> str(error), error.message_zh, error.exit_code
("NoSuchFile(path='cases.xlsx')", '找不到文件 cases.xlsx。请检查路径是否正确', 66)
"""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar


class SongdaError(Exception):
    """Base of all expected failures. Subclasses set `zh` (what happened), `remedy` (what to do) and `exit_code`."""

    #: Chinese sentence for screens; `{field}` is replaced by the data given to the constructor.
    zh: ClassVar[str] = "出现错误"
    #: Chinese sentence that tells the person what to do next.
    remedy: ClassVar[str] = ""
    exit_code: ClassVar[int] = 1

    def __init__(self, **data: Any) -> None:
        self.data = data
        super().__init__(f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in data.items())})")

    def __reduce__(self) -> tuple[partial[SongdaError], tuple[()]]:
        """Travels between processes with its data."""
        return partial(type(self), **self.data), ()

    @property
    def message_zh(self) -> str:
        what = self.zh.format_map(self.data)
        return f"{what}。{self.remedy.format_map(self.data)}" if self.remedy else what
