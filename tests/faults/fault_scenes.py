"""Scenes of the fault tests: a house with one batch of invented people, a carrier that outlives it, and what is in the end.

    with open_scene(prepared, folder, RANGE) as scene:
        scene.work(action=("kill", moment.key))
        scene.work()
        assert scene.record() == undisturbed

The house is prepared once, tenant and keys included, and every scene works on a copy of it: ids are derived from the
tenant's secret, so equal work gives equal ids.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

from fault_job import Job
from sqlalchemy import Engine, select

from songda.base import days
from songda.base.settings import Settings, load
from songda.flow.audit import verify_audit
from songda.flow.press import open_file, read_manifest
from songda.flow.samples import letter_pdf
from songda.flow.tenants import Tenant, import_tenant, open_tenant
from songda.letters import new_lawyer_key
from songda.sim.carrier import SimContract, StandIn
from songda.sim.world import generate
from songda.sim.world import load as load_truth
from songda.store import open_database, out_of_balance, tables
from songda.vault import load_master_key

DAY = date(2026, 11, 24)
CASES, SEED = 36, 9
TENANT = "bank"
PASSWORD = "only-for-tests"

#: The whole way of the batch: first letters, the answers of two weeks, second letters, and the end.
STEPS = (
    *("take_in 2026-11-24", "approve 2026-11-24", "resume 2026-11-24", "press 2026-11-24"),
    *("courier 2026-11-24", "post 2026-11-24", "follow 2026-12-08", "resume 2026-12-08"),
    *("press 2026-12-08", "courier 2026-12-08", "post 2026-12-08", "follow 2027-01-20"),
)
#: Up to the hand-over of the first letters; what is equal here stays equal, because nothing else is read from here on.
FIRST_LETTERS = STEPS[:6]
#: Seconds that one call of the job may take on a busy machine.
PATIENCE = 120

NUMBERS = ("1100000000001", "1100009999999")
WITH_NUMBERS = SimContract(number_range=NUMBERS, starts_at=days.at(DAY, 8))
WITHOUT_NUMBERS = SimContract(starts_at=days.at(DAY, 8))
IDEMPOTENT = SimContract(orders_idempotent=True, starts_at=days.at(DAY, 8))


def prepare(folder: Path) -> None:
    """Case file, truth, lawyer's key, and a house that knows its tenant. One row of the file is refused."""
    folder.mkdir(parents=True)
    world = generate(cases=CASES, seed=SEED, as_of=DAY)
    world.write_seen(folder / "cases.csv")
    world.write_truth(folder / "truth")
    _break_a_row(folder / "cases.csv")
    private, public = new_lawyer_key(PASSWORD)
    (folder / "lawyer.pem").write_bytes(private)
    text = resources.files("songda.sim").joinpath("tenant.toml").read_text(encoding="utf-8")
    (folder / "tenant.toml").write_text(text.replace("@public_key@", public.decode()), "utf-8")
    state_terms(folder, WITH_NUMBERS, "http://127.0.0.1/nobody")


def _break_a_row(path: Path) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    number = rows[0].index("身份证号")
    rows[-1][number] = rows[-1][number][:-1]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(rows)


def state_terms(folder: Path, contract: SimContract, endpoint: str, database: str | None = None) -> None:
    """Imports the tenant with these terms of the carrier; its key and id stay what they were."""
    text = (folder / "tenant.toml").read_text("utf-8")
    for name, value in (
        ("@endpoint@", endpoint),
        ("@sender_no@", contract.sender_no),
        ("@product@", contract.biz_product_no),
    ):
        text = text.replace(name, value)
    terms = [f"orders_idempotent = {str(contract.orders_idempotent).lower()}"]
    if contract.number_range:
        terms.append(f'number_range = {{ first = "{contract.number_range[0]}", last = "{contract.number_range[1]}" }}')
    text = text.replace("[carrier]", "\n".join(["[carrier]", *terms]))
    with _house(folder, database) as (engine, settings):
        master = load_master_key(settings)
        import_tenant(engine, master, name=TENANT, profile_toml=text, at=days.at(DAY, 8), actor="test")


@contextmanager
def _house(folder: Path, database: str | None = None) -> Iterator[tuple[Engine, Settings]]:
    settings = load({"SONGDA_DATABASE_URL": database} if database else {}, home=folder / "home")
    engine = open_database(settings)
    try:
        yield engine, settings
    finally:
        engine.dispose()


@dataclass(frozen=True)
class Ended:
    #: Exit code; negative: the signal that ended it.
    code: int
    stderr: str

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


@dataclass
class Scene:
    folder: Path
    post: StandIn
    contract: SimContract
    #: URL of a database elsewhere; None: SQLite in the house.
    database: str | None = None
    kills: int = 0
    _started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def _open(self) -> AbstractContextManager[tuple[Engine, Settings]]:
        return _house(self.folder, self.database)

    def start(
        self,
        *,
        action: tuple[str, str] | None = None,
        steps: Sequence[str] = STEPS,
        moments: Path | None = None,
        copies: Path | None = None,
    ) -> subprocess.Popen[str]:
        """Sets somebody to work at what is left of the job."""
        paper = self.folder / "job.json"
        Job(self.folder, self.post.base_url, tuple(steps), action, moments, copies).write(paper)
        return self._run(str(Path(__file__).with_name("fault_job.py")), str(paper))

    def work(self, **how: Any) -> Ended:
        """Does what is left of the job, until it is done, broken off or killed; nobody of it is left alive."""
        return self.end(self.start(**how))

    def resume(self, day: str) -> Ended:
        """`songda run --resume` by itself, with the product's own sizes of chunks."""
        words = ("run", "--resume", "--out", str(self.out), "--as-of", day)
        return self.end(self._run("-c", "from songda.cli import main; main()", *words))

    def end(self, process: subprocess.Popen[str]) -> Ended:
        code = process.wait(PATIENCE)
        left = _alive_in_session(process.pid)
        assert not left, f"processes outlive the one that started them: {left}"
        assert process.stderr is not None
        ended = Ended(code, process.stderr.read())
        process.stderr.close()
        self.kills += ended.killed
        return ended

    def wait_until_stopped(self, process: subprocess.Popen[str]) -> None:
        """Until the process has stopped itself."""
        for _ in range(PATIENCE * 10):
            if _state(Path(f"/proc/{process.pid}/stat")) == "T":
                return
            assert process.poll() is None, self.end(process)
            time.sleep(0.1)
        raise AssertionError("the moment was not reached in time")

    def _run(self, *words: str) -> subprocess.Popen[str]:
        environ = os.environ | {
            "SONGDA_HOME": str(self.home),
            **({"SONGDA_DATABASE_URL": self.database} if self.database else {}),
            "SONGDA_WORKERS": "2",
            "SONGDA_LAWYER_PASSWORD": PASSWORD,
            "SONGDA_EMS_AUTHORIZATION": self.contract.authorization,
            "SONGDA_EMS_SIGN_KEY": self.contract.sign_key or "",
        }
        process = subprocess.Popen(
            [sys.executable, *words],
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def close(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
                process.wait()

    def cut_off(self, key: str) -> None:
        """Works until the moment `key` and dies there."""
        ended = self.work(action=("kill", key))
        assert ended.killed, f"{key} was not reached: {ended}"

    def finish(self, steps: Sequence[str] = STEPS) -> None:
        ended = self.work(steps=steps)
        assert ended.code == 0, ended.stderr

    def column(self, table: str, *columns: str) -> list[Any]:
        """What stands in a table: values of one column, or tuples."""
        wanted = [tables.metadata.tables[table].c[column] for column in columns]
        with self._open() as (engine, _), engine.connect() as connection:
            rows = [tuple(row) for row in connection.execute(select(*wanted).order_by(*wanted))]
        return [row[0] for row in rows] if len(columns) == 1 else rows

    def record(self) -> dict[str, Any]:
        return record_of(self.folder)

    def litter(self) -> list[str]:
        """Drafts in the house and in the folder for people."""
        everything = [path for root in (self.home, self.out) for path in root.rglob("*")]
        return [str(path) for path in everything if path.suffix == ".part" or path.name.startswith(".songda-")]

    def check(self) -> None:
        """What holds after every job: nothing half-done, nothing lost, nothing twice."""
        _check_files(self)
        with self._open() as (engine, settings):
            tenant = open_tenant(engine, load_master_key(settings), name=TENANT)
            _check_records(engine, tenant, self)
            _check_runs(engine, tenant, self)
            _check_carrier(engine, self)


@contextmanager
def open_scene(
    source: Path, folder: Path, contract: SimContract = WITH_NUMBERS, *, database: str | None = None
) -> Iterator[Scene]:
    """A copy of `source` in `folder`, and a carrier that knows what the copy's carrier knew."""
    shutil.copytree(source, folder, dirs_exist_ok=True)
    courier = load_truth(folder / "truth").courier()
    with StandIn(contract, courier=courier, state_dir=folder / "carrier", seed=SEED) as post:
        state_terms(folder, contract, post.url, database)
        scene = Scene(folder, post, contract, database)
        try:
            yield scene
        finally:
            scene.close()


def _state(stat: Path) -> str:
    return stat.read_text().rpartition(")")[2].split()[0]


def _alive_in_session(session: int) -> list[str]:
    """Processes of the session that are still alive after they had time to notice the death of their parent."""
    left: list[str] = []
    for _ in range(50):
        left = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                name, _, rest = stat.read_text().rpartition(")")
            except OSError:
                continue
            state, _parent, _group, its_session = rest.split()[:4]
            if int(its_session) == session and state != "Z":
                left.append(name)
        if not left:
            return []
        time.sleep(0.1)
    return left


_STATES = {
    "batch": ("id", "state", "next_row", "figures"),
    "person": ("id", "state", "version"),
    "case": ("id", "person_id", "row_no"),
    "address_record": ("id", "case_id", "ordinal", "place"),
    "rejected_row": ("row_no", "codes"),
    "letter": ("id", "letter_no", "state", "grade", "flags", "reasons", "amount_fen", "address_record_id", "closed_on"),
    "letter_case": ("letter_id", "case_id"),
    "approval": ("id", "letters", "list_sha256"),
    "approved": ("letter_id", "n", "content_sha256"),
    "attempt": ("id", "letter_id", "n", "state", "place", "grade", "record_sha256", "price_fen", "posted_on"),
    "piece": ("id", "attempt_id", "copy", "seq", "state", "order_no", "waybill_no", "print_sha256"),
    "run": ("id", "number", "day", "state", "pieces", "manifest_sha256"),
    "intent": ("order_no", "piece_id", "kind", "state"),
    "fact": ("attempt_id", "event_key"),
    "task": ("kind", "object_id", "state"),
    "decision": ("object_id", "stage", "outcome", "inputs_sha256", "reasons"),
    "event": ("id", "type", "source", "reason", "grade", "revision"),
    "account": ("scope", "granted_fen", "reserved_fen", "spent_fen"),
    "reservation": ("object_id", "letter_id", "fen", "state", "round"),
    "booking": ("round", "source", "target", "fen"),
}
#: Things whose whole history is the same. An intent whose answer was lost has a longer one.
_LIVES = ("batch", "letter", "attempt", "piece", "run")


def record_of(folder: Path) -> dict[str, Any]:
    """Everything that must be the same however often the work was cut off."""
    home, found = folder / "home", dict[str, Any]()
    with _house(folder) as (engine, _), engine.connect() as connection:
        for name, columns in _STATES.items():
            table = tables.metadata.tables[name]
            rows = connection.execute(select(*(table.c[column] for column in columns))).all()
            found[name] = sorted(json.dumps(dict(row._mapping), default=str, sort_keys=True) for row in rows)
        t = tables.transition.c
        lives = defaultdict(list)
        query = select(t.object, t.object_id, t.source, t.target, t.version, t.reason).where(t.object.in_(_LIVES))
        for row in connection.execute(query.order_by(t.seq)):
            lives[f"{row.object} {row.object_id}"].append(f"{row.source} → {row.target} {row.version} {row.reason}")
        runs = connection.execute(select(tables.run.c.id, tables.run.c.number)).all()
    found["history"] = dict(sorted(lives.items()))
    found["manifests"] = {
        f"{run.number}": json.loads((home / "runs" / run.id / "manifest.json").read_text("utf-8"))
        for run in runs
        if (home / "runs" / run.id / "manifest.json").exists()
    }
    # The order of one day's outcomes in this list is not promised.
    found["decisions.csv"] = sorted((folder / "out" / "decisions.csv").read_text("utf-8-sig").splitlines())
    return found


#: What follows from a piece's place in its run.
_BY_PLACE = {"seq", "print_sha256", "manifest_sha256", "first_page", "file", "files", "sha256", "run_sha256"}


def differences(record: dict[str, Any], expected: dict[str, Any], *, answers_lost: bool = False) -> dict[str, Any]:
    """What is not the same, part by part: entries found but not expected, and expected but not found.

    `answers_lost`: of orders found again the carrier's route code is not known, and pieces lie in the run by route code;
    then their places in it may differ, and nothing else.
    """
    found = {}
    for part, wanted in expected.items():
        pair = record.get(part), wanted
        mine, theirs = map(_entries, map(_without_places, pair) if answers_lost else pair)
        if mine != theirs:
            found[part] = sorted(set(mine) - set(theirs))[:5], sorted(set(theirs) - set(mine))[:5]
    return found


def _without_places(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _without_places(value) for key, value in part.items() if key not in _BY_PLACE}
    if isinstance(part, list):
        # Rows of the ledger are JSON texts.
        rows = [json.loads(entry) if isinstance(entry, str) and entry[:1] == "{" else entry for entry in part]
        return sorted(json.dumps(_without_places(row), sort_keys=True, ensure_ascii=False) for row in rows)
    return part


def _entries(part: Any) -> list[str]:
    return [f"{key}: {value}" for key, value in part.items()] if isinstance(part, dict) else list(part or ())


def _check_files(scene: Scene) -> None:
    assert scene.litter() == []
    for name in ("report.html", "decisions.csv", "rejected.xlsx"):
        assert (scene.out / name).stat().st_size, name
    assert (scene.out / "rejected.xlsx").stat().st_mode & 0o777 == 0o600


def _check_records(engine: Engine, tenant: Tenant, scene: Scene) -> None:
    """The audit chain holds, and every PDF of record can be read and is what the ledger knows."""
    a, t = tables.attempt.c, tables.letter.c
    with engine.connect() as connection:
        chain = verify_audit(connection)
        assert out_of_balance(connection, tenant.id) == {}
        query = select(t.letter_no, a.segment, a.record_sha256).join(tables.letter, t.id == a.letter_id)
        sealed = connection.execute(query.where(a.segment.is_not(None)).order_by(a.n)).all()
    assert chain.entries
    assert chain.breaks == ()
    for number, digest in {row.letter_no: row.record_sha256 for row in sealed}.items():
        found = letter_pdf(engine, tenant, number, home=scene.home, lawyer_name=None)
        assert found is not None
        assert hashlib.sha256(found[1]).hexdigest() == digest
    # A segment without rows is sealed and harmless; each kill may leave one.
    segments = {path.relative_to(scene.home / "letters").as_posix() for path in scene.home.glob("letters/*/*.bin")}
    assert len(segments - {row.segment for row in sealed}) <= scene.kills


def _check_runs(engine: Engine, tenant: Tenant, scene: Scene) -> None:
    """Ledger, manifest, its copy and the print files of every locked run say the same."""
    p, r = tables.piece.c, tables.run.c
    with engine.connect() as connection:
        runs = connection.execute(select(r.id, r.number).where(r.state != "open")).all()
        pieces = connection.execute(select(p.id, p.waybill_no, p.print_sha256, p.run_id)).all()
    for run in runs:
        manifest = read_manifest(scene.home, run.id)
        for file in manifest.files:
            data = b"".join(open_file(tenant, run.id, file.name, home=scene.home))
            assert hashlib.sha256(data).hexdigest() == file.sha256
        ours = {(piece.id, piece.waybill_no, piece.print_sha256) for piece in pieces if piece.run_id == run.id}
        assert ours == {(row.piece_id, row.waybill_no, row.print_sha256) for row in manifest.pieces}
        for name in ("manifest.json", "manifest.csv"):
            kept, copy = scene.home / "runs" / run.id / name, scene.out / "runs" / f"{run.number:06}" / name
            assert kept.read_bytes() == copy.read_bytes()


def _check_carrier(engine: Engine, scene: Scene) -> None:
    """The carrier has one order for each piece, and got each piece that was handed over once."""
    p = tables.piece.c
    with engine.connect() as connection:
        states = connection.execute(select(p.state, p.waybill_no)).all()
    stats = scene.post.stats()
    assert stats["duplicates"] == 0, stats
    assert stats["double_ordered"] == []
    assert stats["orders"] == sum(row.waybill_no is not None for row in states)
    assert stats["handed_over"] == sum(row.state == "handed_over" for row in states)
