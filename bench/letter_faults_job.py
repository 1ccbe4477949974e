"""The work of bench/letter_faults.py that is killed again and again: day by day, from the day that was not finished.

    python -m bench.letter_faults_job job.json

What is done each day is the product's own way (songda.flow.run). Three things are played: the factory spoils one envelope in
two hundred, a person passes doubtful outcomes a day after they were asked about, and most letters get the pages of one that
was rendered for real (`rendered_share`), since typesetting has a benchmark of its own.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select

from songda.base import days
from songda.base.settings import load
from songda.carriers import ContractConfig
from songda.cli.opening import open_base, open_one
from songda.flow import factory, follow, post, produce, run
from songda.flow.approve import approve
from songda.flow.doubts import accept, open_doubts
from songda.flow.post import Carrier, CarrierUnreachable, open_carrier
from songda.flow.press import read_manifest
from songda.flow.proposal import NothingToApprove, propose
from songda.flow.run import House, Watch, alone
from songda.letters import Content, Rendered
from songda.notices import deliver, open_http
from songda.sim.carrier import SimContract
from songda.store import chunks, tables

HOUR = 17
#: An envelope in so many is spoiled.
SPOILED = 200
#: Calls under way at once: four times the product's own, for nearly half of them wait for nothing.
THREADS = 32
#: How often a day's orders are tried at a carrier that loses answers, and how often a receiver is.
ORDER_ROUNDS, WEBHOOK_ROUNDS = 20, 60


@dataclass(frozen=True)
class Job:
    folder: Path
    tenant: str
    database: str | None
    #: The stand-in's control calls.
    carrier: str
    first: date
    #: Number of the day → its case file.
    files: dict[int, str]
    #: Days on which case files come.
    days: int
    rendered_share: float
    password: str

    @classmethod
    def read(cls, path: Path) -> Job:
        stated = json.loads(path.read_text("utf-8"))
        return cls(
            **stated
            | {
                "folder": Path(stated["folder"]),
                "first": date.fromisoformat(stated["first"]),
                "files": {int(day): name for day, name in stated["files"].items()},
            }
        )

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), default=str), "utf-8")

    def settings(self) -> Any:
        return load({"SONGDA_DATABASE_URL": self.database} if self.database else {}, home=self.folder / "home")


class Diary:
    """The first day that is not finished, and how long what was timed has taken."""

    def __init__(self, folder: Path) -> None:
        self._path, self._times = folder / "day.json", folder / "times.jsonl"
        #: The day, and how many have passed before it on which nothing was left to be done.
        stated: list[int] = json.loads(self._path.read_text()) if self._path.exists() else [0, 0]
        self.day, self.quiet = stated

    def turn(self, *, going: bool) -> None:
        self.day, self.quiet = self.day + 1, 0 if going else self.quiet + 1
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps([self.day, self.quiet]))
        draft.replace(self._path)

    def note(self, stage: str, items: int, seconds: float) -> None:
        with self._times.open("a") as file:
            file.write(json.dumps({"stage": stage, "items": items, "seconds": seconds}) + "\n")


def timed(diary: Diary, module: Any, name: str, count: Callable[[Any], int], stage: str | None = None) -> None:
    """Times every whole call of `module.name`; a call that a kill cuts off is not counted."""
    function = getattr(module, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        result = function(*args, **kwargs)
        diary.note(stage or name, count(result), time.perf_counter() - began)
        return result

    setattr(module, name, call)


def feed_pages(share: float) -> None:
    """Renders `share` of the letters, and the first of a process; the others get the pages of that one."""
    render_many: Callable[..., Iterator[tuple[str, Any]]] = vars(produce)["render_many"]

    def fed(contents: Iterable[tuple[str, Content]], _workers: int, *more: Any) -> Iterator[tuple[str, Any]]:
        pages: Rendered | None = None
        for key, content in contents:
            own = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") < share * 2**32
            if own or pages is None:
                [(_, result)] = render_many([(key, content)], 1, *more)
                pages = result if isinstance(result, Rendered) else pages
                yield key, result
            else:
                yield key, pages

    vars(produce)["render_many"] = fed


@contextmanager
def open_post(job: Job, contract: SimContract) -> Iterator[Carrier]:
    """The product's client, with a short patience for answers that never come."""
    with httpx.Client(base_url=job.carrier, timeout=600, trust_env=False) as control:

        def take(waybills: Any, at: datetime) -> None:
            for part in chunks(list(waybills), 2000):
                call = {"waybills": list(part), "at": at.isoformat()}
                control.post("/sim/hand_over", json=call).raise_for_status()

        terms = ContractConfig(**contract.settings(job.carrier), timeout_s=0.5)
        with open_carrier(terms, drill=True, take=take) as carrier:
            yield carrier


def make_runs(house: House, batch: str, carrier: Carrier, *, on: date, at: datetime) -> None:
    """Until no order waits any more: what did not leave is asked again, as somebody at the command line would."""
    for _ in range(ORDER_ROUNDS):
        with suppress(CarrierUnreachable):
            run.make_runs(house, batch, carrier=carrier, on=on, at=at, watch=Watch())
            break


def print_runs(house: House, batch: str, *, at: datetime) -> None:
    """The factory takes over what is locked and prints it, but for the envelopes that it spoils."""
    r = tables.run.c
    with house.engine.connect() as connection:
        query = select(r.id, r.state).where(r.batch_id == batch, r.state.in_(("locked", "acknowledged", "printing")))
        runs = connection.execute(query).all()
    for each in runs:
        manifest = read_manifest(house.home, each.id)
        if each.state == "locked":
            factory.acknowledge(house.engine, each.id, manifest_sha256=manifest.run_sha256, at=at)
        bad = {piece.piece_id: "jam" for piece in manifest.pieces if _drawn(piece.piece_id) % SPOILED == 0}
        with house.engine.connect() as connection:
            p = tables.piece.c
            waiting = set(connection.scalars(select(p.id).where(p.run_id == each.id, p.state == "queued")))
        factory.report(
            house.engine, house.tenant, each.id, at=at, spoiled={k: v for k, v in bad.items() if k in waiting}
        )


def post_runs(house: House, batch: str, carrier: Carrier, *, on: date, at: datetime) -> None:
    r = tables.run.c
    with house.engine.connect() as connection:
        runs = list(connection.scalars(select(r.id).where(r.batch_id == batch, r.state == "balanced")))
    for each in runs:
        post.post_run(house.engine, house.tenant, each, carrier=carrier, on=on, at=at)


def _drawn(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def pass_doubts(house: House, *, at: datetime) -> None:
    """A person looks at the outcomes about which somebody was asked."""
    with house.engine.connect() as connection:
        numbers = [doubt.letter_no for doubt in open_doubts(connection, house.tenant)]
    accept(house.engine, house.tenant, numbers, by="bench", at=at)


def tell(house: House, *, at: datetime) -> bool:
    """Webhooks: until all is taken or the receiver takes nothing any more today; whether all was taken."""
    with open_http() as http:
        for minute in range(WEBHOOK_ROUNDS):
            now = at + timedelta(minutes=11 * minute)
            done = deliver(
                house.engine,
                tenant_id=house.tenant.id,
                key=house.tenant.key,
                http=http,
                clock=partial(datetime.astimezone, now),
            )
            if not done.behind and not done.events:
                return True
            if done.behind and not done.events:
                return False
    return False


def batches(house: House) -> list[str]:
    """Those with letters to go on with, or the last one: what `songda run --resume` goes on with."""
    b = tables.batch.c
    with house.engine.connect() as connection:
        query = select(b.id, b.state).where(b.tenant_id == house.tenant.id).order_by(b.as_of, b.id)
        found = connection.execute(query.where(b.state.in_(("decided", "done")))).all()
    return [each.id for each in found if each.state == "decided"] or [each.id for each in found][-1:]


def under_way(house: House) -> int:
    t = tables.letter.c
    going = t.state.in_(("received", "ready", "approved", "active"))
    with house.engine.connect() as connection:
        return connection.scalar(select(func.count()).where(t.tenant_id == house.tenant.id, going)) or 0


def play(job: Job, house: House, carrier: Carrier, diary: Diary) -> bool:
    """One day; whether anything is left to be done."""
    on = job.first + timedelta(days=diary.day)
    at = days.at(on, HOUR)
    httpx.post(job.carrier + "/sim/clock", json={"now": at.isoformat()}, timeout=600, trust_env=False)
    if name := job.files.get(diary.day):
        batch, _ = run.take_in(house, job.folder / name, as_of=on, drill=True, at=at, watch=Watch())
        with suppress(NothingToApprove):
            proposal = propose(house.engine, house.tenant, batch, lawyer_name=None, on=on, workers=house.workers)
            key = (job.folder / "lawyer.pem").read_bytes()
            approve(house.engine, house.tenant, proposal, private_key=key, password=job.password, at=at, by_itself=True)
    pass_doubts(house, at=at)
    going = batches(house)
    for batch in going:
        make_runs(house, batch, carrier, on=on, at=at)
        print_runs(house, batch, at=at)
        post_runs(house, batch, carrier, on=on, at=at)
    follow.follow_up(house.engine, house.tenant, carrier=carrier, at=at)
    told = tell(house, at=at)
    return diary.day < job.days or under_way(house) > 0 or not told


def main() -> None:
    job = Job.read(Path(sys.argv[1]))
    diary = Diary(job.folder)
    feed_pages(job.rendered_share)
    for module in (post, follow):
        vars(module)["THREADS"] = THREADS
    for module, name, count in (
        (factory, "acknowledge", lambda _: 0),
        (factory, "report", lambda _: 0),
        (post, "hand_over", lambda done: done.posted),
        (follow, "settle", lambda done: done.folded),
        (follow, "next_attempts", len),
        (follow, "close_letters", int),
        (follow, "reconcile", lambda _: 0),
        (follow, "sweep", lambda _: 0),
        (follow, "follow", lambda done: done.news),
    ):
        timed(diary, module, name, count)
    with open_base(job.settings()) as (engine, master, settings):
        house = House(engine, open_one(engine, master, job.tenant), settings.home, settings.workers)
        print("at work", flush=True)
        with alone(house), open_post(job, SimContract(number_range=NUMBERS)) as carrier:
            while diary.quiet < QUIET_DAYS:
                diary.turn(going=play(job, house, carrier, diary))


#: Days that the clock runs on when all has ended: what is told late still counts.
QUIET_DAYS = 16
NUMBERS = ("1100000000001", "1100009999999")

if __name__ == "__main__":
    main()
