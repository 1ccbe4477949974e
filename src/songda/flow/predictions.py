"""What models, or the rules in their place, have said of each letter when it was decided on: kept, told, and learnt from.

keep_predictions(connection, tenant, letters, labels, on=day)          # with the decision, in its transaction
predictions_of(connection, tenant, person_id)                          # why, without a name or an address
comparable(connection, tenant, until=day)                              # who was to be sent a letter, as they stood, and what they paid
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection, select

from songda.base import ids
from songda.flow.tenants import Tenant
from songda.flow.worth import HOLD_OUT
from songda.models import selection, sending, vitality
from songda.store import insert_missing, tables

#: Days after the day of a letter within which a payment counts.
PAYS_WITHIN: Final = 90
_NOTHING: Final[Mapping[str, Any]] = {
    "chance": None,
    "value_fen": None,
    "propensity": None,
    "explored": False,
    "reasons": [],
    "inputs": None,
}

_p, _l = tables.prediction.c, tables.letter.c


def keep_predictions(
    connection: Connection,
    tenant: Tenant,
    letters: Iterable[Mapping[str, Any]],
    labels: Mapping[str, str],
    *,
    on: date,
) -> None:
    """One row a kind and letter that had a lawful address. Repeats of the same day meet themselves."""
    secret = tenant.key.id_secret()
    rows = [
        {
            "id": ids.derive("pre", on, secret, letter["id"], kind),
            "letter_id": letter["id"],
            "kind": kind,
            "model": labels[kind],
            "record_id": letter["record"],
            "on_day": on,
            **_NOTHING,
            **said,
        }
        for letter in letters
        if letter["propensity"] is not None
        for kind, said in _said(letter)
    ]
    insert_missing(connection, tables.prediction, rows)


def _said(letter: Mapping[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    yield (
        selection.KIND,
        {
            "chance": letter["chance"],
            "propensity": letter["propensity"],
            "explored": bool(letter["explored"]),
            "reasons": letter["why"] or [],
        },
    )
    yield vitality.KIND, {"chance": letter["alive"]}
    if letter["sending"] is not None or letter["value_fen"] is not None:
        said = {"value_fen": letter["value_fen"], "propensity": letter["sending"], "inputs": letter["inputs"]}
        yield sending.KIND, said


def predictions_of(connection: Connection, tenant: Tenant, person_id: str) -> list[dict[str, Any]]:
    """What was said of the letters to a person, the oldest first; no name, no address."""
    columns = (
        _p.kind,
        _p.model,
        _p.record_id,
        _p.chance,
        _p.value_fen,
        _p.propensity,
        _p.explored,
        _p.reasons,
        _p.on_day,
    )
    query = (
        select(_l.letter_no, *columns)
        .join(tables.letter, _l.id == _p.letter_id)
        .where(_l.tenant_id == tenant.id, _l.person_id == person_id)
        .order_by(_p.on_day, _p.id)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def propensities(connection: Connection, tenant: Tenant) -> dict[tuple[str, str], float]:
    """(letter, address record) → the chance with which that address was to come first."""
    query = (
        select(_p.letter_id, _p.record_id, _p.propensity)
        .join(tables.letter, _l.id == _p.letter_id)
        .where(_l.tenant_id == tenant.id, _p.kind == selection.KIND, _p.propensity.is_not(None))
    )
    return {(row.letter_id, row.record_id): row.propensity for row in connection.execute(query)}


def comparable(connection: Connection, tenant: Tenant, *, until: date) -> pl.DataFrame:
    """One row a letter that was to be sent and whose time to pay is over on the day `until`.

    Columns: person_id, sent (false: held out), propensity (of being sent), paid, and songda.models.sending.FEATURES as they stood.
    Whoever was to be sent a letter counts as sent, also where it was stopped before it was posted: those who pay early are stopped.
    """
    query = (
        select(_l.person_id, _l.letter_date, _l.reasons, _p.propensity, _p.inputs)
        .join(tables.letter, _l.id == _p.letter_id)
        .where(
            _l.tenant_id == tenant.id,
            _p.kind == sending.KIND,
            _p.propensity.is_not(None),
            _l.letter_date <= until - timedelta(days=PAYS_WITHIN),
        )
        .order_by(_l.id)
    )
    # Nothing is left of those who were erased.
    rows = [row for row in connection.execute(query) if row.inputs is not None]
    paid = _payments(connection, tenant)
    schema = {"person_id": pl.String(), "sent": pl.Boolean(), "propensity": pl.Float64(), "paid": pl.Boolean()}
    told = [
        {
            "person_id": row.person_id,
            "sent": row.reasons != [HOLD_OUT],
            "propensity": row.propensity,
            "paid": any(
                row.letter_date < day <= row.letter_date + timedelta(days=PAYS_WITHIN)
                for day in paid.get(row.person_id, ())
            ),
            **row.inputs,
        }
        for row in rows
    ]
    return pl.DataFrame(told, schema=schema | dict.fromkeys(sending.FEATURES, pl.Float64()))


def _payments(connection: Connection, tenant: Tenant) -> dict[str, list[date]]:
    """Person → days of payments."""
    p, c = tables.payment.c, tables.case.c
    query = (
        select(c.person_id, p.paid_on)
        .join(tables.case, c.id == p.case_id)
        .where(p.tenant_id == tenant.id, p.amount_fen > 0)
    )
    found: dict[str, list[date]] = {}
    for person, day in connection.execute(query):
        found.setdefault(person, []).append(day)
    return found
