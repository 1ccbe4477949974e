"""The models: which address is alive and will be signed for, who is worth a letter, which contact is hardly genuine, who pays.

| number | module | what it says |
| --- | --- | --- |
| 1 | songda.address | standardisation; here only evaluated |
| 2 | selection | chance that somebody who may sign does, at each lawful address |
| 3 | vitality | chance that the debtor can still be reached at a place |
| 4 | signing | who takes a letter, in which window, and whether to call first |
| 5 | sending | whom a letter moves to pay; whom to write to within budget and capacity |
| 6 | contacts | contacts that are hardly genuine, to be left alone |
| 7 | scorecard | points that a person can add up |

One way through each: features → fit → predict → reasons → card. Frames in, arrays out; no database, no clock. Only features of
features.toml; a fitted model holds nothing of any person and is kept as text (LightGBM) or in skops' format (scikit-learn), never as code.

>>> from songda.models import features
>>> "gender" in features.declared()
False
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songda.models import (
        boosting,
        contacts,
        features,
        place_features,
        policy_value,
        scorecard,
        selection,
        sending,
        signing,
        vitality,
    )
    from songda.models.errors import ForbiddenFeature, TooLittleData, UnreadableModel

_MODULES = frozenset(
    {
        *("boosting", "contacts", "features", "place_features", "policy_value", "scorecard", "selection", "sending"),
        *("signing", "vitality"),
    }
)
_ERRORS = frozenset({"ForbiddenFeature", "TooLittleData", "UnreadableModel"})

__all__ = [
    "ForbiddenFeature",
    "TooLittleData",
    "UnreadableModel",
    "boosting",
    "contacts",
    "features",
    "place_features",
    "policy_value",
    "scorecard",
    "selection",
    "sending",
    "signing",
    "vitality",
]


def __getattr__(name: str) -> Any:
    """LightGBM, scikit-learn and SciPy load with the first use, not with the command line."""
    if name in _MODULES:
        return import_module(f"songda.models.{name}")
    if name in _ERRORS:
        return getattr(import_module("songda.models.errors"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
