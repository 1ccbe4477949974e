"""What is kept about a person, for the person: everything in one file that only the one who asked for it can open; and why.

    told = kept_about(engine, tenant, case_no="AN-0001", at=now)                 # never written down in the clear
    disclose(engine, tenant, case_no="AN-0001", recipient="age1…", to=path, by="dpo-1", at=now)
    explain(engine, tenant, case_no="AN-0001")                                   # ids, codes and rules; no person

Whether the one who asks is the person, somebody has checked before (个人信息保护法 §45, §50): the file is encrypted to a key of
theirs, or of the one who hands it over, and that it was made stands in the audit log first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, select

from songda.flow.audit import write_audit
from songda.flow.contacts import permits_told, person_of
from songda.flow.handoff import to_age_key
from songda.flow.judged import decisions_of_letter
from songda.flow.predictions import predictions_of
from songda.flow.sealed import open_case, open_person
from songda.flow.tenants import Tenant
from songda.store import tables
from songda.vault.durable import new_file

_c, _r, _l, _n = tables.case.c, tables.address_record.c, tables.letter.c, tables.attempt.c
_p, _a, _s = tables.person.c, tables.recipient_answer.c, tables.stop_order.c
#: Columns that say nothing to anybody outside: keys, blind indexes, places of blobs.
_INSIDE = frozenset(
    (
        "sealed",
        "lookup",
        "tenant_id",
        "batch_id",
        "person_id",
        "place",
        "place_keys",
        "check_token_hash",
        "version",
        "segment",
        "offset",
        "length",
        "model_length",
        "quality",
        "look_at",
        "asked_at",
        "revision",
    )
)


def kept_about(engine: Engine, tenant: Tenant, *, case_no: str, at: datetime) -> dict[str, Any]:
    """All that is kept about the debtor of a case at this institution. Raises UnknownCase, PersonErased."""
    with engine.connect() as connection:
        person_id = person_of(connection, tenant, case_no)
        row = connection.execute(select(tables.person).where(_p.id == person_id)).one()
        letters = _rows(connection, tables.letter, _l.person_id == person_id)
        return {
            "institution": tenant.profile.institution.name,
            "made_at": at.isoformat(),
            "person": open_person(tenant.key, person_id, row.sealed),
            "cases": [
                {**_plain(case), **open_case(tenant.key, case.id, case.sealed)}
                for case in connection.execute(select(tables.case).where(_c.person_id == person_id).order_by(_c.row_no))
            ],
            "address_records": _rows(connection, tables.address_record, _r.person_id == person_id),
            "letters": [
                {
                    **letter,
                    "attempts": _rows(connection, tables.attempt, _n.letter_id == letter["id"]),
                    "answers": _rows(connection, tables.recipient_answer, _a.letter_id == letter["id"]),
                }
                for letter in letters
            ],
            "stops": _rows(
                connection, tables.stop_order, _s.object_id.in_([person_id, *(letter["id"] for letter in letters)])
            ),
            "payments": _rows(
                connection, tables.payment, tables.payment.c.case_id.in_(select(_c.id).where(_c.person_id == person_id))
            ),
            "permits": permits_told(connection, tenant, person_id, at=at),
            "decisions": _decisions(connection, tenant, letters),
            "predictions": predictions_of(connection, tenant, person_id),
        }


def disclose(
    engine: Engine, tenant: Tenant, *, case_no: str, recipient: str, to: Path, by: str, at: datetime
) -> dict[str, int]:
    """Writes what is kept as JSON, encrypted to `recipient` (age, X25519); returns how much of each kind.

    `by`: id of the one who has checked who asks. Raises UnknownCase, PersonErased, BadRecipient, and what `new_file` raises.
    """
    lock = to_age_key(recipient)
    told = kept_about(engine, tenant, case_no=case_no, at=at)
    counts = {name: len(part) for name, part in told.items() if isinstance(part, list)}
    with engine.begin() as connection:
        person_id = person_of(connection, tenant, case_no)
        write_audit(connection, at=at, actor=by, action="person.disclosed", object_id=person_id, details=counts)
    sealed = lock.close(to.name, json.dumps(told, ensure_ascii=False, indent=1, default=_text).encode())
    with new_file(to) as file:
        file.write(sealed)
    return counts


def explain(engine: Engine, tenant: Tenant, *, case_no: str) -> list[dict[str, Any]]:
    """Each letter to the debtor of a case with the automatic decisions about it, the oldest first. Raises UnknownCase."""
    with engine.connect() as connection:
        person_id = person_of(connection, tenant, case_no)
        return _decisions(connection, tenant, _rows(connection, tables.letter, _l.person_id == person_id))


def _decisions(connection: Connection, tenant: Tenant, letters: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "letter_no": letter["letter_no"],
            "state": letter["state"],
            "decisions": decisions_of_letter(connection, tenant, letter["letter_no"]),
        }
        for letter in letters
        if letter["letter_no"]
    ]


def _rows(connection: Connection, table: Table, about: Any) -> list[dict[str, Any]]:
    return [_plain(row) for row in connection.execute(select(table).where(about).order_by(table.c.id))]


def _plain(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name not in _INSIDE}


def _text(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")
