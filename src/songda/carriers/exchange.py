"""The folder of an exchange by files, and the ledger of what went out and came in.

    out/posting-20261126-0001.csv     appears whole, by a rename; the carrier takes it away
    in/ack-….csv, in/track-….csv      appear whole, by the carrier's rename; without an ended last line they are left
    in/done/, in/refused/             acknowledgements taken; files that could not be read
    exchange.db                       lists, lines and files by hash; numbers and states, no persons

A list is first written under a hidden name, then entered in the ledger, then renamed: whatever a kill leaves, the next
start either finishes the list or forgets it, and no order stands on two.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import structlog

from songda.base.days import business_day
from songda.carriers.posting_formats import Verdict

log = structlog.get_logger("songda.carriers")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS list (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS line (
    order_no TEXT PRIMARY KEY, waybill_no TEXT NOT NULL UNIQUE, list TEXT NOT NULL, state TEXT NOT NULL,
    code TEXT NOT NULL DEFAULT '', withdrawal TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS file (
    sha256 TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL
);
"""
_PARTIAL = ".partial-"
#: Bytes of an incoming file that is still read.
LARGEST = 256 << 20


class Line(NamedTuple):
    order_no: str
    waybill_no: str
    #: listed | accepted | rejected
    state: str
    #: The carrier's reason of a rejection.
    code: str
    #: "" | asked | withdrawn | kept:CODE
    withdrawal: str


class Exchange:
    def __init__(self, folder: Path) -> None:
        self._out, self._in = folder / "out", folder / "in"
        self._done, self._refused = self._in / "done", self._in / "refused"
        for each in (self._out, self._in, self._done, self._refused):
            each.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._ledger = sqlite3.connect(folder / "exchange.db", isolation_level=None)
        self._ledger.execute("PRAGMA journal_mode=WAL")
        self._ledger.execute("PRAGMA synchronous=FULL")
        self._ledger.executescript(_SCHEMA)
        self._finish_lists()

    def close(self) -> None:
        self._ledger.close()

    def send(
        self,
        kind: str,
        content: Callable[[str], bytes],
        *,
        at: datetime,
        lines: Mapping[str, str] | None = None,
        withdraws: Iterable[str] = (),
    ) -> str:
        """Sends one list; `content` makes its text from its name. `lines`: order number → waybill. Returns the name."""
        name = self._next_name(kind, at)
        text = content(name)
        partial = self._out / f"{_PARTIAL}{name}"
        _write(partial, text)
        with self._transaction():
            digest = hashlib.sha256(text).hexdigest()
            self._ledger.execute("INSERT INTO list VALUES (?, ?, ?)", (name, digest, at.isoformat()))
            self._ledger.executemany(
                "INSERT INTO line (order_no, waybill_no, list, state) VALUES (?, ?, ?, 'listed')",
                [(order_no, waybill_no, name) for order_no, waybill_no in (lines or {}).items()],
            )
            self._ledger.executemany(
                "UPDATE line SET withdrawal = 'asked' WHERE order_no = ?", [(order_no,) for order_no in withdraws]
            )
        partial.replace(self._out / name)
        _sync(self._out)
        return name

    def line(self, order_no: str) -> Line | None:
        return self._line("order_no", order_no)

    def line_of(self, waybill_no: str) -> Line | None:
        return self._line("waybill_no", waybill_no)

    def sent_lists(self) -> dict[str, str]:
        """List → SHA-256 of what was sent."""
        return dict(self._ledger.execute("SELECT name, sha256 FROM list").fetchall())

    def incoming(self, pattern: re.Pattern[str]) -> Iterator[tuple[Path, bytes, str]]:
        """(path, content, SHA-256) of the whole files of that name that were not taken yet, in the order of names."""
        for path in sorted(self._in.iterdir()):
            if not pattern.fullmatch(path.name) or not path.is_file():
                continue
            if path.stat().st_size > LARGEST:
                # No list of ours has so many lines; it is left for a person.
                log.warning("carrier.file_too_large", file=path.name)
                continue
            content = path.read_bytes()
            if not content.endswith(b"\n"):
                # Still being written, whatever the agreement says.
                continue
            digest = hashlib.sha256(content).hexdigest()
            if self._ledger.execute("SELECT 1 FROM file WHERE sha256 = ?", (digest,)).fetchone():
                # Sent again, or its removal was cut off.
                path.unlink()
                continue
            yield path, content, digest

    def take(
        self, name: str, digest: str, kind: str, *, keep: bool, at: datetime, verdicts: Iterable[Verdict] = ()
    ) -> None:
        """Enters a file and what it says of our lines; then keeps it in `done` or removes it."""
        with self._transaction():
            self._enter(digest, name, kind, "", at)
            for verdict in verdicts:
                self._judge(verdict)
        path = self._in / name
        # What the ledger has, it has, whoever tidied the folder meanwhile.
        with suppress(FileNotFoundError):
            if keep:
                path.replace(self._done / f"{digest[:8]}-{name}")
            else:
                path.unlink()

    def refuse(self, path: Path, digest: str, reason: str, *, at: datetime) -> None:
        """Puts a file aside that cannot be read; a person has to look at it."""
        log.warning("carrier.file_refused", file=path.name, reason=reason)
        with self._transaction():
            self._enter(digest, path.name, "refused", reason, at)
        path.replace(self._refused / f"{digest[:8]}-{path.name}")

    def _judge(self, verdict: Verdict) -> None:
        # Both numbers must be ours and belong together: a line about another letter changes nothing.
        where = "WHERE order_no = ? AND waybill_no = ?"
        key = verdict.order_no, verdict.waybill_no
        if verdict.status in {"accepted", "rejected"}:
            # The first word counts: an order does not change its mind after we have printed by it.
            change = f"UPDATE line SET state = ?, code = ? {where} AND state = 'listed'"  # noqa: S608 - no data in it
            self._ledger.execute(change, (verdict.status, verdict.code, *key))
        else:
            said = "withdrawn" if verdict.status == "withdrawn" else f"kept:{verdict.code}"
            change = f"UPDATE line SET withdrawal = ? {where} AND withdrawal = 'asked'"  # noqa: S608 - no data in it
            self._ledger.execute(change, (said, *key))

    def _enter(self, digest: str, name: str, kind: str, reason: str, at: datetime) -> None:
        self._ledger.execute(
            "INSERT OR IGNORE INTO file VALUES (?, ?, ?, ?, ?)", (digest, name, kind, reason, at.isoformat())
        )

    def _line(self, column: str, value: str) -> Line | None:
        query = f"SELECT order_no, waybill_no, state, code, withdrawal FROM line WHERE {column} = ?"  # noqa: S608
        row = self._ledger.execute(query, (value,)).fetchone()
        return None if row is None else Line(*row)

    def _next_name(self, kind: str, at: datetime) -> str:
        day = f"{kind}-{business_day(at):%Y%m%d}-"
        count = self._ledger.execute("SELECT count(*) FROM list WHERE name LIKE ?", (day + "%",)).fetchone()[0]
        return f"{day}{count + 1:04d}.csv"

    def _finish_lists(self) -> None:
        """Lists that a kill left under their hidden names: entered ones are sent, others never were."""
        known = self.sent_lists()
        for partial in self._out.glob(f"{_PARTIAL}*"):
            name = partial.name.removeprefix(_PARTIAL)
            if known.get(name) == hashlib.sha256(partial.read_bytes()).hexdigest():
                partial.replace(self._out / name)
            else:
                partial.unlink()

    def _transaction(self) -> sqlite3.Connection:
        self._ledger.execute("BEGIN IMMEDIATE")
        return self._ledger


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync(folder: Path) -> None:
    """The rename itself is on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
