"""Runs demonstrations that break while they have a person in hand: `breaking_run.py FOLDER WAY …`.

Each writes below FOLDER/WAY; what it says lies there as `stdout` and `stderr`, its exit code is a line of our stdout.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

ARGUMENTS = ("--cases", "6", "--days", "1", "--seed", "7", "--as-of", "2026-11-24")


def fail_on(name: str) -> str:
    raise ValueError(f"no such name: {name}")


def break_with(way: str, connection: Any, person: dict[str, Any]) -> None:
    """Ways in which libraries quote the value that they stumble over."""
    name, id_number = person["name"], person["id_number"]
    match way:
        case "message":
            fail_on(name)
        case "key":
            {}[id_number]
        case "chain":
            try:
                fail_on(name)
            except ValueError as error:
                raise RuntimeError(f"while {id_number}") from error
        case "group":
            raise ExceptionGroup(name, [KeyError(name), ValueError(id_number)])
        case "note":
            unread = OSError(5, "cannot read", name)
            unread.add_note(f"of {id_number}")
            raise unread
        case "frame":
            import polars as pl

            pl.Series("a", [name, id_number]).cast(pl.Int64)
        case "process":
            from songda.base.processes import map_ahead

            list(map_ahead(fail_on, [name, name, name], workers=2))
        case "statement":
            from sqlalchemy import text

            connection.execute(text("INSERT INTO person (id, sealed) VALUES (:a, :b)"), {"a": name, "b": id_number})
        case "operation":
            from sqlalchemy import text

            connection.execute(text("INSERT INTO nowhere VALUES (:a, :b)"), {"a": name, "b": id_number})


def run(way: str, folder: Path) -> object:
    """Exit code of a demonstration that breaks in this way."""
    from songda.cli import main
    from songda.flow import receive

    def store(connection: Any, tenant: Any, persons: dict[str, dict[str, Any]], *_: Any, **__: Any) -> None:
        break_with(way, connection, next(case for person in persons.values() for case in person["cases"]))

    receive._store_persons = store
    folder.mkdir()
    sys.argv = ["songda", "demo", *ARGUMENTS, "--out", str(folder / "out")]
    with (
        (folder / "stdout").open("w") as out,
        (folder / "stderr").open("w") as err,
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            return end.code
    return 0


if __name__ == "__main__":
    root, *ways = sys.argv[1:]
    for way in ways:
        print(f"{way} {run(way, Path(root, way))}")
