"""What lies inside the sealed columns: one JSON object a person, a case, a refused row. Opened in memory only.

Persons and cases are sealed under the person's own key, refused rows (of nobody yet) under the tenant's.

person: name, id_number, phones, addresses {address record id → parts, label, standard, postcode, text}
case: case_no, contract_no, product_name, contacts, and own {variable of a template → [type, value]} where the file states any
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

import orjson

from songda.intake import Problem, RejectedRow
from songda.vault import DataKey, PersonKey

#: Day in the ids of persons, cases and address records: they outlive the file that first named them.
LASTING = date(2020, 1, 1)


def seal_person(key: DataKey | PersonKey, person_id: str, record: Mapping[str, Any]) -> bytes:
    return key.seal(orjson.dumps(record), context=f"person:{person_id}")


def open_person(key: DataKey, person_id: str, sealed: bytes) -> dict[str, Any]:
    return _object(key.unseal(sealed, context=f"person:{person_id}"))


def seal_case(
    key: DataKey | PersonKey, case_id: str, case: Mapping[str, Any], contacts: Sequence[Mapping[str, Any]]
) -> bytes:
    record = {name: case[name] for name in ("case_no", "contract_no", "product_name")} | {"contacts": contacts}
    if case.get("own_values"):
        record["own"] = orjson.loads(case["own_values"])
    return key.seal(orjson.dumps(record), context=f"case:{case_id}")


def open_case(key: DataKey, case_id: str, sealed: bytes) -> dict[str, Any]:
    return _object(key.unseal(sealed, context=f"case:{case_id}"))


def seal_rejected(key: DataKey, row: RejectedRow, *, batch_id: str) -> bytes:
    record = {"values": row.values, "problems": [asdict(problem) for problem in row.problems]}
    return key.seal(orjson.dumps(record), context=f"rejected:{batch_id}:{row.row_no}")


def open_rejected(key: DataKey, sealed: bytes, *, batch_id: str, row_no: int) -> RejectedRow:
    record = _object(key.unseal(sealed, context=f"rejected:{batch_id}:{row_no}"))
    problems = tuple(Problem(**problem) for problem in record["problems"])
    return RejectedRow(row_no=row_no, values=tuple(record["values"]), problems=problems)


def _object(text: bytes) -> dict[str, Any]:
    value: dict[str, Any] = orjson.loads(text)
    return value
