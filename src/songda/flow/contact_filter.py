"""Which of a debtor's contacts had better be left alone: those who said so, and those who are hardly genuine.

    kept, label = filter_contacts(connection, tenant, case_no="CL-2026-0001")

It only removes. Whether anybody may be asked at all is the affair of a permit (rules P02 to P05); the order is that of the case file, never
one for pressure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl
from sqlalchemy import Connection

from songda.feedback import approved, contact_evidence
from songda.flow.contact_facts import case_id_of
from songda.flow.contacts import person_of
from songda.flow.tenants import Tenant
from songda.models import contacts

#: What stands where the model would: nobody whose number is dead, who does not know the debtor or wants no contact.
CONTACT_RULE: Final = "contact-answers/1"
_SAID: Final = {"denied": "denied", "refused": "refused"}
_DEAD: Final = frozenset({"vacant", "stopped"})


@dataclass(frozen=True, slots=True)
class Named:
    """One contact, by its number in the case file."""

    ordinal: int
    relation: str | None
    removed: bool
    #: refused, denied, dead, or the features that make it odd.
    why: tuple[str, ...]
    #: Share of the institution's contacts that are less odd, 0-1; None by the rule.
    odd: float | None


def filter_contacts(connection: Connection, tenant: Tenant, *, case_no: str) -> tuple[list[Named], str]:
    """The contacts of a case in the order of the file, and the label of what judged. Raises UnknownCase."""
    person_of(connection, tenant, case_no)
    case_id = case_id_of(tenant, case_no)
    model = approved(connection, tenant.id, contacts.KIND)
    evidence = contact_evidence(connection, tenant.id)
    mine = evidence.with_row_index("_row").filter(pl.col("case") == case_id).sort("ordinal")
    rows = mine["_row"].to_list()
    if not isinstance(model, contacts.Filter):
        return [_by_rule(row) for row in mine.iter_rows(named=True)], CONTACT_RULE
    # Surprise is counted among all contacts of the institution.
    features = contacts.contact_features(evidence)[rows]
    odd = contacts.score(model, features).tolist()
    why = contacts.reasons(model, features)
    found = []
    for row, share, features_of in zip(mine.iter_rows(named=True), odd, why, strict=True):
        plain = _by_rule(row)
        removed = plain.removed or share >= model.threshold
        reasons = plain.why + tuple(name for name, _ in features_of if removed)
        found.append(Named(plain.ordinal, plain.relation, removed, reasons, round(share, 4)))
    return found, model.version


def _by_rule(row: dict[str, object]) -> Named:
    said, state = str(row["answer"]), str(row["number_state"])
    why = [*([_SAID[said]] if said in _SAID else []), *(["dead"] if state in _DEAD else [])]
    relation = row["relation"]
    return Named(int(str(row["ordinal"])), None if relation is None else str(relation), bool(why), tuple(why), None)
