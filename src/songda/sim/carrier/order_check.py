"""Whether a 020003 order is well formed, by order_fields.toml.

>>> first_fault({"senderNo": "1"})
'createdTime required'
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class _Field:
    required: bool
    values: frozenset[str]
    pattern: re.Pattern[str] | None
    longest: int

    def fault(self, value: object) -> str | None:
        if value is None or value == "":
            return "required" if self.required else None
        if not isinstance(value, str):
            return "must be text"
        if self.values and value not in self.values:
            return "value not allowed"
        if self.pattern is not None and not self.pattern.fullmatch(value):
            return "malformed"
        return "too long" if len(value) > self.longest else None


def _read(table: dict[str, dict[str, Any]]) -> dict[str, _Field]:
    return {
        name: _Field(
            required=rule.get("required", False),
            values=frozenset(rule.get("values", ())),
            pattern=re.compile(rule["pattern"]) if "pattern" in rule else None,
            longest=rule.get("longest", 1000),
        )
        for name, rule in table.items()
    }


_TABLES = tomllib.loads(files("songda.sim.carrier").joinpath("order_fields.toml").read_text(encoding="utf-8"))
_ORDER, _PARTY, _CARGO = (_read(_TABLES[name]) for name in ("order", "party", "cargo"))
_NESTED = frozenset({"sender", "receiver", "cargos"})


def first_fault(order: dict[str, Any]) -> str | None:
    """What is wrong with `order`, naming the field and never its value; None when it is well formed."""
    if fault := _object_fault(order, _ORDER, nested=_NESTED):
        return fault
    for side in ("sender", "receiver"):
        party = order.get(side)
        if not isinstance(party, dict):
            return f"{side} required"
        if fault := party_fault(party):
            return f"{side}.{fault}"
    cargos = order.get("cargos")
    if not isinstance(cargos, list) or not cargos or not all(isinstance(cargo, dict) for cargo in cargos):
        return "cargos required"
    return next((f"cargos.{fault}" for cargo in cargos if (fault := _object_fault(cargo, _CARGO))), None)


def party_fault(party: dict[str, Any]) -> str | None:
    if fault := _object_fault(party, _PARTY):
        return fault
    if not (party.get("mobile") or party.get("phone")):
        return "mobile or phone required"
    # Province and city have their own fields; repeated in the address they end up twice on the label.
    return "address repeats the province" if party["address"].startswith(party["prov"]) else None


def _object_fault(
    value: dict[str, Any], fields: dict[str, _Field], *, nested: frozenset[str] = frozenset()
) -> str | None:
    for name, field in fields.items():
        # Most fields of an order are absent.
        if (field.required or name in value) and (fault := field.fault(value.get(name))):
            return f"{name} {fault}"
    unknown = value.keys() - fields.keys() - nested
    return f"{min(unknown)} unknown" if unknown else None
