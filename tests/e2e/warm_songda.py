"""Runs commands of songda in forks of one process that has its libraries loaded: the same entry point, without the second
that loading them takes each time. Reads one request a line (JSON) from stdin and answers each with its exit code.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from typing import Any, NoReturn

#: What commands load. Loading starts no thread, so that a fork is a whole process.
LIBRARIES = (
    *("alembic.command", "alembic.config", "alembic.context", "jinja2", "pikepdf", "polars", "typst", "xlsxwriter"),
    *("psycopg", "sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql", "yaml"),
    *("songda.carriers", "songda.cli", "songda.cli.drill", "songda.sim.carrier", "songda.sim.carrier.chains"),
    *(f"songda.flow.{name}" for name in ("approve", "audit", "doors", "factory", "figures", "outputs", "post")),
    *(f"songda.flow.{name}" for name in ("press", "run", "samples", "tenants")),
    *(f"songda.intake.{name}" for name in ("cases", "profile_facts", "rejected", "sheets", "template", "workbook")),
)


def main() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    assert threading.active_count() == 1
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            become(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def become(request: dict[str, Any]) -> NoReturn:
    """The command itself, with folder, environment and files of its own."""
    os.environ.clear()
    os.environ.update(request["environ"])
    os.chdir(request["folder"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, source in ((0, nothing), (1, _new(request["out"])), (2, _new(request["err"]))):
        os.dup2(source, number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - what stdin was belongs to the one who sends requests
    sys.argv = ["songda", *request["words"]]
    from songda.cli import main as songda

    code = 70
    try:
        songda()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _new(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)


if __name__ == "__main__":
    main()
