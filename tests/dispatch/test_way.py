"""The whole way with the stand-in carrier over HTTP, and with the power cut off on it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from posted import BOTH, EVERY_TIME, RUN, TENANT, after, ship
from sqlalchemy import Engine

from songda.dispatch import close_letters, follow, letters_at_end, settle
from songda.sim.carrier.chains import outcome_of
from songda.store import history

#: What the carrier makes of a letter (songda.sim.carrier chains.toml) → grade in the end.
GRADES = {
    "signed by the addressee": "A1",
    "signed by a relative": "A2",
    "left with the property guard": "C",
    "reception desk": "C",
    "left at the door": "C",
    "locker, collected by the addressee": "A1",
    "locker, collected by code": None,  # who took it must be looked at
    "locker, never collected": "E",
    "absent, signed on the next day": "A1",
    "absent twice, returned": "E",
    "wrong address, returned": "E",
    "no such person, returned": "E",
    "moved, returned": "E",
    "refused, returned": "D",
    "signed by mistake, corrected, signed": "A2",
    "signed, then returned": "E",
    "lost at the office": None,  # waits for a new piece, which production makes
    "silent after the sorting centre": "F",
}
#: Among so many numbers from this one on, every kind of way occurs.
COUNT, FIRST = 120, "9800000000130"


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_every_kind_of_way_ends_with_its_grade(open_desk: Callable[..., Any], fill: Callable[..., None]) -> None:
    fill(COUNT)
    desk = open_desk(allots_from=FIRST)
    ship(desk)
    ways = [outcome_of(number) for number in desk.column("piece", "waybill_no")]
    assert set(ways) == GRADES.keys()
    expected = [GRADES[way] for way in ways]
    for day in (1, 3, 5, 8, 12, 20, 31):
        desk.stand_in.advance(to=after(day, 20))
        follow(desk.database, tenant_id=TENANT, key=desk.key, post=desk.post, at=after(day, 20), deadlines=EVERY_TIME)
        settle(desk.database, tenant_id=TENANT, at=after(day, 20))
        with desk.database.connect() as connection:
            ends = letters_at_end(connection, tenant_id=TENANT)
        close_letters(desk.database, [(end, "max_attempts") for end in ends], at=after(day, 20))
    assert [*zip(ways, desk.column("attempt", "grade"), strict=True)] == [*zip(ways, expected, strict=True)]
    assert desk.column("letter", "grade") == expected
    waiting = expected.count(None)
    assert Counter(desk.column("letter", "state")) == Counter(closed=COUNT - waiting, active=waiting)
    assert desk.column("task", "kind").count("outcome_review") == waiting - ways.count("lost at the office")
    revised = [revision for revision in desk.column("letter", "revision") if revision]
    assert len(revised) <= sum(grade == "E" for grade in expected)


KILLED = """
import json, os, signal, sys
from datetime import datetime
from pathlib import Path
from importlib import import_module
from songda.base.settings import Settings
from songda.carriers import ChinaPost, ContractConfig, open_http
from songda.store import open_database
from songda.vault import LocalMasterKey, open_data_key
job = json.loads(sys.stdin.read())
engine = open_database(Settings(home=Path(job["home"]), database_url=job["url"], master_key=None,
    master_key_file=Path(job["home"]), workers=1))
key = open_data_key(LocalMasterKey(bytes(range(32))), bytes.fromhex(job["key"]))
at = datetime.fromisoformat(job["at"])
module = import_module(job["module"])
real, left = getattr(module, job["function"]), [job["calls"]]
def killed(*args, **more):
    # The power fails before or after this very call.
    left[0] -= 1
    if left[0] == 0 and job["before"]:
        os.kill(os.getpid(), signal.SIGKILL)
    result = real(*args, **more)
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(module, job["function"], killed)
from dataclasses import replace
from songda.dispatch import follow, hand_over, load_deadlines, settle
waits = load_deadlines()
every_time = replace(waits, ask_every_hours=dict.fromkeys(waits.ask_every_hours, 0))
contract = ContractConfig(**job["contract"])
with open_http(contract) as http:
    if job["action"] == "hand_over":
        hand_over(engine, run_id="run_1", at=at)
    elif job["action"] == "follow":
        post = ChinaPost(contract, http)
        follow(engine, tenant_id="ten_1", key=key, post=post, at=at, chunk=3, threads=2, deadlines=every_time)
    else:
        settle(engine, tenant_id="ten_1", at=at, chunk=3)
"""


def cut(desk: Any, wrapped: bytes, tmp_path: Any, action: str, function: str, calls: int, before: bool) -> None:
    """Does `action` in a process that dies at that call of `module:function`."""
    module, _, name = function.partition(":")
    job = {
        "home": str(tmp_path),
        "url": desk.database.url.render_as_string(hide_password=False),
        "key": wrapped.hex(),
        "contract": asdict(desk.contract),
        "at": after(6).isoformat() if action != "hand_over" else after(0, 17).isoformat(),
        "module": f"songda.dispatch.{module}",
        "function": name,
        "calls": calls,
        "before": before,
        "action": action,
    }
    done = subprocess.run([sys.executable, "-c", KILLED], input=json.dumps(job).encode(), check=False)
    assert done.returncode == -signal.SIGKILL


def record(database: Engine, desk: Any) -> dict[str, Any]:
    """Everything that must be the same whether the power failed or not."""
    attempts = desk.column("attempt", "id")
    with database.connect() as connection:
        ways = {each: [(s.target, s.version, s.reason) for s in history(connection, each)] for each in attempts}
    facts = Counter((a, e["op_code"], str(t)) for a, e, t in desk.column("fact", "attempt_id", "event", "op_time"))
    return {
        "ways": ways,
        "facts": facts,
        "attempts": desk.column("attempt", "state", "provisional_grade", "grade", "posted_on"),
        "pieces": desk.column("piece", "state"),
        "runs": desk.column("run", "state"),
        "said": Counter(desk.column("decision", "object_id", "outcome")),
        "tasks": Counter(desk.column("task", "kind", "object_id", "state")),
    }


def walk(desk: Any) -> None:
    """The rest of the way, as the next start goes it."""
    from songda.dispatch import hand_over

    handed = hand_over(desk.database, run_id=RUN, at=after(0, 17))
    desk.stand_in.hand_over(handed.waybills, at=after(0, 17))
    desk.stand_in.advance(to=after(6))
    follow(
        desk.database,
        tenant_id=TENANT,
        key=desk.key,
        post=desk.post,
        at=after(6),
        chunk=3,
        threads=2,
        deadlines=EVERY_TIME,
    )
    settle(desk.database, tenant_id=TENANT, at=after(6), chunk=3)


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_power_cuts_between_and_within_transactions_lose_nothing_and_do_nothing_twice(
    open_desk: Callable[..., Any], fill: Callable[..., None], wrapped_key: bytes, tmp_path: Any
) -> None:
    fill(7)
    desk = open_desk()
    desk.order()
    desk.change("piece", state="enveloped")
    desk.change("run", state="balanced")
    for calls in (1, 3):
        cut(desk, wrapped_key, tmp_path, "hand_over", "handover:move", calls, before=False)
        assert set(desk.column("piece", "state")) == {"enveloped"}
    cut(desk, wrapped_key, tmp_path, "hand_over", "handover:_figures", 1, before=True)
    assert set(desk.column("attempt", "state")) == {"locked"}
    from songda.dispatch import hand_over

    handed = hand_over(desk.database, run_id=RUN, at=after(0, 17))
    desk.stand_in.hand_over(handed.waybills, at=after(0, 17))
    desk.stand_in.advance(to=after(6))
    cut(desk, wrapped_key, tmp_path, "follow", "following:store_events", 2, before=False)
    assert len(set(desk.column("fact", "attempt_id"))) == 3
    cut(desk, wrapped_key, tmp_path, "follow", "following:_ask", 3, before=True)
    assert len(set(desk.column("fact", "attempt_id"))) == 6
    follow(
        desk.database,
        tenant_id=TENANT,
        key=desk.key,
        post=desk.post,
        at=after(6),
        chunk=3,
        threads=2,
        deadlines=EVERY_TIME,
    )
    cut(desk, wrapped_key, tmp_path, "settle", "settling:write_said", 2, before=False)
    assert desk.column("attempt", "state").count("posted") == 4
    cut(desk, wrapped_key, tmp_path, "settle", "settling:_looks", 2, before=True)
    assert desk.column("attempt", "state").count("posted") == 1
    walk(desk)
    after_cuts = record(desk.database, desk)
    assert all(count == 1 for count in after_cuts["said"].values())
    assert all(
        [version for _, version, _ in way] == list(range(1, len(way) + 1)) for way in after_cuts["ways"].values()
    )
    assert "posted" not in desk.column("attempt", "state")
    walk(desk)
    assert record(desk.database, desk) == after_cuts
    assert not [fact for fact, count in after_cuts["facts"].items() if count > 1]
