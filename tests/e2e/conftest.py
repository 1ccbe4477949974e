"""The command line as a person meets it: processes that share a folder and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
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


@dataclass
class Desk:
    """A person at a terminal with a folder of their own."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def songda(self, *words: str | Path, code: int = 0, environ: Mapping[str, str] | None = None) -> Said:
        """One command, which must end with `code` and never with a traceback."""
        env = os.environ | {"SONGDA_HOME": str(self.folder / "home"), "SONGDA_LAWYER_PASSWORD": PASSWORD}
        done = subprocess.run(
            [*PROGRAM, *map(str, words)],
            env=env | self.environ | dict(environ or {}),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == code, (words, done.returncode, done.stderr, done.stdout[-2000:])
        return Said(done.returncode, done.stdout, done.stderr)

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

    def cases(self, count: int = 30, *, seed: int = 3, name: str = "cases.csv") -> Path:
        path = self.folder / name
        generate(cases=count, seed=seed, as_of=DAY).write_seen(path)
        return path


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(scope="module")
def shared_desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"))
