"""The life of every object that has one: which states there are, who moves it from where to where, and why.

>>> allowed("letter", "ready", "approved"), allowed("letter", "closed", "active")
(True, False)
>>> sorted(terminal("task"))
['done', 'dropped']

The tables are data; `move` refuses whatever is not in them, and docs/life-cycle.md is printed from them:
`python -m songda.store.life > docs/life-cycle.md`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Transition:
    #: Table whose rows have this life.
    object: str
    source: str
    target: str
    #: What happened.
    trigger: str
    #: Who may do it.
    actor: str


class IllegalTransition(ValueError):
    """A transition that no table knows: a mistake in the program, never in the data."""


#: The state in which a thing comes into the world.
CREATED: dict[str, str] = {
    "batch": "receiving",
    "letter": "received",
    "attempt": "planned",
    "piece": "queued",
    "run": "open",
    "intent": "written",
    "task": "open",
    "person": "active",
}

#: object → lines of (sources, target, trigger, actor).
_LINES: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "batch": (
        ("receiving", "received", "every row of the file is stored", "system"),
        ("received", "decided", "every letter is ready, held or not sent", "decision"),
        ("decided", "done", "every letter has its end", "system"),
    ),
    "letter": (
        ("received", "rejected", "check of the content failed", "system"),
        ("received", "held", "a gate says review, data missing, hold on the address", "rules"),
        (
            "received held",
            "not_sent",
            "decision no: score, budget, capacity, age, no lawful place, deadline",
            "decision",
        ),
        ("received held", "ready", "decision yes", "decision"),
        ("ready", "approved", "lawyer signs the batch", "lawyer"),
        ("ready", "held", "the gate approve says no, or the lawyer pulls the letter", "lawyer"),
        ("approved", "ready", "template, amount, address basis or price changed: approval void", "system"),
        ("approved", "active", "attempt 1 created", "planner"),
        (
            "active",
            "active",
            "attempt settled without proof, next attempt; or stop requested after posting",
            "dispatch",
        ),
        (
            "active",
            "held",
            "attempt failed before it was posted (print, order, gate lock), and can be cured",
            "dispatch",
        ),
        ("active", "closed", "attempt settled, no further attempt needed or allowed", "dispatch"),
        ("received held ready approved active", "withdrawn", "cancel or stop order, nothing ever posted", "operator"),
        ("closed", "closed", "a late fact changes the grade: revision", "system"),
    ),
    "attempt": (
        ("planned", "quoted", "price and product found", "system"),
        ("planned quoted", "no_place", "no other lawful place", "system"),
        ("quoted", "scheduled", "slot given", "planner"),
        ("scheduled", "scheduled", "slot lost", "planner"),
        ("scheduled", "rendered", "PDF built, preflight passed", "renderer"),
        ("planned quoted scheduled rendered sealed", "dropped", "letter withdrawn or held", "system"),
        ("scheduled", "failed", "preflight failed twice", "renderer"),
        ("rendered", "sealed", "seal and timestamp done", "seal"),
        ("sealed", "locked", "run built at cut-off", "production"),
        ("sealed", "planned", "quote or address changed at lock", "production"),
        ("locked", "posted", "piece handed over and scanned", "dispatch"),
        ("locked", "locked", "piece spoiled or missing, new piece", "production"),
        ("locked", "recalled", "all pieces pulled before hand-over", "production"),
        ("posted", "carried", "first event of the carrier", "carrier"),
        ("carried", "carried", "event of the carrier", "carrier"),
        ("carried", "reported", "signed, stored, refused, returned or lost by the fold; or deadline", "system"),
        ("reported", "carried", "a correction voids or changes the outcome", "carrier"),
        ("reported", "settled", "objection window over, documents there or their deadline passed", "proof"),
        ("posted carried", "silent", "no event for days", "timer"),
        ("silent", "carried", "an event arrives", "carrier"),
        ("silent", "settled", "second deadline", "timer"),
        ("posted carried silent", "locked", "carrier admits loss: new piece and waybill", "dispatch"),
        ("settled", "settled", "a late fact changes the grade", "system"),
    ),
    "piece": (
        ("queued", "printed", "printed", "production"),
        ("printed", "enveloped", "in its envelope, codes and weight right", "production"),
        ("printed enveloped", "diverted", "codes or weight wrong, or stop order at the inserter", "production"),
        ("printed enveloped diverted", "spoiled", "cannot be posted", "production"),
        ("printed enveloped", "missing", "not found after a jam", "production"),
        ("missing diverted", "enveloped", "found good", "production"),
        ("missing", "spoiled", "not found by the end of the run: written off", "production"),
        ("queued printed enveloped diverted", "pulled", "stop order, order refused or no waybill", "dispatch"),
        ("enveloped", "handed_over", "scanned at hand-over", "dispatch"),
    ),
    "run": (
        ("open", "locked", "manifest fixed", "production"),
        ("locked", "acknowledged", "factory answers with the same hash", "production"),
        ("locked", "rejected", "hash or count differs", "production"),
        ("open locked acknowledged", "aborted", "given up before printing", "production"),
        ("acknowledged", "printing", "printing begins", "production"),
        ("printing", "balanced", "every piece accounted for", "production"),
        ("balanced", "handed_over", "every good piece scanned at hand-over", "dispatch"),
        ("handed_over", "reconciled", "accepted by the carrier", "carrier"),
    ),
    "intent": (
        (
            "written",
            "written",
            "may be asked again: never left, unknown to the carrier, or idempotent; asked again",
            "dispatch",
        ),
        ("written unresolved", "answered", "the carrier took it", "dispatch"),
        ("written unresolved", "refused", "the carrier said no", "dispatch"),
        ("written", "unresolved", "no answer, the carrier may have acted", "dispatch"),
        (
            "unresolved",
            "written",
            "may be asked again: unknown to the carrier, idempotent, or a person says so",
            "dispatch",
        ),
    ),
    "task": (
        ("open", "done", "settled", "person"),
        ("open", "dropped", "no longer needed", "person"),
    ),
    "person": (),
}

TRANSITIONS: tuple[Transition, ...] = tuple(
    Transition(object, source, target, trigger, actor)
    for object, lines in _LINES.items()
    for sources, target, trigger, actor in lines
    for source in sources.split()
)
_ALLOWED = frozenset((line.object, line.source, line.target) for line in TRANSITIONS)


def allowed(object: str, source: str, target: str) -> bool:
    """Whether `object` may go from `source` to `target`."""
    return (object, source, target) in _ALLOWED


@cache
def states(object: str) -> frozenset[str]:
    """Every state of `object`. Raises KeyError for an object without a life."""
    return frozenset({CREATED[object]}.union(*({t.source, t.target} for t in TRANSITIONS if t.object == object)))


@cache
def terminal(object: str) -> frozenset[str]:
    """States that nothing leaves; a revision, which stays where it is, does not count."""
    left = {line.source for line in TRANSITIONS if line.object == object and line.source != line.target}
    return states(object) - left


def as_markdown() -> str:
    """docs/life-cycle.md."""
    return "\n".join(_markdown())


def _markdown() -> Iterator[str]:
    yield "# Life cycles"
    yield ""
    yield "Printed from `songda.store.life` by `python -m songda.store.life > docs/life-cycle.md`; a test holds the two together."
    yield "`move` refuses every other transition. States with a star are final."
    for object, lines in _LINES.items():
        final = terminal(object)
        yield ""
        yield f"## {object}"
        yield ""
        yield "| from | to | when | who |"
        yield "| --- | --- | --- | --- |"
        yield f"| - | {_starred(CREATED[object], final)} | created | |"
        for sources, target, trigger, actor in lines:
            origin = ", ".join(_starred(source, final) for source in sources.split())
            yield f"| {origin} | {_starred(target, final)} | {trigger} | {actor} |"
    yield ""


def _starred(state: str, final: frozenset[str]) -> str:
    return f"{state}\\*" if state in final else state


if __name__ == "__main__":
    sys.stdout.write(as_markdown())
