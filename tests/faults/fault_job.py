"""The whole job of one batch, command by command as people would type them; cut off at a moment on request.

    python fault_job.py job.json        # does what is left of the job, from the command that was not finished

Every command goes through the real command line. Only the two ends are played: the factory reads `songda press list`,
and the courier takes the letters that the factory has finished. What people do (the day, the next command) stands in the
diary; what the product knows stands in its own database alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import resource
import signal
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fault_moments import Moment, watch

#: Chunks so small that a batch of forty has several of each: the real sizes would hide the moments between chunks.
SMALL = 12

#: NothingToApprove: the approval was signed before the command was cut off.
SIGNED_ALREADY = 65


@dataclass(frozen=True)
class Job:
    #: Everything lies in here: home/, out/, cases.csv, lawyer.pem, diary.json.
    folder: Path
    #: Where the stand-in carrier listens for its control calls.
    carrier: str
    #: Names of the steps that are to be done; those done before stand in the diary.
    steps: tuple[str, ...]
    #: kill | fill | stop, and the key of the moment.
    action: tuple[str, str] | None = None
    #: File for all moments; none are kept when it is None.
    moments: Path | None = None
    #: Folder for a copy of `folder` before each step.
    copies: Path | None = None

    @classmethod
    def read(cls, path: Path) -> Job:
        stated = json.loads(path.read_text("utf-8"))
        return cls(
            folder=Path(stated["folder"]),
            carrier=stated["carrier"],
            steps=tuple(stated["steps"]),
            action=tuple(stated["action"]) if stated["action"] else None,
            moments=Path(stated["moments"]) if stated["moments"] else None,
            copies=Path(stated["copies"]) if stated["copies"] else None,
        )

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(dataclasses.asdict(self), default=str), "utf-8")


class Failed(Exception):
    """A command ended with this code."""

    def __init__(self, code: int) -> None:
        self.code = code


class Worker:
    """Somebody who types the commands of the job."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.home, self.out = job.folder / "home", job.folder / "out"
        self._diary = job.folder / "diary.json"
        self.notes: dict[str, Any] = json.loads(self._diary.read_text()) if self._diary.exists() else {"done": []}
        self.step = ""

    def work(self) -> None:
        for step in self.job.steps:
            if step in self.notes["done"]:
                continue
            if self.job.copies is not None:
                import shutil

                shutil.copytree(self.job.folder, self.job.copies / step)
            self.step = step
            name, _, day = step.partition(" ")
            COMMANDS[name](self, day)
            self.step = ""
            self.notes["done"].append(step)
            draft = self._diary.with_suffix(".new")
            draft.write_text(json.dumps(self.notes))
            draft.replace(self._diary)

    def songda(self, *words: str, also: tuple[int, ...] = ()) -> dict[str, Any]:
        """One command with its answer. Raises Failed unless it ends with 0 or one of `also`."""
        from songda.cli import main

        said, sys.argv = io.StringIO(), ["songda", *words]
        code: Any = 0
        try:
            with contextlib.redirect_stdout(said):
                main()
        except SystemExit as end:
            code = end.code or 0
        if code not in (0, *also):
            raise Failed(code)
        answer: dict[str, Any] = json.loads(said.getvalue() or "{}") if "--json" in words else {}
        return answer

    def take_in(self, day: str) -> None:
        cases = str(self.job.folder / "cases.csv")
        answer = self.songda("run", cases, "--out", str(self.out), "--as-of", day, "--json")
        self.notes["batch"] = answer["batch"]

    def approve(self, day: str) -> None:
        key = str(self.job.folder / "lawyer.pem")
        words = ("letters", "approve", self.notes["batch"], "--key", key, "--yes", "--as-of", day, "--json")
        self.songda(*words, also=(SIGNED_ALREADY,))

    def resume(self, day: str) -> None:
        self._call("/sim/clock", {"now": f"{day}T17:00:00+08:00"})
        self.songda("run", "--resume", "--out", str(self.out), "--as-of", day, "--json")

    def press(self, _day: str) -> None:
        """The factory answers for every run that waits for it."""
        for run in self._runs("locked"):
            self.songda("press", "acknowledge", run["id"], run["manifest_sha256"])
        for run in self._runs("acknowledged"):
            self.songda("press", "report", run["id"])

    def courier(self, day: str) -> None:
        """The courier fetches what is finished."""
        for run in self._runs("balanced"):
            manifest = json.loads((self.home / "runs" / run["id"] / "manifest.json").read_text("utf-8"))
            waybills = [piece["waybill_no"] for piece in manifest["pieces"]]
            told = self._call("/sim/hand_over", {"waybills": waybills, "at": f"{day}T17:00:00+08:00"})
            assert not told["unknown"], told

    def _runs(self, state: str) -> list[dict[str, Any]]:
        return [run for run in self.songda("press", "list", "--json")["runs"] if run["state"] == state]

    def _call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(self.job.carrier + path, json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            result: dict[str, Any] = json.load(answer)
            return result


COMMANDS: dict[str, Callable[[Worker, str], None]] = {
    "take_in": Worker.take_in,
    "approve": Worker.approve,
    "resume": Worker.resume,
    "press": Worker.press,
    "courier": Worker.courier,
    # The same command: what it has to do is different after the courier was there, and weeks later.
    "post": Worker.resume,
    "follow": Worker.resume,
}


def strike(action: str) -> None:
    match action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "fill":
            # From here on no file grows: the system answers EFBIG, as a full disk answers ENOSPC.
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def shrink_chunks() -> None:
    """Makes the product's chunks small; each name must be there, so that a moved one is noticed."""
    from songda.dispatch import ends, further
    from songda.flow import decide, follow, post, produce, receive

    receive.read_cases = partial(receive.read_cases, chunk_rows=SMALL)  # type: ignore[assignment]
    post.order_waybills = partial(post.order_waybills, chunk=SMALL)  # type: ignore[assignment]
    follow.follow = partial(follow.follow, chunk=SMALL)  # type: ignore[assignment]
    follow.settle = partial(follow.settle, chunk=SMALL)  # type: ignore[assignment]
    for module, name in ((decide, "CHUNK"), (produce, "CHUNK"), (ends, "_CHUNK"), (further, "_CHUNK")):
        assert isinstance(getattr(module, name), int), name
        setattr(module, name, SMALL)


def main() -> int:
    job = Job.read(Path(sys.argv[1]))
    worker = Worker(job)
    moments: list[Moment] = []

    def reach(moment: Moment) -> None:
        moments.append(moment)
        if job.action is not None and moment.key == job.action[1]:
            strike(job.action[0])

    watch(roots=[worker.home, worker.out], step=lambda: worker.step, reach=reach)
    shrink_chunks()
    try:
        worker.work()
    except Failed as failed:
        return failed.code
    if job.moments is not None:
        job.moments.write_text(json.dumps([dataclasses.asdict(moment) for moment in moments], indent=0))
    return 0


if __name__ == "__main__":
    sys.exit(main())
