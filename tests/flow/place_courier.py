"""A courier for whom one town is home and another is not. The stand-in imports it in a process of its own."""

from __future__ import annotations

from datetime import timedelta

from songda.sim.carrier import PlannedEvent, ShippedLetter


def courier(letter: ShippedLetter) -> list[PlannedEvent]:
    """What goes to 广东 comes back as unknown there, what goes elsewhere is signed for by the addressee."""
    at = letter.handed_over_at
    fails = (("705", 2), ("708", 4), ("711", 6))
    steps = (("203", 0), ("702", 2), *(fails if letter.prov.startswith("广东") else (("704", 2),)))
    return [
        PlannedEvent(
            op_time=at + timedelta(days=day, minutes=9 * n),
            op_code=code,
            office_name="投递部",
            deliver_code="10" if code == "704" else "",
            attempt_code="3" if code == "705" else "",
        )
        for n, (code, day) in enumerate(steps)
    ]
