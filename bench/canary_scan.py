"""Does anything that the whole job writes hold a person in the clear?

    .venv/bin/python bench/canary_scan.py [--cases 5000] [--database both] [--days 3] [--seed 41] [--out canary_scan.json]

A case file of invented people goes the whole way at a terminal, on SQLite and on a PostgreSQL that logs every statement with its
values: read, killed, resumed, approved, printed, killed, resumed, posted to the stand-in carrier and followed, with the log of
every library at DEBUG; then every list is looked at, a person is exported (encrypted), the doors are asked over HTTP. Everything
that was written (home, results, temporary files, both standard streams, the server's data and log, answers with their headers) is
searched by tests/security/residue.py: names, ID numbers, phones, addresses down to the door as written and as standardised, in
twenty-six spellings, containers opened. Rows of all tables are searched once more with their columns run together.

left out     the case file and the refused rows, which are the institution's own
too common   names of two characters that stand in the program's own texts: a hit would say nothing
four bytes   names of two characters in GB18030 or UTF-16: among thousands some stand in any hundreds of MiB, counted apart
control      one more person is written into a log, a gzip file and, spread over two columns, into a table: found or the run fails
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pyrage

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "security"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from residue import SHORTEST_NEEDLE, Hit, Searcher, scan  # type: ignore[import-not-found]
from residue_plant import assert_scanner_works  # type: ignore[import-not-found]
from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from bench.letter_faults_around import postgresql
from bench.push_endpoint import serving
from songda.address import standardize
from songda.cli.drill import invented_profile
from songda.sim.world import generate, people

ROOT = Path(__file__).resolve().parents[1]
DAY = date(2026, 11, 24)
#: An address down to here finds a person; a town or a road alone does not.
DOORS = ("building", "unit", "floor", "room")
#: The log of every library, as loud as it comes.
LOUD = "import logging; logging.basicConfig(level=logging.DEBUG); from songda.cli import main; main()"
#: The institution's own data.
OWN = ("cases.xlsx", "cases.csv", "out/rejected.xlsx", "tenant.toml", "lawyer.pem")
#: Nobody in the world is called so.
PLANTED = "柳如烟霜"
#: Every statement with its values, and what an administrator might switch on to look for a fault.
TALKATIVE = (
    "log_statement=all",
    "log_min_duration_statement=0",
    "log_parameter_max_length_on_error=-1",
    "log_min_messages=debug1",
)


@dataclass
class Terminal:
    """Commands of one house, whose streams are kept."""

    root: Path
    environ: dict[str, str]
    said: int = 0
    kills: list[str] = field(default_factory=list)

    def run(self, *words: str | Path | date, codes: Sequence[int] = (0,), kill_at: str | None = None) -> dict[str, Any]:
        """What a command says as JSON (nothing when it was killed or speaks Chinese). `kill_at`: table whose first row kills it."""
        self.said += 1
        out, err = (self.root / "said" / f"{self.said:03}.{name}" for name in ("stdout", "stderr"))
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-c", LOUD, *map(str, words)],
                env=self.environ,
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )
            while (code := process.poll()) is None:
                if kill_at is not None and self._has_rows(kill_at):
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    self.kills.append(f"{words[0]}, {kill_at}")
                    return {}
                time.sleep(0.05)
        if code not in codes:
            raise SystemExit(f"{words}: {code}\n{err.read_text('utf-8')[-3000:]}")
        try:
            found: dict[str, Any] = json.loads(out.read_bytes())
        except ValueError:
            found = {}
        return found

    def _has_rows(self, table: str) -> bool:
        engine = create_engine(self.environ["SONGDA_DATABASE_URL"])
        try:
            with engine.connect() as connection:
                return connection.execute(text(f"SELECT 1 FROM {table} LIMIT 1")).first() is not None
        except DBAPIError:
            # Not made yet, or its writer is at it.
            return False
        finally:
            engine.dispose()


def main() -> None:
    given = _arguments()
    if not given.trust_scanner:
        with tempfile.TemporaryDirectory() as folder:
            assert_scanner_works(Path(folder))
    world = generate(cases=given.cases, seed=given.seed, as_of=DAY)
    needles, common = _needles(world)
    houses = []
    for database in ("sqlite", "postgresql") if given.database == "both" else (given.database,):
        with tempfile.TemporaryDirectory(prefix="songda-canary-") as folder:
            houses.append(_house(Path(folder), database, world, needles, given))
            print(json.dumps(houses[-1], ensure_ascii=False), flush=True)
    figures = {
        "cases": given.cases,
        "needles": dict(Counter(_kind(each) for each in needles)),
        "too_common": common,
        "houses": houses,
    }
    if given.out:
        given.out.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", "utf-8")
    if any(house["hits"] for house in houses):
        raise SystemExit("a person lies in the clear")


def _house(root: Path, database: str, world: Any, needles: list[str], given: argparse.Namespace) -> dict[str, Any]:
    began = time.monotonic()
    for name in ("said", "tmp", "home"):
        (root / name).mkdir()
    for name in OWN[:2]:
        world.write_seen(root / name)
    profile, key, password = invented_profile()
    (root / "tenant.toml").write_text(profile, "utf-8")
    (root / "lawyer.pem").write_bytes(key)
    secrets = {"SONGDA_HOME": str(root / "home"), "TMPDIR": str(root / "tmp"), "SONGDA_LAWYER_PASSWORD": password}
    secrets["SONGDA_DATABASE_URL"] = f"sqlite:///{root / 'home' / 'songda.db'}"
    with ExitStack() as stack:
        if database == "postgresql":
            outer = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="songda-canary-pg-")))
            log = root / "postgresql.log"
            url = stack.enter_context(postgresql(outer / "pg", settings=TALKATIVE, log=log))
            secrets["SONGDA_DATABASE_URL"] = url
        terminal = Terminal(root, os.environ | secrets)
        letters, batch = _job(terminal, given)
        answers = _looked_at(terminal, secrets, batch)
        if database == "postgresql":
            # What the server holds in files, as a thief of its disk would find them.
            engine = create_engine(secrets["SONGDA_DATABASE_URL"])
            with engine.connect() as connection:
                connection.execute(text("CHECKPOINT"))
            engine.dispose()
            shutil.copytree(outer / "pg" / "data", root / "pg-data", ignore=shutil.ignore_patterns("*.pid"))
        planted = _plant(root)
        rows, joined = _rows(create_engine(secrets["SONGDA_DATABASE_URL"]), needles)
    found = [
        hit for hit in scan(root, [*needles, PLANTED], skip=[root / name for name in OWN]) if hit.path not in planted
    ]
    hits = [hit for hit in found if not _is_four_bytes(hit)]
    control = {hit.path for hit in scan(planted[0].parent, [PLANTED])}
    if control != set(planted) or _rows(_spread_over_columns(), [PLANTED]) != (1, {"rows of planted"}):
        raise SystemExit("the control was not found")
    files = [path for path in root.rglob("*") if path.is_file() and path not in planted]
    return {
        "database": database,
        "letters": letters,
        "kills": terminal.kills,
        "commands": terminal.said,
        "http_answers": answers,
        "files": len(files),
        "mib": round(sum(path.stat().st_size for path in files) / 2**20, 1),
        "rows_joined": rows,
        "four_bytes": len(found) - len(hits),
        "hits": sorted({_where(hit, root) for hit in hits} | joined),
        "wall_s": round(time.monotonic() - began),
    }


def _job(terminal: Terminal, given: argparse.Namespace) -> tuple[int, str]:
    """The whole job, killed while it reads and while it prints; letters that were posted, and the batch."""
    terminal.run("tenant", "import", "tenant.toml", "--tenant", "bank")
    go = ("--out", "out", "--carrier", "sim", "--json")
    first = terminal.run("run", "cases.xlsx", *go, "--as-of", DAY, kill_at="address_record")
    first = first or terminal.run("run", "cases.xlsx", *go, "--as-of", DAY)
    batch = str(first["batch"])
    terminal.run("letters", "propose", batch, "--as-of", DAY, "--json")
    terminal.run("letters", "approve", batch, "--key", "lawyer.pem", "--yes", "--as-of", DAY, "--json")
    done = terminal.run("run", "--resume", *go, "--as-of", DAY, kill_at="attempt")
    done = done or terminal.run("run", "--resume", *go, "--as-of", DAY)
    for number in range(1, given.days + 1):
        terminal.run("run", "--resume", *go, "--as-of", DAY + timedelta(days=4 * number))
    return int(done["letters"]), batch


def _looked_at(terminal: Terminal, secrets: Mapping[str, str], batch: str) -> int:
    """What a person looks at afterwards; how many HTTP answers were kept with their headers."""
    root = terminal.root
    letters = terminal.run("letters", "list", batch, "--json")["letters"]
    number = next(each["letter_no"] for each in letters if each["state"] in ("active", "closed"))
    reader = str(pyrage.x25519.Identity.generate().to_public())
    # The first rows of the file; one that intake has refused is in no ledger.
    numbers = pl.read_csv(root / "cases.csv", infer_schema=False)["案件编号"].head(20).to_list()
    explained = ("person", "explain", "--json", "--case")
    case = next(each for each in numbers if terminal.run(*explained, each, codes=range(128)))
    for words in (
        ("letters", "list", batch),
        ("letters", "proof", number),
        ("tasks", "list"),
        ("press", "list"),
        ("rules", "explain", number),
        ("person", "show", "--case", case, "--by", "ops-7"),
        ("person", "export", "--case", case, "--recipient", reader, "--to", "person.json.age", "--by", "dpo-1"),
        ("money", "show"),
        ("tenant", "processing"),
        ("audit", "verify"),
        ("audit", "export", "--to", "audit.jsonl"),
    ):
        terminal.run(*words)
    terminal.run("letters", "show", "no-such-letter", "--to", "x.pdf", codes=range(1, 128))
    kept = root / "answers"
    kept.mkdir()
    with (
        serving(root / "home", secrets, program=LOUD) as (port, _),
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as web,
    ):
        paths = (
            "/",
            "/healthz",
            "/readyz",
            "/l/x",
            f"/l/{number}",
            "/api/v1/events",
            "/openapi.json",
            "/courier/x",
            "/nowhere",
        )
        for count, path in enumerate(paths):
            answer = web.get(path)
            head = "\r\n".join(f"{name}: {value}" for name, value in answer.headers.multi_items())
            (kept / f"{count:02}").write_bytes(f"{answer.status_code}\r\n{head}\r\n\r\n".encode() + answer.content)
    return len(paths)


def _needles(world: Any) -> tuple[list[str], int]:
    """What must not be found, and how many names of two characters are left out."""
    texts = set(world.records.text)
    near = standardize([*texts]).filter(pl.col("level").is_in(DOORS))
    vague = texts - set(near["text"])
    found = {*(each for each in people(world) if each not in vague), *near["standard"]}
    found = {each for each in found if len(each.encode()) >= SHORTEST_NEEDLE}
    short = sorted(each for each in found if len(each) == 2)
    common = {hit.needle for folder in ("src/songda", "tests/security") for hit in scan(ROOT / folder, short)}
    return sorted(found - common), len(common)


def _is_four_bytes(hit: Hit) -> bool:
    """Whether it is a name of two characters in a spelling of four bytes, which stand somewhere in hundreds of MiB by chance."""
    return len(hit.needle) == 2 and hit.encoding in ("gb18030", "utf-16-le", "utf-16-be")


def _kind(needle: str) -> str:
    if needle.isascii():
        return "phone" if len(needle) <= 12 else "id number"
    return "name" if len(needle) <= 4 else "address"


def _plant(root: Path) -> list[Path]:
    folder = root / "planted"
    folder.mkdir()
    (folder / "log.json").write_text(json.dumps({"event": "x", "name": PLANTED}), "utf-8")
    (folder / "log.gz").write_bytes(gzip.compress(f"x {PLANTED} y".encode("gb18030")))
    return [folder / "log.json", folder / "log.gz"]


def _spread_over_columns() -> Engine:
    """The control of `_rows`: a person whose name stands in two columns."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE planted (family TEXT, given TEXT)"))
        connection.execute(
            text("INSERT INTO planted VALUES (:family, :given)"), {"family": PLANTED[:2], "given": PLANTED[2:]}
        )
    return engine


def _rows(engine: Engine, needles: Sequence[str]) -> tuple[int, set[str]]:
    """Rows of all tables, and the tables in which a person stands who is spread over the columns."""
    searcher, count, found = Searcher(needles), 0, set[str]()
    with engine.connect() as connection:
        for table in inspect(engine).get_table_names():
            for row in connection.execute(text(f'SELECT * FROM "{table}"')):
                count += 1
                together = "".join(_words(row))
                if any(
                    spelling == "utf-8" for _, spelling in searcher.search(together.encode("utf-8", "surrogatepass"))
                ):
                    found.add(f"rows of {table}")
    engine.dispose()
    return count, found


def _words(values: Any) -> Iterator[str]:
    for each in values.values() if isinstance(values, dict) else values:
        value = each
        if isinstance(each, str) and each[:1] in ("[", "{"):
            with suppress(ValueError):
                value = json.loads(each)
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict | list | tuple):
            yield from _words(value)


def _where(hit: Hit, root: Path) -> str:
    return f"{hit.path.relative_to(root)} {hit.container_path} {hit.encoding} {_kind(hit.needle) if hit.needle else ''}".strip()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--days", type=int, default=3, help="Times that the letters are followed, four days apart.")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--seed", type=int, default=41)
    parser.add_argument("--trust-scanner", action="store_true", help="Do not plant a needle in every container first.")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    logging.disable(logging.INFO)
    main()
