"""Letters under everything that can go wrong: a carrier that fails, couriers who tell wrong, a receiver that is down, SIGKILL.

    .venv/bin/python bench/letter_faults.py [--letters 2000] [--days 30] [--database sqlite|postgresql|both]
                                            [--kill-every 8] [--seed 1] [--rendered 0.02] [--out FILE]

Case files come over `--days` simulated days; the clock then runs on until all is settled, and half a month longer. Each kind of
fault of the stand-in carrier strikes five calls (or pushes) in a hundred, each kind of disturbed telling
(bench/letter_courier.py) five waybills in a hundred. The process that does the work (bench/letter_faults_job.py) is killed after
a random time of work, on average `--kill-every` seconds, wherever it is, and starts again; so is the web door to which the
carrier pushes, a quarter as often. On PostgreSQL four such processes and doors work in one database, each for an institution of
its own. In the end the ledger is held against manifests, carrier, receiver and the world's truth.
Exits with 1 when anything was lost, came twice, or is not what is true.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.letter_courier import KINDS, DisturbedCourier
from bench.letter_faults_around import Door, Receiver, free_port, postgresql
from bench.letter_faults_checks import check, figures_of
from bench.letter_faults_job import NUMBERS, Job
from songda.address import standardize
from songda.base import days
from songda.cli.drill import invented_profile
from songda.cli.opening import open_base
from songda.flow.shared_secrets import valid
from songda.flow.tenants import import_tenant
from songda.notices import add_receiver
from songda.sim.carrier import SimContract, StandIn
from songda.sim.world import generate
from songda.web import push_path

ROOT = Path(__file__).resolve().parents[1]
FIRST = date(2026, 11, 26)
#: Rows of a case file for one letter that is posted.
CASES_A_LETTER = 1.25
#: Faults of calls, each with a probability of 5 %; what they need besides.
FAULTS: dict[str, dict[str, Any]] = {
    "latency": {"seconds": 0.05},
    "reset_before": {},
    "reset_after": {},
    "html_before": {},
    "html_after": {},
    "drop_answer": {},
    "truncated": {},
    "cut": {},
    "gbk": {},
    "other_number": {},
    "refuse": {},
    "push_twice": {},
    "push_shuffled": {},
    "push_never": {},
}
SHARE = 0.05
#: Case files that come over the days.
FILES = 6
#: A process that does not end after so many starts never will.
PATIENCE = 2000


@dataclass
class Shard:
    """One institution with its house, its carrier and the process that works for it."""

    job: Job
    post: StandIn
    receiver: Receiver
    push_port: int
    kills: int = 0
    door_kills: int = 0
    starts: int = 0
    seconds: float = 0.0
    failed: str = ""
    _draw: random.Random = field(default_factory=random.Random)

    def work(self, kill_every: float) -> None:
        paper, errors = self.job.folder / "job.json", self.job.folder / "stderr.txt"
        self.job.write(paper)
        door = Door(paper, self.push_port, kill_every=4 * kill_every, draw=random.Random(self._draw.random()))
        began = time.perf_counter()
        while self.starts < PATIENCE:
            self.starts += 1
            with errors.open("wb") as stderr:
                process = subprocess.Popen(
                    [sys.executable, "-m", "bench.letter_faults_job", str(paper)],
                    cwd=ROOT,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    start_new_session=True,
                )
                code = self._end(process, kill_every)
            if code == 0:
                break
            if code != -signal.SIGKILL:
                self.failed = errors.read_text("utf-8", "replace")[-3000:]
                break
            self.kills += 1
        self.seconds = time.perf_counter() - began
        door.close()
        self.door_kills = door.kills

    def _end(self, process: subprocess.Popen[bytes], kill_every: float) -> int:
        """Exit code of the process, which is killed after a random time of work; one in ten before it has begun."""
        assert process.stdout is not None
        try:
            if not kill_every:
                return process.wait()
            if self._draw.random() < 0.1:
                return process.wait(self._draw.uniform(0, kill_every))
            process.stdout.readline()
            return process.wait(self._draw.expovariate(1 / kill_every))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return process.wait()
        finally:
            process.stdout.close()


def prepare(folder: Path, *, tenant: str, letters: int, days_: int, seed: int, database: str | None) -> Job:
    """World, case files, house with its tenant; a receiver of events is added later."""
    (folder / "home").mkdir(parents=True, mode=0o700)
    world = generate(cases=round(letters * CASES_A_LETTER), seed=seed, as_of=FIRST)
    world.write_seen(folder / "all.csv")
    world.write_truth(folder / "truth")
    with (folder / "all.csv").open(encoding="utf-8-sig", newline="") as file:
        head, *rows = csv.reader(file)
    (folder / "all.csv").unlink()
    files, stated = {}, head.index("金额截止日")
    for n in range(FILES):
        day = n * days_ // FILES
        files[day] = name = f"cases-{n}.csv"
        # Amounts are as old on the day of each file as they were on the first: rule C04 refuses old ones.
        own = [_aged(row, stated, day) for row in rows[n::FILES]]
        with (folder / name).open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows([head, *own])
    return Job(folder, tenant, database, "", FIRST, files, days_, 0.0, "")


def _aged(row: list[str], column: int, days_: int) -> list[str]:
    try:
        stated = date.fromisoformat(row[column])
    except ValueError:
        return row
    return [*row[:column], (stated + timedelta(days=days_)).isoformat(), *row[column + 1 :]]


def furnish(job: Job, receiver: Receiver) -> tuple[str, str]:
    """The institution in its house, with its lawyer's key; the path to which its carrier pushes, and the key's password."""
    profile, private, password = invented_profile()
    (job.folder / "lawyer.pem").write_bytes(private)
    opening = days.at(FIRST, 8)
    with open_base(job.settings()) as (engine, master, _):
        tenant = import_tenant(engine, master, name=job.tenant, profile_toml=profile, at=opening, actor="system:bench")
        with engine.begin() as connection:
            add_receiver(connection, tenant.key, tenant.id, receiver.url, after=0, at=opening)
        (shared,) = valid(engine, tenant, "push", at=opening)
    return push_path(job.tenant, shared.text), password


@contextmanager
def shards(
    root: Path, *, count: int, letters: int, days_: int, seed: int, database: str | None, rendered: float
) -> Iterator[list[Shard]]:
    with ExitStack() as stack:
        made = []
        for n in range(count):
            folder = root / f"house-{n}"
            bare = prepare(
                folder, tenant=f"bank{n}", letters=letters // count, days_=days_, seed=seed + n, database=database
            )
            if n:
                # Several machines of one house seal with one master key.
                shutil.copytree(root / "house-0" / "home" / "keys", folder / "home" / "keys")
            receiver, push_port = Receiver(seed + n, first=FIRST), free_port()
            stack.callback(receiver.close)
            path, password = furnish(bare, receiver)
            contract = SimContract(
                number_range=NUMBERS, starts_at=days.at(FIRST, 8), push_url=f"http://127.0.0.1:{push_port}{path}"
            )
            courier = DisturbedCourier(folder / "truth", folder / "told.jsonl")
            post = stack.enter_context(StandIn(contract, courier=courier, seed=seed + n))
            for kind, more in FAULTS.items():
                post.fault(kind, probability=SHARE, **more)
            job = replace(bare, carrier=post.base_url, rendered_share=rendered, password=password)
            made.append(Shard(job, post, receiver, push_port, _draw=random.Random(seed + n)))
        yield made


def measure(
    *, letters: int, days_: int, database: str, kill_every: float, seed: int, rendered: float, folder: Path
) -> dict[str, Any]:
    # Compiled here once: a compilation that is killed again and again never ends.
    standardize(["上海市静安区示例路1号"])
    with ExitStack() as stack:
        url = stack.enter_context(postgresql(folder / "pg")) if database == "postgresql" else None
        count = 4 if url else 1
        houses = stack.enter_context(
            shards(folder, count=count, letters=letters, days_=days_, seed=seed, database=url, rendered=rendered)
        )
        began = time.perf_counter()
        workers = [threading.Thread(target=each.work, args=(kill_every,)) for each in houses]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        seconds = time.perf_counter() - began
        failed = [each.failed for each in houses if each.failed]
        if failed:
            raise SystemExit("\n".join(failed))
        checks = [check(each.job, each.post.stats(), each.receiver.taken) for each in houses]
        figures = figures_of(houses, checks)
    last = max(json.loads((each.job.folder / "day.json").read_text())[0] for each in houses)
    return {
        "database": database,
        "workers": count,
        "days_played": last,
        "last_day": (FIRST + timedelta(days=last)).isoformat(),
        "seconds": round(seconds, 1),
        "kills": sum(each.kills for each in houses),
        "kills_of_doors": sum(each.door_kills for each in houses),
        "rendered_share": rendered,
        "seed": seed,
        **figures,
        "kinds of disturbed telling": len(KINDS),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def table(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One row a figure, one column a database."""
    rows = [
        {"figure": name} | {run["database"]: run[name] for run in runs}
        for name, value in runs[0].items()
        if not isinstance(value, list | dict) and name != "database"
    ]
    for part in ("wrong", "calls struck"):
        names = dict.fromkeys(name for run in runs for name in run[part])
        rows += [
            {"figure": f"{part}: {name}"} | {run["database"]: run[part].get(name, 0) for run in runs} for name in names
        ]
    stages = [each | {"stage": f"{each['stage']}, {run['database']}"} for run in runs for each in run["stages"]]
    examples = [example for run in runs for example in run["examples"]]
    databases = ", ".join(run["database"] for run in runs)
    return {"databases": databases, "figures": rows, "stages": stages} | ({"examples": examples} if examples else {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--letters", type=int, default=2000, help="that are posted, about, on each database")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="sqlite")
    parser.add_argument("--kill-every", type=float, default=8.0, help="seconds on average; 0: never")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rendered", type=float, default=0.02, help="share of the letters that are rendered")
    parser.add_argument("--keep", type=Path, help="folder for everything, kept afterwards")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    root = chosen.keep or Path(tempfile.mkdtemp(prefix="songda-bench-"))
    runs = []
    try:
        for database in ("sqlite", "postgresql") if chosen.database == "both" else (chosen.database,):
            folder = root / database
            folder.mkdir(parents=True)
            runs.append(
                measure(
                    letters=chosen.letters,
                    days_=chosen.days,
                    database=database,
                    kill_every=chosen.kill_every,
                    seed=chosen.seed,
                    rendered=chosen.rendered,
                    folder=folder,
                )
            )
    finally:
        if not chosen.keep:
            shutil.rmtree(root)
    figures = table(runs)
    for rows in figures.values():
        for row in rows if isinstance(rows, list) else ():
            print("  ".join(f"{value!s:>14}" if n else f"{value!s:<36}" for n, value in enumerate(row.values())))
    if chosen.out is not None:
        chosen.out.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    sys.exit(1 if any(count for run in runs for count in run["wrong"].values()) else 0)


if __name__ == "__main__":
    main()
