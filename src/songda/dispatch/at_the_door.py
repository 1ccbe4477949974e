"""How each attempt truly ended at the door, in the words that models learn from: more than a grade says, and no person.

    ends = door_ends(connection, attempt_ids, mapping=mapping)          # attempt → signed_self, moved, nobody …

The last event that says something of the door decides. An attempt of which nothing is told has no entry.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from songda.carriers import Mapping, meaning
from songda.dispatch.facts import read_facts
from songda.store import chunks, tables

#: Fact of tracking_facts.toml → end; what a failed try means is told by its words.
_ENDS = {
    "signed_self": "signed_self",
    "signed_other": "other",
    "signed_unclear": "other",
    "picked_up": "locker",
    "proxy_weak": "desk",
    "left_somewhere": "locker",
    "refused": "refused",
}
#: Of a failed try at a bad address: 未妥投代码 → end; any other is a wrong address.
_TRIED = {"2": "wrong_address", "3": "unknown_person", "5": "moved"}

_a = tables.attempt.c


def door_ends(connection: Connection, attempt_ids: Sequence[str], *, mapping: Mapping) -> dict[str, str]:
    """Attempt → one of songda.models.signing.ENDS."""
    grades: dict[str, str | None] = {}
    for part in chunks(attempt_ids):
        query = select(_a.id, func.coalesce(_a.grade, _a.provisional_grade).label("grade")).where(_a.id.in_(part))
        grades |= {row.id: row.grade for row in connection.execute(query)}
    found: dict[str, str] = {}
    for attempt_id, facts in read_facts(connection, attempt_ids).items():
        for fact in sorted(facts, key=lambda fact: (fact.event.op_time, fact.event.arrival)):
            code = meaning(fact.event, mapping)
            if code is None:
                continue
            tried = _tried(fact.event.attempt_code, code.address_signal)
            end = tried if code.fact == "tried_failed" else _ENDS.get(code.fact)
            if end is not None:
                found[attempt_id] = end
        # Who may sign is the grade's affair: it has looked at names and relations.
        if grades.get(attempt_id) == "A2":
            found[attempt_id] = "signed_family"
    return found


def _tried(attempt_code: str, signal: str) -> str | None:
    if signal == "absent":
        return "nobody"
    return _TRIED.get(attempt_code, "wrong_address") if signal == "bad" else None
