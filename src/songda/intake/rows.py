"""One row of a case file: cells in, a case with its addresses and contacts out, or everything that is wrong with it.

reader = RowReader(layout, as_of=date(2026, 11, 24))
read = reader.read(12, cells)
read.problems or read.case["principal_fen"]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import orjson

from songda.intake.cells import Cell, Reading, clean, reader
from songda.intake.fields import fold, single_fields, words
from songda.intake.headers import Column, Layout, field_number
from songda.intake.identity import doubtful_id
from songda.intake.own import OWN
from songda.intake.problems import BadCell, Problem, problem

#: Field of headers.toml → column of the CASES schema, where they differ.
_CASE_COLUMNS = {
    "loan_amount": "loan_amount_fen",
    "principal": "principal_fen",
    "interest": "interest_fen",
    "penalty": "penalty_fen",
    "fees": "fees_fen",
    "paid": "paid_fen",
}
#: Days that may not lie the other way round: (earlier, later).
_ORDERED_DAYS = (
    ("disbursed_on", "due_on"),
    ("disbursed_on", "overdue_since"),
    ("disbursed_on", "limitation_event_on"),
    ("disbursed_on", "amount_on"),
    ("overdue_since", "amount_on"),
)
_PHONE_LIMIT = 10
_ADDRESS_FACTS = ("origin", "basis", "recorded_on", "expires_on", "owner_role")


@dataclass(slots=True)
class Read:
    """What one row says. With problems, the row is refused and the rest is not used."""

    case: dict[str, Any] = field(repr=False)
    addresses: list[dict[str, Any]] = field(repr=False)
    contacts: list[dict[str, Any]] = field(repr=False)
    problems: list[Problem]
    warnings: list[Problem]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one column is read."""

    index: int
    header: str
    key: str
    kind: str
    read: Callable[[Cell, Reading], Any]
    reading: Reading


class RowReader:
    """Reads the rows of one sheet; made once a file, so that a row costs only its cells."""

    def __init__(self, layout: Layout, *, as_of: date) -> None:
        self._plans = [_plan(column, as_of=as_of) for column in layout.columns]
        self._stated_origins = layout.stated_origins
        self._headers = {column.field.key: column.header for column in layout.columns}
        present = set(self._headers)
        self._required = [each for each in single_fields() if each.need == "required"]
        self._facts = [each for each in single_fields() if each.need == "fact" and each.key in present]
        self._address_numbers = sorted(
            field_number(key) for key in present if key.startswith("address") and key.endswith(".text")
        )
        self._not_addresses = frozenset(fold(word) for word in words("no_address")["words"])

    def read(self, row_no: int, cells: Sequence[Cell]) -> Read:
        """Everything that the row says and everything that is wrong with it, in the order of its columns."""
        values: dict[str, Any] = {}
        problems: list[Problem] = []
        bad: set[str] = set()
        width = len(cells)
        for plan in self._plans:
            cell = cells[plan.index] if plan.index < width else ""
            if cell == "" or cell is None:
                continue
            try:
                kept = clean(cell, kind=plan.kind)
                if kept is not None:
                    values[plan.key] = plan.read(kept, plan.reading)
            except BadCell as error:
                bad.add(plan.key)
                problems.append(problem(error.code, row_no=row_no, column=plan.header, **error.data))
        result = Read({}, [], [], problems, [])
        self._require(row_no, values, bad, result)
        self._addresses(row_no, values, bad, result)
        if not problems:
            self._case(row_no, values, result)
            self._contacts(row_no, values, result)
        self._cross_check(row_no, values, result)
        return result

    def _require(self, row_no: int, values: Mapping[str, Any], bad: set[str], result: Read) -> None:
        for each in self._required:
            if each.key not in values and each.key not in bad:
                column = self._headers.get(each.key, each.label)
                result.problems.append(problem("missing", row_no=row_no, column=column, label=each.label))

    def _addresses(self, row_no: int, values: Mapping[str, Any], bad: set[str], result: Read) -> None:
        for number in self._address_numbers:
            key = f"address{number}"
            header = self._headers[f"{key}.text"]
            text = values.get(f"{key}.text")
            facts = {part: values.get(f"{key}.{part}") for part in _ADDRESS_FACTS}
            if text is None:
                if any(value is not None for value in facts.values()) and f"{key}.text" not in bad:
                    result.warnings.append(problem("orphan_detail", row_no=row_no, column=header, label=header))
                continue
            if fold(text) in self._not_addresses:
                result.warnings.append(problem("no_address_text", row_no=row_no, column=header, label=header))
                continue
            # A filled origin column says it for this row; else the header may have said it for the whole column.
            facts["origin"] = facts["origin"] or self._stated_origins.get(number)
            for part, value in facts.items():
                column = self._headers.get(f"{key}.{part}")
                if value is None and column is not None:
                    result.warnings.append(problem("fact_missing", row_no=row_no, column=column, label=column))
            result.addresses.append({"row_no": row_no, "ordinal": number, "text": text, **facts})
        if not result.addresses and not any(key.startswith("address") for key in bad):
            result.problems.append(problem("no_address", row_no=row_no, column=self._headers_of_addresses()))

    def _headers_of_addresses(self) -> str:
        return "、".join(self._headers[f"address{number}.text"] for number in self._address_numbers)

    def _case(self, row_no: int, values: Mapping[str, Any], result: Read) -> None:
        case: dict[str, Any] = {"row_no": row_no}
        numbers: list[str] = []
        own: dict[str, list[Any]] = {}
        for key, value in values.items():
            if key.startswith("phone"):
                numbers += value
            elif key.startswith(OWN):
                type_, _, name = key.removeprefix(OWN).partition(":")
                own[name] = [type_, value]
            elif "." not in key:
                case[_CASE_COLUMNS.get(key, key)] = value
        case["phones"] = list(dict.fromkeys(numbers)) or None
        # One text, as the names differ from firm to firm; days in ISO, as a profile states them.
        case["own_values"] = orjson.dumps(own, option=orjson.OPT_SORT_KEYS).decode() if own else None
        result.case = case
        for each in self._facts:
            # Without an assignment there is no notice to wait for.
            if values.get(each.key) is None and not (
                each.key == "assignment_notice_arrived" and values.get("assigned") is False
            ):
                column = self._headers[each.key]
                result.warnings.append(problem("fact_missing", row_no=row_no, column=column, label=column))

    def _contacts(self, row_no: int, values: Mapping[str, Any], result: Read) -> None:
        found: dict[int, dict[str, Any]] = {}
        for key, value in values.items():
            if key.startswith("contact") and "." in key:
                found.setdefault(field_number(key), {})[key.partition(".")[2]] = value
        for number, said in sorted(found.items()):
            if "name" not in said:
                label = f"联系人{number}"
                column = next(h for k, h in self._headers.items() if k.startswith(f"contact{number}."))
                result.warnings.append(problem("contact_without_name", row_no=row_no, column=column, label=label))
            result.contacts.append({"row_no": row_no, "ordinal": number, **said})

    def _cross_check(self, row_no: int, values: Mapping[str, Any], result: Read) -> None:
        for earlier, later in _ORDERED_DAYS:
            if earlier in values and later in values and values[earlier] > values[later]:
                labels = {"earlier": self._headers[earlier], "later": self._headers[later]}
                result.problems.append(problem("day_order", row_no=row_no, column=labels["earlier"], **labels))
        if values.get("promises_kept", 0) > values.get("promises_made", values.get("promises_kept", 0)):
            column = self._headers["promises_kept"]
            result.problems.append(problem("promises_kept", row_no=row_no, column=column))
        phone_count = len({number for key, value in values.items() if key.startswith("phone") for number in value})
        if phone_count > _PHONE_LIMIT:
            result.problems.append(problem("phone_count", row_no=row_no, column="", limit=_PHONE_LIMIT))
        if "id_number" in values and doubtful_id(values["id_number"]):
            column = self._headers["id_number"]
            result.warnings.append(problem("id_maybe_cut", row_no=row_no, column=column))
        if "loan_amount" in values and values.get("principal", 0) > values["loan_amount"]:
            column = self._headers["principal"]
            result.warnings.append(problem("principal_above_loan", row_no=row_no, column=column))


def _plan(column: Column, *, as_of: date) -> _Plan:
    kind = column.field.kind
    reading = Reading(as_of=as_of, when=column.field.when, percent=column.percent)
    return _Plan(column.index, column.header, column.field.key, kind, reader(kind), reading)
