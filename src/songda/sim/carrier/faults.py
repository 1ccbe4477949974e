"""The menu of faults: what can go wrong on the way to and from the carrier, on order.

{"kind": "reset_after", "count": 3}                       the next three calls
{"kind": "truncated", "probability": 0.05}                five calls in a hundred
{"kind": "refuse", "api_code": "020003", "count": 1, "code": "B00123", "message": "…"}
"""

from __future__ import annotations

import random
import tomllib
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from songda.sim.carrier.chains import MAGIC


class Kind(StrEnum):
    #: The answer comes `seconds` later.
    LATENCY = "latency"
    #: The connection is reset before the call is processed: nothing happened.
    RESET_BEFORE = "reset_before"
    #: The call is processed, then the connection is reset.
    RESET_AFTER = "reset_after"
    #: HTML error page with `status`, call not processed.
    HTML_BEFORE = "html_before"
    #: HTML error page with `status`, call processed.
    HTML_AFTER = "html_after"
    #: Processed, and the answer never comes.
    DROP_ANSWER = "drop_answer"
    #: Processed; half of the JSON comes as a complete HTTP answer.
    TRUNCATED = "truncated"
    #: Processed; the connection breaks in the middle of the body.
    CUT = "cut"
    #: Processed; the answer is GBK text.
    GBK = "gbk"
    #: Processed; the answer is about another order or item.
    OTHER_NUMBER = "other_number"
    #: Business refusal with `code` and `message`, not processed.
    REFUSE = "refuse"
    #: Pushes: sent twice, in another order, or not at all.
    PUSH_TWICE = "push_twice"
    PUSH_SHUFFLED = "push_shuffled"
    PUSH_NEVER = "push_never"


@dataclass(slots=True, kw_only=True)
class Fault:
    kind: Kind
    #: How many more calls it strikes; None: without end.
    count: int | None = None
    probability: float = 1.0
    #: Only this operation; None: any.
    api_code: str | None = None
    seconds: float = 0.0
    status: int = 502
    #: `Retry-After` of an error page, seconds.
    retry_after: int | None = None
    code: str = "99999"
    message: str = "系统繁忙"

    def __post_init__(self) -> None:
        self.kind = Kind(self.kind)
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError("a probability lies between 0 and 1")


@cache
def _ordered() -> dict[str, dict[str, Any]]:
    table = tomllib.loads(files("songda.sim.carrier").joinpath("faults.toml").read_text(encoding="utf-8"))
    return {row.pop("number"): row for row in table["fault"]}


def ordered_fault(mobile: str) -> Fault | None:
    """The fault that an order for this mobile brings upon itself (faults.toml)."""
    settings = _ordered().get(mobile.removeprefix(MAGIC)) if mobile.startswith(MAGIC) else None
    return None if settings is None else Fault(**settings)


def magic_faults() -> list[tuple[str, str]]:
    """(mobile, kind of the fault that it orders)."""
    return sorted((MAGIC + number, f"fault: {settings['kind']}") for number, settings in _ordered().items())


def fault_kinds() -> list[str]:
    """The menu."""
    return [kind.value for kind in Kind]


#: Faults under which a call is not processed.
BEFORE = frozenset({Kind.RESET_BEFORE, Kind.HTML_BEFORE, Kind.REFUSE})


class Menu:
    """The faults in force; draws are reproducible by `seed`."""

    def __init__(self, seed: int = 0) -> None:
        self._faults: list[Fault] = []
        self._random = random.Random(seed)
        #: How often each kind has struck.
        self.struck: dict[str, int] = {}

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def clear(self) -> None:
        self._faults.clear()

    def listed(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self._faults]

    def strike(self, *, api_code: str) -> list[Fault]:
        """The faults that strike one call of `api_code` (push: 040002), in the order of their entry."""
        if not self._faults:
            return []
        push = api_code == "040002"
        struck = [
            fault
            for fault in self._faults
            if fault.kind.value.startswith("push_") == push
            and fault.api_code in {None, api_code}
            and fault.count != 0
            and (fault.probability >= 1.0 or self._random.random() < fault.probability)
        ]
        for fault in struck:
            self.struck[fault.kind.value] = self.struck.get(fault.kind.value, 0) + 1
            if fault.count is not None:
                fault.count -= 1
        self._faults = [fault for fault in self._faults if fault.count != 0]
        return struck
