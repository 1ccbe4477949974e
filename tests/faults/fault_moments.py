"""Moments at which a process can be cut off, observed from outside: nothing in the product knows of them.

    watch(roots=[home, out], step=lambda: "take in", reach=moments.append)

| kind | the process stands |
| --- | --- |
| commit, committed | before and after the COMMIT of a transaction that wrote something |
| file | before a file is opened for writing |
| rename, renamed | before and after a whole file gets its name |
| remove | before a file is removed |
| ask, answered | before a call leaves for the carrier; when its answer is here and stored nowhere |
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

KINDS = ("commit", "committed", "file", "rename", "renamed", "remove", "ask", "answered")

#: Functions of the product, and the stage to which what happens inside them belongs. The innermost one counts.
STAGES = {
    ("songda.flow.receive", "open_batch"): "receive",
    ("songda.flow.receive", "receive"): "receive",
    ("songda.flow.decide", "decide"): "decide",
    ("songda.flow.approve", "approve"): "approve",
    ("songda.flow.produce", "produce"): "produce",
    ("songda.flow.assemble", "assemble"): "assemble",
    ("songda.dispatch.ordering", "order_waybills"): "order",
    ("songda.dispatch.intents", "resolve_intents"): "resolve",
    ("songda.flow.press", "lock_run"): "lock",
    ("songda.flow.factory", "acknowledge"): "acknowledge",
    ("songda.flow.factory", "report"): "report",
    ("songda.flow.post", "post_run"): "hand over",
    ("songda.dispatch.following", "follow"): "follow",
    ("songda.dispatch.settling", "settle"): "settle",
    ("songda.dispatch.further", "next_attempts"): "further",
    ("songda.dispatch.ends", "close_letters"): "close",
    ("songda.flow.follow", "_finish"): "finish",
    ("songda.flow.outputs", "write_outputs"): "outputs",
}

#: What a whole job passes through; `open` is what a command does before its first stage. `resolve` comes only after something was lost.
PASSED = (
    *(
        "open",
        "receive",
        "decide",
        "approve",
        "produce",
        "assemble",
        "order intents",
        "order calls",
        "order answers",
        "lock",
    ),
    *("acknowledge", "report", "hand over", "follow", "settle", "further", "close", "outputs"),
)

_WRITES = re.compile(r'\s*(INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)', re.IGNORECASE)
#: The database writes these by itself, and the lock file is never read.
_NOT_OURS = re.compile(r"songda\.db|run\.lock")


@dataclass(frozen=True, slots=True)
class Moment:
    step: str
    stage: str
    kind: str
    #: Which of its kind in this stage and step, from 1.
    n: int
    #: Tables written, file name or operation of the carrier.
    what: str
    #: Of a commit: how the database is told to write it (SQLite: journal mode, synchronous; PostgreSQL: fsync, synchronous_commit).
    durable: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.step}/{self.stage}/{self.kind}/{self.n}"


def watch(*, roots: Sequence[Path], step: Callable[[], str], reach: Callable[[Moment], None]) -> None:
    """Calls `reach` at every moment of this process from now on, also from its threads."""
    counts: Counter[tuple[str, str, str]] = Counter()
    counting = threading.Lock()

    def at(kind: str, what: str, durable: tuple[str, ...] = ()) -> None:
        name, stage = step(), _stage(kind, what)
        with counting:
            counts[name, stage, kind] += 1
            number = counts[name, stage, kind]
        reach(Moment(name, stage, kind, number, what, durable))

    _watch_commits(at)
    _watch_files([str(root) for root in roots], at)
    _watch_calls(at)


def _stage(kind: str, what: str) -> str:
    for module, function in _callers():
        if (module, function) in STAGES:
            stage = STAGES[module, function]
            if stage != "order":
                return stage
            if kind in {"ask", "answered"}:
                return "order calls"
            return "order intents" if "insert into intent" in what else "order answers"
    return "open"


def _callers() -> Iterator[tuple[str, str]]:
    """Module and function of the main thread's calls, innermost first: threads of the fan-out work for the main thread."""
    main = threading.main_thread().ident
    frame: FrameType | None = sys._current_frames().get(main) if main else None
    while frame is not None:
        yield frame.f_globals.get("__name__", ""), frame.f_code.co_name
        frame = frame.f_back


def _watch_commits(at: Callable[..., None]) -> None:
    from sqlalchemy import Engine, event
    from sqlalchemy.engine.default import DefaultDialect

    written = threading.local()
    real = DefaultDialect.do_commit

    @event.listens_for(Engine, "begin")
    def _begin(_connection: Any) -> None:
        written.tables = set()

    @event.listens_for(Engine, "before_cursor_execute")
    def _execute(_c: Any, _cursor: Any, statement: str, _p: Any, _context: Any, _many: bool) -> None:
        if found := _WRITES.match(statement):
            written.tables.add(f"{found[1].lower()} {found[2]}")

    def do_commit(self: Any, connection: Any) -> None:
        what = ", ".join(sorted(written.tables))
        if not what:
            return real(self, connection)
        at("commit", what, _durability(self.name, connection))
        real(self, connection)
        return at("committed", what)

    DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]


def _durability(dialect: str, connection: Any) -> tuple[str, ...]:
    questions = (
        ("PRAGMA journal_mode", "PRAGMA synchronous")
        if dialect == "sqlite"
        else ("SHOW fsync", "SHOW synchronous_commit")
    )
    cursor = connection.cursor()
    try:
        return tuple(str(cursor.execute(question).fetchone()[0]) for question in questions)
    finally:
        cursor.close()


def _watch_files(roots: Sequence[str], at: Callable[..., None]) -> None:
    def ours(path: Any) -> bool:
        text = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
        return isinstance(text, str) and text.startswith(tuple(roots)) and not _NOT_OURS.search(text)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if flags & (os.O_WRONLY | os.O_RDWR) and ours(path):
                at("file", Path(path).name)
        elif event == "os.rename" and ours(arguments[1]):
            at("rename", Path(arguments[1]).name)
        elif event == "os.remove" and ours(arguments[0]):
            at("remove", Path(arguments[0]).name)

    sys.addaudithook(hook)
    for name in ("rename", "replace"):
        setattr(Path, name, _told_after(getattr(Path, name), ours, at))


def _told_after(
    real: Callable[[Path, Any], Path], ours: Callable[[Any], bool], at: Callable[..., None]
) -> Callable[[Path, Any], Path]:
    def renamed(self: Path, target: Any) -> Path:
        result = real(self, target)
        if ours(target):
            at("renamed", Path(target).name)
        return result

    return renamed


def _watch_calls(at: Callable[..., None]) -> None:
    import httpx

    real = httpx.Client.post

    def post(self: httpx.Client, url: Any, *, content: bytes, **settings: Any) -> httpx.Response:
        operation = content.partition(b"&")[0].decode().removeprefix("apiCode=")
        at("ask", operation)
        response = real(self, url, content=content, **settings)
        at("answered", operation)
        return response

    httpx.Client.post = post  # type: ignore[method-assign,assignment]
