"""What the inserter says became of each piece, and the end of a run: zero difference, or it stays open.

    taken = take_output(engine, tenant, data, home=home, at=now)       # any number of times, in any parts
    [(each.line, each.code) for each in taken.answers]
    balance(engine, tenant, run_id, at=now).difference == 0             # → balanced

Every line gets an answer, which lies beside the file in `home/runs/RUN/reports`. A line that says what is known already changes
nothing, so that a file may come twice. A good piece whose sheets or weight are not the expected ones is taken aside: a hidden
sheet of somebody else's letter weighs.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, func, select

from songda.dispatch import Divert, divert, lock_attempts, taken_out, unanswered
from songda.flow.factory import find_run
from songda.flow.pieces import MOVES, RunPiece, RunPieces, begin, move_run
from songda.flow.press import INSERTER_FILE
from songda.flow.tenants import Tenant
from songda.letters import Expected, Outcome, Refused, read_inserter, read_output
from songda.letters.manifest import table
from songda.store import chunks, tables

#: Code of an answer → what the factory reads.
ANSWERS_ZH = {
    "taken": "已登记",
    "repeated": "与已登记的相同，未作改动",
    "sheets": "读到的张数与清单不符，已转为拦出，请人工核对",
    "weight": "重量超出允许范围，已转为拦出，请人工核对",
    "taken_out": "已登记取出",
    "stopped": "该件已撤下，不得寄出：请从成品中取出，再报 diverted",
    "replaced": "该件已登记损坏并重制，不得寄出：请取出销毁，再报 diverted",
    "contradiction": "与已登记的状态矛盾：缺失或拦出的封件，核对后请报 good 或 spoiled",
    "handed_over": "该件所在批次已交寄，未作改动",
    "not_acknowledged": "该批次的清单尚未确认，未作改动：请先执行 songda press acknowledge",
    "balanced": "该批次已结平，只能再登记损坏和取出",
    "unknown_job": "没有该作业号的打印批次，请核对 job",
    "unknown_piece": "该批次没有该件号，请核对 piece",
}
#: Answers after which the ledger is not what the line says.
OPEN = frozenset(ANSWERS_ZH) - {"taken", "repeated", "taken_out"}

_OPEN_STATES = ("queued", "printed", "diverted", "missing")

_p, _r = tables.piece.c, tables.run.c


class Answer(NamedTuple):
    line: int
    job: int
    piece: int
    result: str
    #: Key of ANSWERS_ZH.
    code: str


@dataclass(frozen=True, slots=True)
class Taken:
    sha256: str
    answers: tuple[Answer, ...]
    refused: tuple[Refused, ...]
    #: Runs that the file is about.
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Balance:
    run_id: str
    #: State of the run afterwards.
    state: str
    #: State of pieces → how many.
    pieces: Mapping[str, int]
    #: Envelopes that must not go and lie in the pile as far as we know.
    in_the_pile: int
    #: Run in which the spoiled ones are made anew, if there is one.
    reprint: str | None

    @property
    def difference(self) -> int:
        """Pieces whose end is not known."""
        return sum(self.pieces.get(state, 0) for state in _OPEN_STATES) + self.in_the_pile


def take_output(engine: Engine, tenant: Tenant, data: bytes, *, home: Path, at: datetime) -> Taken:
    """Takes an output file in, one transaction a run. Raises NotAnInserterFile."""
    outcomes, refused = read_output(data)
    digest = hashlib.sha256(data).hexdigest()
    by_job: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_job[outcome.job].append(outcome)
    with engine.connect() as connection:
        query = select(_r.number, _r.id).where(_r.tenant_id == tenant.id)
        runs = {row.number: row.id for row in connection.execute(query)}
    answers: list[Answer] = []
    for job, lines in sorted(by_job.items()):
        if job not in runs:
            answers += [_answer(line, "unknown_job") for line in lines]
            continue
        with engine.begin() as connection:
            answers += _take_run(connection, tenant, runs[job], lines, home=home, at=at)
    taken = Taken(
        digest, tuple(sorted(answers)), tuple(refused), tuple(runs[job] for job in sorted(by_job) if job in runs)
    )
    for run_id in taken.runs:
        _keep(home / "runs" / run_id / "reports", data, taken)
    return taken


def answers_csv(taken: Taken) -> str:
    """A line for each line of the file, in its order: what was done with it."""
    rows: list[tuple[Any, ...]] = [
        (each.line, each.job, each.piece, each.result, each.code, ANSWERS_ZH[each.code]) for each in taken.answers
    ]
    rows += [(each.line, "", "", "", "refused", f"{each.column}：{each.why}") for each in taken.refused]
    rows.sort(key=lambda row: int(row[0]))
    return table(["行", "作业号", "件号", "结果", "代码", "处理"], rows)


def divert_csv(pieces: Sequence[Divert]) -> str:
    """The file that tells the inserter what to take aside."""
    return table(["job", "piece", "reason"], ([each.job, each.seq, each.reason] for each in pieces))


class Reprint(NamedTuple):
    """A spoiled piece and the one that is made in its place."""

    seq: int
    #: Why it was spoiled.
    reason: str
    #: Number of the run in which it is made anew, and the state of the new piece; None: it is not.
    job: int | None
    state: str | None


def reprints(connection: Connection, run_id: str) -> list[Reprint]:
    """The spoiled pieces of the run, in its order."""
    t, other = tables.transition.c, tables.piece.alias().c
    query = (
        select(_p.seq, t.reason, _r.number, other.state)
        .join(tables.transition, (t.object_id == _p.id) & (t.target == "spoiled"))
        .outerjoin(other.id.table, (other.attempt_id == _p.attempt_id) & (other.copy == _p.copy + 1))
        .outerjoin(tables.run, _r.id == other.run_id)
        .where(_p.run_id == run_id, _p.state == "spoiled")
        .order_by(_p.seq)
    )
    return [Reprint(*row) for row in connection.execute(query)]


def balance(engine: Engine, tenant: Tenant, run_id: str, *, at: datetime, write_off: bool = False) -> Balance:
    """Counts the run and closes it at zero difference. Raises UnknownRun, WrongRunState before its acknowledgement.

    `write_off`: what is missing or was never reported is given up and made anew; what was to be taken out and cannot be found
    counts as taken out. Whoever says so has searched the machine.
    """
    with engine.begin() as connection:
        run = find_run(connection, run_id, "acknowledged", "printing", "balanced", "handed_over", "reconciled")
        if run.state in ("acknowledged", "printing"):
            if write_off:
                run = begin(connection, run, at=at)
                _write_off(connection, tenant, run, at=at)
            counted = _count(connection, run)
            if counted.difference == 0:
                run = move_run(connection, begin(connection, run, at=at), "balanced", reason="balanced", at=at)
        elif run.state == "balanced" and write_off:
            taken_out(connection, [each.piece_id for each in unanswered(connection, run_id)], at=at)
        return _count(connection, run)


def _count(connection: Connection, run: Any) -> Balance:
    query = select(_p.state, func.count()).where(_p.run_id == run.id).group_by(_p.state)
    states: dict[str, int] = {row[0]: row[1] for row in connection.execute(query)}
    following = connection.scalar(select(_r.id).where(_r.batch_id == run.batch_id, _r.state == "open"))
    lying = len(unanswered(connection, run.id))
    return Balance(run.id, run.state, states, lying, following)


def _write_off(connection: Connection, tenant: Tenant, run: Any, *, at: datetime) -> None:
    lock_attempts(connection, set(connection.scalars(select(_p.attempt_id).where(_p.run_id == run.id))))
    pieces = RunPieces(connection, run.id)
    for piece in [piece for piece in pieces.by_seq.values() if piece.state in ("queued", "printed", "missing")]:
        pieces.tell(piece, "missing")
        pieces.tell(piece, "spoiled")
    pieces.store(connection, tenant, run, at=at)
    taken_out(connection, [each.piece_id for each in unanswered(connection, run.id)], at=at)


def _take_run(
    connection: Connection, tenant: Tenant, run_id: str, lines: Sequence[Outcome], *, home: Path, at: datetime
) -> list[Answer]:
    run = connection.execute(select(tables.run).where(_r.id == run_id)).one()
    if run.state in ("handed_over", "reconciled"):
        return [_answer(line, "handed_over") for line in lines]
    if run.state not in ("acknowledged", "printing", "balanced"):
        return [_answer(line, "not_acknowledged") for line in lines]
    expected = read_inserter((home / "runs" / run_id / INSERTER_FILE).read_text("utf-8-sig"))
    named = {line.piece for line in lines}
    for part in chunks(sorted(named)):
        attempts = connection.scalars(select(_p.attempt_id).where(_p.run_id == run_id, _p.seq.in_(part)))
        lock_attempts(connection, set(attempts))
    pieces = RunPieces(connection, run_id)
    lying = {each.piece_id for each in unanswered(connection, run_id)}
    out: list[str] = []
    again: dict[str, str] = {}
    answers: list[Answer] = []
    for line in lines:
        piece = pieces.by_seq.get(line.piece)
        if piece is None or line.piece not in expected:
            answers.append(_answer(line, "unknown_piece"))
        elif piece.state in ("pulled", "spoiled"):
            code = _answer_about_gone(line, piece, lying, out, again)
            answers.append(_answer(line, code))
        else:
            answers.append(_answer(line, _apply(line, piece, pieces, expected[line.piece], run.state)))
    if any(piece.moves for piece in pieces.by_seq.values()):
        run = begin(connection, run, at=at)
        pieces.store(connection, tenant, run, at=at)
    divert(connection, again, at=at)
    taken_out(connection, out, at=at)
    return answers


def _apply(line: Outcome, piece: RunPiece, pieces: RunPieces, expected: Expected, run_state: str) -> str:
    """What the line comes to for a piece that may still go."""
    result, code = str(line.result), "taken"
    if line.result == "good":
        assert line.weight_g is not None
        if line.sheets != expected.sheets:
            result, code = "diverted", "sheets"
        elif not expected.weight_fits(line.weight_g):
            result, code = "diverted", "weight"
    if (piece.state, result) not in MOVES:
        return "contradiction"
    steps = MOVES[piece.state, result]
    if not steps:
        return code if code != "taken" else "repeated"
    if run_state == "balanced" and result != "spoiled":
        return "balanced"
    pieces.tell(piece, result, why=code if code != "taken" else None)
    return code


def _answer_about_gone(line: Outcome, piece: RunPiece, lying: set[str], out: list[str], again: dict[str, str]) -> str:
    """What the line comes to for a piece that must not go: taken aside it is out of the pile, good it lies in it."""
    if line.result in ("diverted", "spoiled"):
        if piece.id in lying:
            out.append(piece.id)
            lying.discard(piece.id)
            return "taken_out"
        return "repeated"
    if line.result == "missing":
        return "repeated"
    if piece.id not in lying:
        # It was said to be out, or given up, and is in the pile after all.
        again[piece.id] = "replaced" if piece.state == "spoiled" else "in_the_pile"
        lying.add(piece.id)
    return "stopped" if piece.state == "pulled" else "replaced"


def _answer(line: Outcome, code: str) -> Answer:
    return Answer(line.line, line.job, line.piece, line.result, code)


def _keep(folder: Path, data: bytes, taken: Taken) -> None:
    """The file as it came and the answer to each line; the first answer to a file stays."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = taken.sha256[:16]
    for suffix, content in (("csv", data), ("answers.csv", ("\ufeff" + answers_csv(taken)).encode())):
        path = folder / f"{name}.{suffix}"
        if not path.exists():
            path.write_bytes(content)
