"""The command line in a process of its own, over a home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any


def songda(home: Path, *words: str, rc: int = 0) -> str:
    """What `songda WORDS` says, on stdout or else on stderr; its exit code must be `rc`."""
    program = [sys.executable, "-c", "from songda.cli import main; main()", *words]
    environ = {**os.environ, "SONGDA_HOME": str(home)}
    answer = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False, env=environ)
    assert answer.returncode == rc, answer.stderr
    return answer.stdout or answer.stderr


def profile(*changes: tuple[str, str]) -> str:
    """The invented institution's profile with `changes` to its text; what is still to be filled in then states next to nothing."""
    text = resources.files("songda.sim").joinpath("tenant.toml").read_text("utf-8")
    usual = (
        ("@public_key@", ""),
        ("@endpoint@", "https://carrier.invalid/open"),
        ("@sender_no@", "1"),
        ("@product@", "1"),
    )
    for old, new in (*changes, *usual):
        assert old in text or (old, new) in usual, old
        text = text.replace(old, new)
    return text


class Desk:
    """A home, and the words that every command begins with."""

    def __init__(self, home: Path, *first: str) -> None:
        self.home = home
        self.first = first

    def imports(self, file: Path, *changes: tuple[str, str]) -> None:
        """Writes the invented institution's profile to `file` and imports it as "bank"."""
        file.write_text(profile(*changes), "utf-8")
        songda(self.home, "tenant", "import", str(file), "--tenant", "bank")

    def songda(self, *words: str, rc: int = 0) -> str:
        return songda(self.home, *self.first, *words, rc=rc)

    def json(self, *words: str, rc: int = 0) -> Any:
        return json.loads(self.songda(*words, "--json", rc=rc))
