"""The state of one text while it is read: what the named steps of `engine.py` pass along.

>>> reading = Reading("上海市宝山区杨泰路1533弄80号")
>>> reading.issue("ambiguous_district"); reading.issues
['ambiguous_district']
"""

from __future__ import annotations

from dataclasses import dataclass, field

from songda.address.gazetteer import Hit

#: Fine fields in the order in which an address names them.
FINE = ("village", "group", "road", "road_no", "poi", "building", "unit", "floor", "room")


@dataclass(slots=True)
class Segment:
    """A stretch of the text between brackets."""

    #: main (outside), typed (【…】), hint (in round brackets).
    kind: str
    text: str


@dataclass(slots=True)
class Fine:
    """Fine parts as one segment states them; several values of a field in order of the text."""

    values: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, value: str) -> None:
        known = self.values.setdefault(name, [])
        if value and value not in known:
            known.append(value)

    def __contains__(self, name: str) -> bool:
        return name in self.values


@dataclass(slots=True)
class Reading:
    #: The raw text.
    raw: str
    #: The folded text, shortened by the steps that take something out.
    text: str = ""
    segments: list[Segment] = field(default_factory=list)
    #: Score of each chain that the mentions allow, by the code of its deepest division.
    leaves: dict[str, float] = field(default_factory=dict)
    #: Mentions of divisions: (as written, what it can mean).
    mentions: list[tuple[str, tuple[Hit, ...]]] = field(default_factory=list)
    #: Deepest division of levels 1-3 that is certain; empty when none.
    code: str = ""
    #: Competing deepest divisions when the text does not decide.
    rivals: list[str] = field(default_factory=list)
    #: True when the county rests on an old name, so that a town may choose another successor.
    successor: bool = False
    town: str = ""
    #: True at the start of the typed part: a town there replaces the map's.
    town_open: bool = False
    town_code: str = ""
    parts: dict[str, str | None] = field(default_factory=dict)
    landmarks: list[str] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)
    also: str | None = None
    alternatives: list[str] = field(default_factory=list)
    issues: list[str] = field(default_factory=list)
    corrections: list[str] = field(default_factory=list)
    inferred: list[str] = field(default_factory=list)

    def issue(self, code: str) -> None:
        if code not in self.issues:
            self.issues.append(code)

    def correct(self, column: str, written: str, current: str, reason: str) -> None:
        entry = f"{column}:{written}>{current}:{reason}"
        if written != current and entry not in self.corrections:
            self.corrections.append(entry)
