"""The command line as a person meets it: processes that share a folder and nothing else."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from songda.sim.world import generate

PROGRAM = [sys.executable, "-c", "from songda.cli import main; main()"]
PASSWORD = "only-for-tests"
DAY = date(2026, 11, 24)


@dataclass
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


class Terminal:
    """Runs commands: each in a process of its own that is forked from one with the libraries loaded, or in a new one."""

    def __init__(self) -> None:
        self._warm: subprocess.Popen[str] | None = None

    def run(self, words: list[str], *, folder: Path, environ: dict[str, str], fresh: bool) -> Said:
        out, err = folder / ".out", folder / ".err"
        if fresh:
            with out.open("wb") as stdout, err.open("wb") as stderr:
                done = subprocess.run(
                    [*PROGRAM, *words],
                    env=environ,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    timeout=300,
                    check=False,
                )
            code = done.returncode
        else:
            request = {"words": words, "folder": str(folder), "environ": environ, "out": str(out), "err": str(err)}
            code = self._ask(request)
        said = Said(code, out.read_text("utf-8"), err.read_text("utf-8"))
        out.unlink()
        err.unlink()
        return said

    def _ask(self, request: dict[str, Any]) -> int:
        if self._warm is None:
            program = [sys.executable, Path(__file__).with_name("warm_songda.py")]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            self._warm = subprocess.Popen(program, text=True, **pipes)  # type: ignore[call-overload]
            assert self._warm.stdout is not None
            assert self._warm.stdout.readline() == "ready\n"
        assert self._warm.stdin is not None
        assert self._warm.stdout is not None
        self._warm.stdin.write(json.dumps(request) + "\n")
        self._warm.stdin.flush()
        return int(self._warm.stdout.readline())

    def close(self) -> None:
        if self._warm is not None and self._warm.stdin is not None:
            self._warm.stdin.close()
            self._warm.wait(10)


@pytest.fixture(scope="session")
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


@dataclass
class Desk:
    """A person at a terminal with a folder of their own."""

    folder: Path
    terminal: Terminal
    environ: dict[str, str] = field(default_factory=dict)
    #: Every command is a new process, as outside tests; else a fork of one with the libraries loaded.
    fresh: bool = False

    def songda(
        self, *words: str | Path, code: int = 0, environ: Mapping[str, str] | None = None, fresh: bool = False
    ) -> Said:
        """One command, which must end with `code` and never with a traceback."""
        said = self.tried(*words, environ=environ, fresh=fresh)
        assert said.code == code, (words, said.code, said.err, said.out[-2000:])
        return said

    def tried(self, *words: str | Path, environ: Mapping[str, str] | None = None, fresh: bool = False) -> Said:
        """One command, whatever it ends with, but never with a traceback."""
        env = os.environ | {"SONGDA_HOME": str(self.folder / "home"), "SONGDA_LAWYER_PASSWORD": PASSWORD}
        env |= self.environ | dict(environ or {})
        said = self.terminal.run([*map(str, words)], folder=self.folder, environ=env, fresh=fresh or self.fresh)
        assert "Traceback" not in said.err, said.err
        return said

    def key(self, name: str = "lawyer.pem") -> str:
        """Makes a lawyer's key; returns its public half."""
        said = self.songda("letters", "key", "--to", self.folder / name).out
        return said[said.index("-----BEGIN") :].strip()

    def profile(self, public_key: str, *changes: tuple[str, str], name: str = "bank") -> None:
        """Imports the invented institution with `changes` to its text."""
        text = resources.files("songda.sim").joinpath("tenant.toml").read_text(encoding="utf-8")
        usual = (
            ("@public_key@", public_key),
            ("@endpoint@", "https://carrier.invalid/open"),
            ("@sender_no@", "1100000000000"),
            ("@product@", "1"),
        )
        for old, new in (*changes, *usual):
            assert old in text or (old, new) in usual, old
            text = text.replace(old, new)
        path = self.folder / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        self.songda("tenant", "import", path, "--tenant", name)

    def record(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the SQLite record."""
        database = sqlite3.connect(self.folder / "home" / "songda.db")
        try:
            return database.execute(query).fetchall()
        finally:
            database.close()

    def cases(self, count: int = 30, *, seed: int = 3, name: str = "cases.csv") -> Path:
        path = self.folder / name
        generate(cases=count, seed=seed, as_of=DAY).write_seen(path)
        return path


@pytest.fixture
def desk(tmp_path: Path, terminal: Terminal) -> Desk:
    return Desk(tmp_path, terminal)


@pytest.fixture(scope="module")
def shared_desk(tmp_path_factory: pytest.TempPathFactory, terminal: Terminal) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"), terminal)
