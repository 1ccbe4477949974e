"""The undisturbed job, done once for all workers of the test run and recorded moment by moment."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

# Lets the tests import what lies beside them.
sys.path.insert(0, str(Path(__file__).parent))

from fault_moments import Moment
from fault_scenes import FIRST_LETTERS, STEPS, WITH_NUMBERS, Scene, SimContract, open_scene, prepare, record_of


class Undisturbed:
    """What one job looks like when nobody disturbs it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        records = json.loads((folder / "records.json").read_text("utf-8"))
        #: How things stand when the first letters are posted, and in the end.
        self.first_letters: dict[str, Any] = records["first letters"]
        self.end: dict[str, Any] = records["end"]
        self.moments = tuple(
            Moment(**{**entry, "durable": tuple(entry["durable"])})
            for entry in json.loads((folder / "moments.json").read_text("utf-8"))
        )

    @property
    def prepared(self) -> Path:
        """The house before the job, with its tenant."""
        return self._folder / "prepared"

    def before(self, step: str) -> Path:
        """The house as it was when the step began."""
        return self._folder / "copies" / step

    def moment(self, stage: str, kind: str, what: str = "", *, step: str = "") -> Moment:
        """The middle one of all such moments of the job."""
        found = [
            moment
            for moment in self.moments
            if (moment.stage, moment.kind) == (stage, kind) and what in moment.what and step in moment.step
        ]
        assert found, f"the job has no such moment: {stage}, {kind}, {what}, {step}"
        return found[len(found) // 2]


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    base = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        base = base.parent
    folder = base / "undisturbed"
    with (base / "undisturbed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "records.json").exists():
            prepare(folder / "prepared")
            (folder / "copies").mkdir()
            with open_scene(folder / "prepared", folder / "job") as scene:
                ended = scene.work(moments=folder / "moments.json", copies=folder / "copies")
                assert ended.code == 0, ended.stderr
                scene.check()
                posted = folder / "copies" / STEPS[len(FIRST_LETTERS)]
                records = {"first letters": record_of(posted), "end": scene.record()}
            draft = folder / "records.new"
            draft.write_text(json.dumps(records, ensure_ascii=False), "utf-8")
            draft.rename(folder / "records.json")
    return Undisturbed(folder)


OpenBefore = Callable[..., AbstractContextManager[Scene]]


@pytest.fixture
def open_before(undisturbed: Undisturbed, tmp_path: Path) -> OpenBefore:
    """`open_before(step)`: a house in which everything before the step was done, with a carrier that remembers it."""

    @contextmanager
    def open_(step: str, contract: SimContract = WITH_NUMBERS) -> Iterator[Scene]:
        with open_scene(undisturbed.before(step), tmp_path / "scene", contract) as scene:
            yield scene

    return open_
