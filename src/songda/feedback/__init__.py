"""What outcomes teach: what is kept of each decision, the models' registry, and the frames that models learn from.

    number = keep(connection, tenant_id, fitted, card, by="ops-7", at=now)       # trained; decides nothing
    approve(connection, tenant_id, "address", number, by="ops-2", at=now)        # another person; from now on it decides
    fitted = approved(connection, tenant_id, "address")                          # None: the rule decides, and is marked

>>> from songda.feedback import KINDS
>>> KINDS[:3]
('address', 'vitality', 'signing')
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songda.feedback.evidence import address_evidence, contact_evidence, debtor_evidence, features_of
    from songda.feedback.registry import (
        KINDS,
        STATES_ZH,
        Listed,
        SamePerson,
        UnknownModel,
        WrongModelState,
        approve,
        approved,
        keep,
        listed,
        read_model,
        retire,
    )

_HOMES = {
    "evidence": ("address_evidence", "contact_evidence", "debtor_evidence", "features_of"),
    "registry": (
        *(
            "KINDS",
            "STATES_ZH",
            "Listed",
            "SamePerson",
            "UnknownModel",
            "WrongModelState",
            "approve",
            "approved",
            "keep",
            "listed",
        ),
        *("read_model", "retire"),
    ),
}

__all__ = [
    "KINDS",
    "STATES_ZH",
    "Listed",
    "SamePerson",
    "UnknownModel",
    "WrongModelState",
    "address_evidence",
    "approve",
    "approved",
    "contact_evidence",
    "debtor_evidence",
    "features_of",
    "keep",
    "listed",
    "read_model",
    "retire",
]


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"songda.feedback.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
