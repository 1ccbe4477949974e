"""What must hold when all is over: the ledger against manifests, carrier, receiver of events and the world's truth."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from songda.cli.opening import open_base, open_one
from songda.flow.audit import verify_audit
from songda.flow.press import read_manifest
from songda.flow.tenants import Tenant
from songda.store import number_events, out_of_balance, tables

if TYPE_CHECKING:
    from bench.letter_faults import Shard
    from bench.letter_faults_job import Job

#: Where letters may stand in the end.
ENDS = frozenset({"closed", "withdrawn", "not_sent", "held"})
#: Addresses that raise a grade (compliance 6.3), written down here once more on purpose.
B1_PRODUCT, B1_ADDRESS = "credit_card", "reserved"
B2_ADDRESSES = frozenset({"contract", "agreed", "reserved", "id_card"})
#: Stages of which letters a second are told: what the ledger does once a letter is printed.
LEDGER = (
    "acknowledge",
    "report",
    "hand_over",
    "settle",
    "next_attempts",
    "close_letters",
    "reconcile",
    "sweep",
)  # fmt: skip

_l, _a, _p, _t, _r = (each.c for each in (tables.letter, tables.attempt, tables.piece, tables.transition, tables.run))


def check(job: Job, carrier: Mapping[str, Any], taken: Mapping[str, Mapping[str, None]]) -> dict[str, Any]:
    """Counts of one institution, and under "wrong" how often each thing that must hold does not; examples beside it."""
    with ExitStack() as stack:
        engine, master, settings = stack.enter_context(open_base(job.settings()))
        tenant = open_one(engine, master, job.tenant)
        connection = stack.enter_context(engine.begin())
        number_events(connection)
        found = {
            "rows": _rows(connection, tenant, job),
            "letters": _letters(connection, tenant),
            "pieces": _pieces(connection, tenant, settings.home, carrier),
            "grades": _grades(connection, tenant, job.folder / "told.jsonl"),
            "events": _events(connection, tenant, taken),
        }
        money = len(out_of_balance(connection, tenant.id))
        reserved = _reserved(connection, tenant)
        breaks = len(verify_audit(connection).breaks)
    wrong = Counter(money_books=money, money_still_reserved=reserved, audit_breaks=breaks)
    counts: Counter[str] = Counter()
    examples: dict[str, Any] = {}
    for part in found.values():
        wrong.update(part["wrong"])
        counts.update(part["counts"])
        examples |= part.get("examples", {})
    return {"wrong": wrong, "counts": counts, "examples": examples}


def _rows(connection: Connection, tenant: Tenant, job: Job) -> dict[str, Any]:
    """Every row of every file was refused or is a case, in which one that was delivered again replaced the former."""
    refused = _refused(connection, tenant)
    rows, numbers = 0, set()
    for day, name in job.files.items():
        with (job.folder / name).open(encoding="utf-8-sig", newline="") as file:
            head, *lines = csv.reader(file)
        rows += len(lines)
        column, no = head.index("案件编号"), refused[job.first + timedelta(days=day)]
        numbers |= {line[column].strip() for row_no, line in enumerate(lines, start=2) if row_no not in no}
    cases = connection.scalar(select(func.count()).where(tables.case.c.tenant_id == tenant.id)) or 0
    counts = {"rows": rows, "refused_rows": sum(map(len, refused.values())), "cases": cases}
    return {"counts": counts, "wrong": {"rows_lost": abs(len(numbers) - cases)}}


def _refused(connection: Connection, tenant: Tenant) -> dict[date, set[int]]:
    """Day of the file → rows of it that were refused."""
    b, r = tables.batch.c, tables.rejected_row.c
    query = select(b.as_of, r.row_no).join(tables.batch, b.id == r.batch_id).where(b.tenant_id == tenant.id)
    found: dict[date, set[int]] = defaultdict(set)
    for day, row_no in connection.execute(query):
        found[day].add(row_no)
    return found


def _letters(connection: Connection, tenant: Tenant) -> dict[str, Any]:
    """Every letter is at an end; one that was posted is closed with a grade and none of its attempts is under way."""
    letters = connection.execute(
        select(_l.id, _l.state, _l.grade).where(_l.tenant_id == tenant.id).order_by(_l.id)
    ).all()
    attempts = connection.execute(
        select(_a.letter_id, _a.state, _a.n, _a.place, _a.posted_on, _a.grade)
        .join(tables.letter, _l.id == _a.letter_id)
        .where(_l.tenant_id == tenant.id)
    ).all()
    posted = {each.letter_id for each in attempts if each.posted_on}
    places = Counter((each.letter_id, each.place) for each in attempts if each.posted_on)
    lost = [
        each.id
        for each in letters
        if each.state not in ENDS or (each.id in posted and (each.state != "closed" or not each.grade))
    ]
    unsettled = [each.letter_id for each in attempts if each.posted_on and each.state != "settled"]
    states = Counter(each.state for each in letters)
    return {
        "counts": {
            "letters": len(letters),
            "letters_posted": len(posted),
            "second_attempts": sum(1 for each in attempts if each.posted_on and each.n > 1),
            **{f"letters_{state}": count for state, count in states.items()},
        },
        "wrong": {
            "letters_lost": len(lost),
            "attempts_unsettled": len(unsettled),
            "same_place_twice": sum(count > 1 for count in places.values()),
        },
        "examples": {"lost": lost[:5], "unsettled": unsettled[:5]},
    }


def _pieces(connection: Connection, tenant: Tenant, home: Path, carrier: Mapping[str, Any]) -> dict[str, Any]:
    """manifest = printed = enveloped + spoiled, enveloped = posted + pulled, posted = accepted = settled."""
    runs = connection.execute(select(_r.id, _r.state).where(_r.tenant_id == tenant.id)).all()
    manifest = [
        piece.piece_id
        for run in runs
        if run.state not in ("open", "rejected")
        for piece in read_manifest(home, run.id).pieces
    ]
    pieces = connection.execute(
        select(_p.id, _p.state, _p.waybill_no, _a.state.label("attempt"))
        .join(tables.attempt, _a.id == _p.attempt_id)
        .join(tables.letter, _l.id == _a.letter_id)
        .where(_l.tenant_id == tenant.id)
    ).all()
    ours = {each.id for each in pieces}
    moves = Counter(
        row.target
        for row in connection.execute(select(_t.object_id, _t.target).where(_t.object == "piece"))
        if row.object_id in ours
    )
    states = Counter(each.state for each in pieces)
    settled = sum(each.state == "handed_over" and each.attempt == "settled" for each in pieces)
    listed = Counter(manifest)
    in_manifest = {each.id: each.state for each in pieces if each.id in listed}
    pulled = sum(state == "pulled" for state in in_manifest.values())
    unprinted = sum(1 for each in pieces if each.state == "queued")
    counts = {
        "manifest": len(manifest),
        "printed": moves["printed"],
        "enveloped": moves["enveloped"],
        "spoiled": states["spoiled"],
        "posted": states["handed_over"],
        "accepted": carrier["handed_over"],
        "settled": settled,
        "pulled_from_runs": pulled,
        "orders": carrier["orders"],
    }
    gaps = (
        counts["manifest"] - counts["printed"],
        counts["printed"] - counts["enveloped"] - counts["spoiled"],
        counts["enveloped"] - counts["posted"] - pulled,
        counts["posted"] - counts["accepted"],
        counts["posted"] - counts["settled"],
    )
    return {
        "counts": counts,
        "wrong": {
            "ledger_balance": sum(map(abs, gaps)),
            "pieces_in_two_manifests": sum(count > 1 for count in listed.values()),
            "pieces_left_queued": unprinted,
            "ordered_twice": carrier["duplicates"],
        },
        "examples": {"gaps": gaps},
    }


def _grades(connection: Connection, tenant: Tenant, told: Path) -> dict[str, Any]:
    """The grade of each settled attempt is what the last way of its letter proves; a piece follows only a lost one."""
    truth = {line["waybill"]: line for line in map(json.loads, told.read_text("utf-8").splitlines())}
    rows = connection.execute(
        select(_a.id, _a.grade, _p.waybill_no, tables.address_record.c.origin)
        .join(tables.piece, _p.attempt_id == _a.id)
        .join(tables.letter, _l.id == _a.letter_id)
        .join(tables.address_record, tables.address_record.c.id == _a.address_record_id)
        .where(_l.tenant_id == tenant.id, _p.state == "handed_over")
        .order_by(_p.copy)
    ).all()
    products = _products(connection, tenant)
    waybills: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        waybills[row.id].append(row)
    wrong, twice, ends = [], [], Counter[str]()
    for attempt, own in waybills.items():
        ways = [truth.get(row.waybill_no, {"end": "unknown", "kind": "", "grade": None}) for row in own]
        ends[ways[-1]["end"]] += 1
        if any(way["end"] != "lost" for way in ways[:-1]):
            twice.append((attempt, [way["end"] for way in ways]))
        right = raised(ways[-1], origin=own[-1].origin, product=products.get(attempt))
        if own[-1].grade != right:
            wrong.append((attempt, own[-1].grade, right, [(way["end"], way["kind"]) for way in ways]))
    kinds = Counter((w[3][-1], w[1], w[2]) for w in wrong)
    return {
        "counts": {f"ended_{end}": count for end, count in ends.items()},
        "wrong": {"grades": len(wrong), "posted_twice": len(twice)},
        "examples": {"grades": wrong[:5], "kinds of wrong grades": kinds.most_common(10), "twice": twice[:5]},
    }


def raised(way: Mapping[str, Any], *, origin: str | None, product: str | None) -> str | None:
    """The true grade, raised where the basis of the address allows it."""
    grade: str | None = way["grade"]
    if way.get("b1") and product == B1_PRODUCT and origin == B1_ADDRESS:
        return "B1"
    return "B2" if way.get("b2") and origin in B2_ADDRESSES else grade


def _products(connection: Connection, tenant: Tenant) -> dict[str, str | None]:
    """Attempt → product of all its cases; None where they differ."""
    lc, c = tables.letter_case.c, tables.case.c
    query = (
        select(_a.id, c.product)
        .join(tables.letter_case, lc.letter_id == _a.letter_id)
        .join(tables.case, c.id == lc.case_id)
        .where(c.tenant_id == tenant.id)
    )
    found: dict[str, set[str | None]] = defaultdict(set)
    for attempt, product in connection.execute(query):
        found[attempt].add(product)
    return {attempt: next(iter(each)) if len(each) == 1 else None for attempt, each in found.items()}


def _events(connection: Connection, tenant: Tenant, taken: Mapping[str, Mapping[str, None]]) -> dict[str, Any]:
    """Each event has arrived, and those of a letter first in their order."""
    e = tables.event.c
    query = select(e.id, e.letter_id).where(e.tenant_id == tenant.id).order_by(e.position)
    noted: dict[str, list[str]] = defaultdict(list)
    for event, letter in connection.execute(query):
        noted[letter].append(event)
    count = sum(map(len, noted.values()))
    missing = sum(len(set(ids) - set(taken.get(letter, ()))) for letter, ids in noted.items())
    strange = sum(len(set(ids) - set(noted.get(letter, ()))) for letter, ids in taken.items())
    disordered = sum([*taken[letter]] != ids for letter, ids in noted.items() if letter in taken) if not missing else 0
    return {
        "counts": {"events": count},
        "wrong": {"events_lost": missing, "events_never_noted": strange, "letters_told_out_of_order": disordered},
    }


def _reserved(connection: Connection, tenant: Tenant) -> int:
    """Reservations that stand although their letter is over."""
    s = tables.reservation.c
    query = (
        select(func.count())
        .select_from(tables.reservation)
        .join(tables.letter, _l.id == s.letter_id)
        .where(s.state == "reserved", _l.tenant_id == tenant.id, _l.state.in_(ENDS))
    )
    return connection.scalar(query) or 0


def figures_of(houses: Sequence[Shard], checks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sums over all institutions, and what the stages took."""
    wrong, counts, struck = Counter[str](), Counter[str](), Counter[str]()
    for each in checks:
        for name, count in each["wrong"].items():
            wrong[name] += count
        counts.update(each["counts"])
    receiver: Counter[str] = Counter()
    for house in houses:
        struck.update(house.post.stats()["struck"])
        receiver.update(house.receiver.calls)
    seconds, items, calls = Counter[str](), Counter[str](), Counter[str]()
    for house in houses:
        for line in (house.job.folder / "times.jsonl").read_text().splitlines():
            entry = json.loads(line)
            seconds[entry["stage"]] += entry["seconds"]
            items[entry["stage"]] += entry["items"]
            calls[entry["stage"]] += 1
    ledger = sum(seconds[stage] for stage in LEDGER)
    return {
        **counts,
        "letters_per_s_ledger_stages": round(counts["posted"] / ledger, 1) if ledger else 0,
        "events_per_s_asked_and_stored": round(items["follow"] / seconds["follow"], 1) if seconds["follow"] else 0,
        "webhooks_taken": receiver["taken"],
        "webhooks_failed": receiver["failed"],
        "wrong": dict(wrong),
        "calls struck": dict(struck),
        "stages": [
            {"stage": stage, "calls": calls[stage], "items": items[stage], "seconds": round(seconds[stage], 2)}
            for stage in seconds
        ],
        "examples": [each["examples"] for each in checks if any(each["wrong"].values())],
    }
