"""A courier who loses letters: those to door 105 once, those to door 106 always. The stand-in imports it in a process of its own."""

from __future__ import annotations

from datetime import timedelta

from songda.sim.carrier import PlannedEvent, ShippedLetter


def courier(letter: ShippedLetter) -> list[PlannedEvent]:
    """Accepted; after two days lost, or signed for by the addressee."""
    lost = letter.address.endswith("106室") or (letter.address.endswith("105室") and letter.order_no.endswith("-1"))
    at = letter.handed_over_at
    return [
        PlannedEvent(op_time=at + timedelta(hours=1), op_code="203", office_name="收寄部"),
        PlannedEvent(
            op_time=at + timedelta(days=2),
            op_code="705" if lost else "704",
            office_name="投递部",
            deliver_code="" if lost else "10",
            attempt_code="13" if lost else "",
        ),
    ]
