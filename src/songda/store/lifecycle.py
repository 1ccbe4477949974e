"""docs/lifecycle.md, printed from the tables of songda.store.life and a frame of prose (lifecycle.md beside this module).

python -m songda.store.lifecycle > docs/lifecycle.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.resources import files

from songda.store.life import OBJECTS, Machine, Transition, Wait, machine, terminal


def page() -> str:
    """The page."""
    frame = files("songda.store").joinpath("machines", "lifecycle.md").read_text("utf-8")
    return "\n".join((frame.rstrip(), *(line for object in OBJECTS for line in _section(machine(object)))))


def _section(its: Machine) -> Iterator[str]:
    final = terminal(its.object)
    yield from ("", f"## {its.object}", "", its.about, "")
    yield from _picture(its, final)
    yield from ("", "| state | means | waits at most | then |", "| --- | --- | --- | --- |")
    for state, means in its.states.items():
        waits = [each for each in its.waits if each.state == state]
        yield f"| {_starred(state, final)} | {means} | {_joined(_length(w) for w in waits)} | {_joined(w.then for w in waits)} |"
    if its.transitions:
        yield from (
            "",
            "| from | to | when | who | guard | reasons | done by |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        )
        yield from (_row(sources, line, final) for sources, line in _grouped(its))
    yield ""


def _picture(its: Machine, final: frozenset[str]) -> Iterator[str]:
    yield from ("```mermaid", "stateDiagram-v2", f"    [*] --> {its.created}")
    drawn = dict.fromkeys((line.source, line.target) for line in its.transitions)
    yield from (f"    {source} --> {target}" for source, target in drawn)
    yield from (f"    {state} --> [*]" for state in its.states if state in final)
    yield "```"


def _grouped(its: Machine) -> list[tuple[list[str], Transition]]:
    """Lines that differ in their source only, as one."""
    found: list[tuple[list[str], Transition]] = []
    for line in its.transitions:
        last = found[-1][1] if found else None
        if last is not None and (last.target, last.when) == (line.target, line.when):
            found[-1][0].append(line.source)
        else:
            found.append(([line.source], line))
    return found


def _row(sources: list[str], line: Transition, final: frozenset[str]) -> str:
    cells = (
        ", ".join(_starred(source, final) for source in sources),
        _starred(line.target, final),
        line.when,
        ", ".join(sorted(line.who)),
        line.guard,
        ", ".join(f"`{reason}`" for reason in sorted(line.reasons)),
        ", ".join(line.by) or "nobody yet",
    )
    return f"| {' | '.join(cells)} |"


def _starred(state: str, final: frozenset[str]) -> str:
    return f"{state}\\*" if state in final else state


def _length(wait: Wait) -> str:
    return f"{wait.amount} {wait.unit}"


def _joined(texts: Iterator[str]) -> str:
    return "<br>".join(texts)


if __name__ == "__main__":
    sys.stdout.write(page())
