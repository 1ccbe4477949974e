"""Grades of proof, best first.

>>> best_grade(["E", None, "A2"])
'A2'
"""

from __future__ import annotations

from collections.abc import Iterable

GRADES = ("A1", "A2", "B1", "B2", "C", "D", "E", "F")
#: What an attempt settles as when nothing was proven.
NO_PROOF = "F"


def best_grade(grades: Iterable[str | None]) -> str | None:
    """The best of `grades`; None when there is none."""
    return min((grade for grade in grades if grade is not None), key=GRADES.index, default=None)
