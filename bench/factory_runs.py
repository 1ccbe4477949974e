"""Print runs through the stand-in factory: every run must close at zero difference, each letter once, in its own envelope.

    .venv/bin/python bench/factory_runs.py                                             # 1,000 pieces, all on paper
    .venv/bin/python bench/factory_runs.py --pieces 200000 --paper 0.05 --minutes 60   # the proof; what the time allows

A few letters are rendered and sealed by the product's own way; their records then stand for all pieces, each sealed for its own
attempt. Waybills are written into the ledger (bench/carrier_orders.py measures ordering). The factory works on the files that
`songda press handoff` writes: it reads the codes off the sheets, jams, spoils, loses, feeds double, and forgets lines; stop orders
come before and after it. What really lies in each envelope that leaves is then compared with the manifest.

Making and reading print files takes most of the time and is the same for every run. `--paper` is the share of runs that go through
it; of the others the manifest is made without pages and the stand-in takes the codes from the inserter's input. Everything else
(lock, output files, diverts, stops, reprints, balance, hand-over) is the product's own for every piece.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, bindparam, func, insert, select, update

from songda.base import ids
from songda.base.settings import Settings
from songda.cli.drill import invented_profile
from songda.dispatch import unanswered
from songda.flow import factory
from songda.flow.approve import approve
from songda.flow.assemble import assemble
from songda.flow.dealing import new_run, queue_pieces
from songda.flow.handoff import hand_off, in_clear
from songda.flow.inserter import balance, divert_csv, take_output
from songda.flow.post import post_run
from songda.flow.press import lock_run, read_manifest, record_reader
from songda.flow.produce import model_context, produce, record_context
from songda.flow.proposal import propose
from songda.flow.run import House, Watch, take_in
from songda.flow.stop import stop_letter
from songda.flow.tenants import import_tenant
from songda.letters import FileRow, Manifest, Packing, Piece, PieceRow, Products, sheets_of, weigh
from songda.sim.case_rows import AT, DAY, case_row, write_rows
from songda.sim.factory import Factory, Faults
from songda.store import open_database, tables
from songda.vault import LocalMasterKey, SegmentWriter

#: Contracts of the debtors whose letters are the moulds: of one sheet, and of more.
CONTRACTS = (1, 1, 1, 2, 3, 5, 20, 40)
FAULTS = Faults(jam=0.01, spoil=0.01, loss=0.01, double_feed=0.005, unread=0.005, unreported=0.005)
#: Share of letters that a stop order reaches while their run is at the factory.
STOPPED = 0.002


@dataclass
class Tally:
    letters: int = 0
    runs: int = 0
    runs_on_paper: int = 0
    pieces: int = 0
    sheets: int = 0
    posted: int = 0
    stopped: int = 0
    spoiled: int = 0
    open_runs: int = 0
    wrong_envelopes: int = 0
    mixed: int = 0
    waybills_differ: int = 0
    mishaps: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    waybills: set[str] = field(default_factory=set)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.seconds[step] += time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=1_000)
    parser.add_argument("--run", type=int, default=2_000, help="pieces a run")
    parser.add_argument("--paper", type=float, default=1.0, help="share of runs whose print files are made and read")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="no new runs after so many")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    tally, begun = Tally(), time.perf_counter()
    with TemporaryDirectory() as folder, _house(Path(folder)) as (house, batch):
        for start in range(0, options.pieces, options.run):
            if time.perf_counter() - begun > 60 * options.minutes:
                break
            with tally.timed("make pieces"):
                count = min(options.run, options.pieces - start)
                run_id = _pieces(house, batch, start, count)
            # By the share, spread evenly, the first run among them.
            paper = int(tally.runs * options.paper) > int((tally.runs - 1) * options.paper) or not tally.runs
            _way(house, run_id, tally, seed=start, paper=paper)
            tally.letters += count
            print(f"{tally.letters} letters, {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
        # What was spoiled, round after round, until nothing is.
        while (following := assemble(house.engine, house.tenant, batch, on=DAY, at=AT)) is not None:
            _way(house, following, tally, seed=options.pieces + tally.runs, paper=options.paper == 1)
        states = _states(house, batch)
    figures = {
        "letters": tally.letters,
        "runs": tally.runs,
        "runs_on_paper": tally.runs_on_paper,
        "pieces": tally.pieces,
        "sheets": tally.sheets,
        "mishaps": dict(tally.mishaps),
        "answers_to_lines": dict(tally.answers),
        "posted": tally.posted,
        "posted_twice": tally.posted - len(tally.waybills),
        "stopped": tally.stopped,
        "letters_at_end": states,
        "runs_not_closed": tally.open_runs,
        "wrong_envelopes": tally.wrong_envelopes,
        "envelopes_with_sheets_of_two_letters": tally.mixed,
        "waybills_that_differ": tally.waybills_differ,
        "seconds": {step: round(seconds, 1) for step, seconds in tally.seconds.items()},
        "wall_s": round(time.perf_counter() - begun, 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(figures, ensure_ascii=False, indent=2))
    if options.out:
        options.out.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", "utf-8")
    accounted = states.get("active", 0) + states.get("withdrawn", 0) + states.get("held", 0) == tally.letters
    wrong = tally.open_runs + tally.wrong_envelopes + tally.mixed + tally.waybills_differ
    if wrong or not accounted or states.get("active", 0) != tally.posted or tally.posted != len(tally.waybills):
        sys.exit(1)


def _way(house: House, run_id: str, tally: Tally, *, seed: int, paper: bool) -> None:
    """One run from the lock to the hand-over."""
    engine, tenant = house.engine, house.tenant
    with engine.begin() as connection:
        _waybills(connection, run_id)
    with tally.timed("lock"), nullcontext() if paper else patch("songda.flow.press.build_run", _listed_run):
        assert lock_run(engine, tenant, run_id, home=house.home, at=AT) is not None
    manifest = read_manifest(house.home, run_id)
    machine = Factory(FAULTS, seed=seed)
    with tally.timed("hand off"):
        hand_off(engine, tenant, run_id, home=house.home, to=house.home / "pickup", lock=in_clear(), at=AT)
    folder = house.home / "pickup" / run_id
    factory.acknowledge(engine, run_id, manifest_sha256=machine.load(folder), at=AT)
    chosen = [row.letter_no for row in manifest.pieces if int(row.print_sha256[:6], 16) < STOPPED * 16**6]
    with tally.timed("stop"):
        _stop(house, run_id, chosen[::2], tally)
        machine.take_aside(_divert_file(house, run_id))
    with tally.timed("factory"):
        shift = machine.make(folder, paper=paper)
    with tally.timed("stop"):
        _stop(house, run_id, chosen[1::2], tally)
    with tally.timed("accept"):
        answers = _take(house, shift.output, tally)
    machine.pull_aside({each.piece for each in answers if each.code in ("weight", "sheets")})
    p = tables.piece.c
    with engine.connect() as connection:
        unreported = set(connection.scalars(select(p.seq).where(p.run_id == run_id, p.state == "queued")))
    with tally.timed("accept"):
        _take(house, machine.inspect(unreported=unreported), tally)
        _take(house, machine.divert(_divert_file(house, run_id)), tally)
        counted = balance(engine, tenant, run_id, at=AT, write_off=True)
        # What was given up turns up again: its letter is made anew already, so it is taken out.
        machine.faults = Faults(found=1.0)
        _take(house, machine.inspect(), tally)
        _take(house, machine.divert(_divert_file(house, run_id)), tally)
    with tally.timed("hand over"):
        handed = post_run(engine, tenant, run_id, carrier=None, on=DAY, at=AT)
    sheets = {row.seq: row.sheets for row in manifest.pieces}
    for seq, envelope in machine.pile.items():
        inside = [(sheet.job, sheet.piece, sheet.number) for sheet in envelope.sheets]
        tally.mixed += len({piece for _, piece, _ in inside}) > 1
        tally.wrong_envelopes += inside != [(manifest.job, seq, number + 1) for number in range(sheets[seq])]
    tally.waybills_differ += sorted(machine.waybills[seq] for seq in machine.pile) != sorted(handed.waybills)
    tally.open_runs += counted.difference != 0
    tally.runs += 1
    tally.runs_on_paper += paper
    tally.pieces += len(manifest.pieces)
    tally.sheets += shift.counts["sheets"]
    tally.mishaps.update({name: count for name, count in shift.counts.items() if name not in ("pieces", "sheets")})
    tally.posted += handed.posted
    tally.waybills |= set(handed.waybills)
    shutil.rmtree(folder)


def _listed_run(
    pieces: Iterable[Piece],
    *,
    run_id: str,
    job: int,
    day: date,
    products: Products,
    write: Callable[[str, bytes], None],
    drill: bool,
    **_: Any,
) -> Manifest:
    """`build_run` without pages: the manifest of the run, and a print file with nothing in it."""
    name, first_page, rows = f"run-{job:06}-001.pdf", 1, []
    for piece in pieces:
        sheets = sheets_of(pages=piece.pages, duplex=products.duplex)
        rows.append(
            PieceRow(
                seq=piece.seq,
                piece_id=piece.piece_id,
                letter_no=piece.letter_no,
                waybill_no=piece.waybill_no,
                pages=piece.pages,
                sheets=sheets,
                weight_g=weigh(sheets=sheets, products=products)[1],
                file=name,
                first_page=first_page,
                record_sha256=piece.record_sha256,
                print_sha256=sha256(piece.piece_id.encode()).hexdigest(),
            )
        )
        first_page += piece.pages
    write(name, b"")
    files = (FileRow(name, first_page - 1, len(rows), sha256(b"").hexdigest()),)
    return Manifest(run_id, job, day.isoformat(), products.duplex, drill, files, tuple(rows))


def _take(house: House, text: str, tally: Tally) -> Any:
    taken = take_output(house.engine, house.tenant, text.encode(), home=house.home, at=AT)
    assert not taken.refused
    tally.answers.update(each.code for each in taken.answers)
    return taken.answers


def _stop(house: House, run_id: str, letter_nos: list[str], tally: Tally) -> None:
    for number in letter_nos:
        stop_letter(house.engine, house.tenant, number, reason="paid", by="bench", at=AT)
        tally.stopped += 1


def _divert_file(house: House, run_id: str) -> str:
    with house.engine.connect() as connection:
        return divert_csv(unanswered(connection, run_id))


@contextmanager
def _house(folder: Path) -> Iterator[tuple[House, str]]:
    """A house with a batch of a few letters, rendered and sealed; its id."""
    url = f"sqlite:///{folder / 'songda.db'}"
    engine = open_database(
        Settings(home=folder, database_url=url, master_key=None, master_key_file=folder / "k", workers=1)
    )
    profile, private, password = invented_profile()
    tenant = import_tenant(
        engine, LocalMasterKey(bytes(range(32))), name="bench", profile_toml=profile, at=AT, actor="bench"
    )
    house = House(engine, tenant, folder, workers=1)
    debtors = [debtor for debtor, contracts in enumerate(CONTRACTS) for _ in range(contracts)]
    write_rows(folder / "cases.csv", *(case_row(debtor, case) for case, debtor in enumerate(debtors)))
    batch, _ = take_in(house, folder / "cases.csv", as_of=DAY, drill=True, at=AT, watch=Watch())
    proposal = propose(engine, tenant, batch, lawyer_name=None, on=DAY)
    approve(engine, tenant, proposal, private_key=private, password=password, at=AT)
    produce(engine, tenant, batch, home=folder, workers=1, at=AT)
    yield house, batch
    engine.dispose()


_originals_read: list[tuple[Any, Any, bytes]] = []


def _pieces(house: House, batch: str, start: int, count: int) -> str:
    """`count` letters like the originals, queued in a new run."""
    n, t = tables.attempt, tables.letter
    with house.engine.begin() as connection:
        if not _originals_read:
            read = record_reader(house.tenant, house.home)
            query = select(n, n.c.id.label("attempt_id")).join(t, t.c.id == n.c.letter_id)
            for attempt in connection.execute(query.where(t.c.batch_id == batch)).mappings().all():
                letter = connection.execute(select(t).where(t.c.id == attempt["letter_id"])).mappings().one()
                record = read(_Row(attempt))
                _originals_read.append((dict(attempt), dict(letter), record))
            # They were the mould; the pieces are the casts.
            connection.execute(update(n).values(state="dropped"))
            connection.execute(update(t).values(state="closed"))
        letter_rows, attempt_rows = [], []
        path = house.home / "letters" / batch / f"{ids.new('seg')}.bin"
        with SegmentWriter(path) as segment:
            mould = _originals_read[0][2]
            packing, key = Packing(mould), house.tenant.key
            model = segment.append(key.seal(mould, context=model_context(path.name)))
            packed = [packing.pack(record) for *_, record in _originals_read]
            for number in range(start, start + count):
                attempt, letter, _ = _originals_read[number % len(_originals_read)]
                letter_id, attempt_id = ids.new("ltr"), ids.new("att")
                name = {"id": letter_id, "letter_no": f"BENCH-{number:07}", "check_token_hash": None}
                letter_rows.append(letter | name | {"state": "active", "reasons": []})
                sealed = key.seal(packed[number % len(packed)], context=record_context(attempt_id))
                slot = segment.append(sealed)
                place = {"segment": f"{batch}/{path.name}", "offset": slot.offset, "length": slot.length}
                own: dict[str, Any] = {"id": attempt_id, "letter_id": letter_id, "model_length": model.length}
                attempt_rows.append({k: v for k, v in attempt.items() if k != "attempt_id"} | own | place)
        connection.execute(insert(t), letter_rows)
        connection.execute(insert(n), attempt_rows)
        run_id: str = new_run(connection, house.tenant, batch, DAY)
        queue_pieces(connection, house.tenant, run_id, [(row["id"], 1) for row in attempt_rows])
    return run_id


class _Row:
    def __init__(self, values: Any) -> None:
        self.__dict__.update(values)


def _waybills(connection: Connection, run_id: str) -> None:
    """Each piece gets a waybill, as an answered order would give it."""
    p = tables.piece.c
    rows = connection.execute(select(p.id, p.order_no).where(p.run_id == run_id, p.waybill_no.is_(None))).all()
    taken = connection.scalar(select(func.count()).select_from(tables.intent)) or 0
    numbers = [f"12{taken + number:011}" for number in range(len(rows))]
    connection.execute(
        insert(tables.intent),
        [
            {
                "order_no": row.order_no,
                "piece_id": row.id,
                "kind": "order",
                "state": "answered",
                "version": 0,
                "asked_at": AT,
            }
            for row in rows
        ],
    )
    connection.execute(
        update(tables.piece).where(p.id == bindparam("the_id")).values(waybill_no=bindparam("the_number")),
        [{"the_id": row.id, "the_number": number} for row, number in zip(rows, numbers, strict=True)],
    )


def _states(house: House, batch: str) -> dict[str, int]:
    t = tables.letter.c
    with house.engine.connect() as connection:
        return dict(
            Counter(connection.scalars(select(t.state).where(t.batch_id == batch, t.letter_no.like("BENCH-%"))))
        )


if __name__ == "__main__":
    main()
