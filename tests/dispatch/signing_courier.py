"""A courier by whom every letter is signed for in person. The stand-in imports it in a process of its own."""

from __future__ import annotations

from datetime import timedelta

from songda.sim.carrier import PlannedEvent, ShippedLetter


def courier(letter: ShippedLetter) -> list[PlannedEvent]:
    steps = ((2, "203", ""), (20, "306", ""), (40, "702", ""), (43, "704", "10"))
    return [
        PlannedEvent(op_time=letter.handed_over_at + timedelta(hours=hours), op_code=code, deliver_code=qualifier)
        for hours, code, qualifier in steps
    ]
