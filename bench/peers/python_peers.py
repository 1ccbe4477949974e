"""One Python address reader, behind the protocol that all peers of bench/address_peers.py speak: `python python_peers.py NAME`.

Standard input, one JSON object a line: `{"name": "real", "texts": [...], "rows": false}`. Standard output, one line for each:
`{"name": "real", "cpu_s": 1.2, "rss_mib": 80.1, "rows": [{"province": …}, …]}`: the seconds of processor time of this process, all threads,
spent on reading the texts and on nothing else, and its peak memory until then. What is loaded before the first line is not timed; the
first list is for warming up. `rows` comes only when asked for, and is made after the clock has stopped. Runs in the environment of the
peer, so it imports nothing but the standard library and the peer, each by name.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

#: Reads all texts at once, as the library's own front page shows it, and turns what came out into rows.
Reader = tuple[Callable[[list[str]], Any], Callable[[Any], Iterable[dict[str, Any]]]]

PARTS = ("province", "city", "district", "town", "road", "road_no", "building", "unit", "room")


def songda() -> Reader:
    standardize = import_module("songda.address").standardize
    return standardize, lambda frame: frame.select(PARTS).to_dicts()


def cpca() -> Reader:
    return import_module("cpca").transform, _frame_rows


def addressparser() -> Reader:
    return import_module("addressparser").transform, _frame_rows


def _frame_rows(frame: Any) -> list[dict[str, Any]]:
    """Rows of a pandas frame; what is missing in it is a float."""
    columns = {"省": "province", "市": "city", "区": "district"}
    return [
        {name: each[column] if isinstance(each[column], str) else None for column, name in columns.items()}
        for each in frame.to_dict("records")
    ]


def jionlp() -> Reader:
    parse = import_module("jionlp").parse_location

    def rows(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        names = {"province": "province", "city": "city", "county": "district", "town": "town"}
        return [{name: each.get(key) for key, name in names.items()} for each in found]

    return lambda texts: [parse(text, town_village=True) for text in texts], rows


READERS: dict[str, Callable[[], Reader]] = {
    "songda": songda,
    "cpca": cpca,
    "addressparser": addressparser,
    "jionlp": jionlp,
}


def peak_mib() -> float:
    """Peak memory of this program. `ru_maxrss` would count the one that started it, too: Linux keeps it over exec."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    with contextlib.redirect_stdout(sys.stderr):  # what a library prints is no answer
        parse, rows = READERS[sys.argv[1]]()
        for line in sys.stdin:
            order = json.loads(line)
            started = time.process_time()
            found = parse(order["texts"])
            answer = {"name": order["name"], "cpu_s": time.process_time() - started, "rss_mib": peak_mib()}
            if order["rows"]:
                answer["rows"] = list(rows(found))
            answers.write(json.dumps(answer, ensure_ascii=False) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
