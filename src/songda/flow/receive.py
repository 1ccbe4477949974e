"""First stage: rows of a case file become sealed persons, cases and address records.

One chunk of rows is one transaction that also moves the batch's `next_row`: a crash loses at most the chunk in hand, and the
derived ids make a repeated chunk meet itself (docs/decisions/001-derived-ids.md).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import date, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any

import orjson
import polars as pl
from sqlalchemy import Connection, Engine, func, insert, select, update

from songda.base import ids
from songda.base.processes import map_ahead
from songda.contacts import plain_number
from songda.flow.links import read_frame
from songda.flow.own_values import declared_types
from songda.flow.sealed import LASTING, open_person, open_rejected, seal_case, seal_person, seal_rejected
from songda.flow.summary import AddressQuality, Level, address_quality
from songda.flow.tenants import Tenant
from songda.intake import Chunk, RejectedRow, Sheet, read_cases, sniff
from songda.places import group_places, identity_key, place_type
from songda.store import Conflict, chunks, hold_person_keys, insert_missing, move, tables, upsert
from songda.vault import PersonKey

#: Columns of a case that hold no person and go into the table as they are.
_PLAIN = (
    *("product", "role", "loan_amount_fen", "principal_fen", "interest_fen", "penalty_fen", "fees_fen", "paid_fen"),
    *("amount_on", "disbursed_on", "due_on", "overdue_since", "annual_cost", "limitation_event_on", "state"),
    *("promises_made", "promises_kept", "last_answered_on"),
    *("dispute_open", "debtor_state", "debtor_flags", "assigned", "assignment_notice_arrived", "credit_notice_given"),
)

#: Parts of a standard address that the letter, the waybill and a second attempt need.
_PARTS = (
    *(
        "province",
        "city",
        "district",
        "town",
        "village",
        "group",
        "road",
        "road_no",
        "poi",
        "building",
        "unit",
        "floor",
    ),
    *("room", "standard", "label", "postcode"),
)


def open_batch(engine: Engine, tenant: Tenant, path: Path, *, as_of: date, drill: bool) -> tuple[str, Sheet]:
    """The batch of this file, made on first sight: the same file is always the same batch."""
    sheet = sniff(path, mapping=tenant.profile.columns)
    b = tables.batch
    with engine.begin() as connection:
        known = connection.execute(
            select(b.c.id).where(b.c.tenant_id == tenant.id, b.c.file_sha256 == sheet.sha256)
        ).first()
        if known:
            return str(known.id), sheet
        batch_id = ids.derive("bat", as_of, tenant.key.id_secret(), sheet.sha256)
        connection.execute(
            insert(b),
            {
                "id": batch_id,
                "tenant_id": tenant.id,
                "file_sha256": sheet.sha256,
                "as_of": as_of,
                "state": "receiving",
                "version": 0,
                "next_row": 0,
                "rows": 0,
                "drill": drill,
                "figures": {},
            },
        )
    return batch_id, sheet


def receive(
    engine: Engine,
    tenant: Tenant,
    path: Path,
    *,
    batch_id: str,
    sheet: Sheet,
    at: datetime,
    workers: int = 1,
    progress: Callable[[int], None] = lambda rows: None,
) -> None:
    """Reads the file to its end from where an earlier run stopped, and moves the batch to `received`.

    Addresses of long files are read in `workers` processes while the next rows are read here.
    """
    with engine.connect() as connection:
        batch = connection.execute(select(tables.batch).where(tables.batch.c.id == batch_id)).one()
    if batch.state != "receiving":
        return
    figures = dict(batch.figures)
    rows = read_cases(
        path,
        as_of=batch.as_of,
        mapping=tenant.profile.columns,
        start_row=batch.next_row or None,
        sha256=sheet.sha256,
        own=declared_types(tenant),
    )
    for chunk, standard in _standardised(rows, workers=workers):
        figures = _count(figures, chunk, address_quality(standard))
        with engine.begin() as connection:
            _store(connection, tenant, batch_id, chunk, standard, at=at)
            changed = connection.execute(
                update(tables.batch)
                .where(tables.batch.c.id == batch_id, tables.batch.c.next_row <= chunk.first_row)
                .values(next_row=chunk.last_row + 1, figures=figures)
            ).rowcount
            if changed != 1:
                raise Conflict(object="batch", count=1)
        progress(chunk.last_row)
    with engine.connect() as connection:
        figures |= _whole_file(connection, batch_id)
    with engine.begin() as connection:
        move(
            connection,
            "batch",
            [(batch_id, batch.version)],
            source="receiving",
            target="received",
            actor="intake",
            reason="end_of_file",
            at=at,
            values=[{"figures": figures}],
        )


def _whole_file(connection: Connection, batch_id: str) -> dict[str, int]:
    """Figures that need all rows of the batch together. Counted once: a newer file takes over the cases that it repeats."""
    a, c = tables.address_record.c, tables.case.c
    query = (
        select(a.id.label("record"), a.person_id, a.place, a.place_keys, a.level, a.recorded_on)
        .join(tables.case, c.id == a.case_id)
        .where(c.batch_id == batch_id)
    )
    records = read_frame(connection, query)
    grouped = group_places(records).filter(pl.col("place").is_not_null())
    debtors = select(func.count(c.person_id.distinct())).where(c.batch_id == batch_id)
    return {
        "debtors": connection.scalar(debtors) or 0,
        "standardised": records.filter(pl.col("level").fill_null("none") != "none").height,
        # Texts that repeat a place of the same debtor.
        "merged": grouped.height - grouped.select("person_id", "place").n_unique(),
    }


def _standardised(rows: Iterator[Chunk], *, workers: int) -> Iterator[tuple[Chunk, pl.DataFrame]]:
    """Each chunk with its standard addresses, in order."""
    from songda.address import standardize

    head = list(islice(rows, 2))
    waiting: deque[Chunk] = deque()

    def texts() -> Iterator[pl.Series]:
        for chunk in chain(head, rows):
            waiting.append(chunk)
            yield chunk.addresses["text"]

    # A short file is read before other processes have started.
    for standard in map_ahead(standardize, texts(), workers=workers if len(head) == 2 else 1):
        yield waiting.popleft(), standard


def rejected_rows(engine: Engine, tenant: Tenant, batch_id: str) -> list[RejectedRow]:
    """The rows that were refused, opened again for rejected.xlsx."""
    r = tables.rejected_row
    with engine.connect() as connection:
        rows = connection.execute(select(r).where(r.c.batch_id == batch_id).order_by(r.c.row_no)).all()
    return [open_rejected(tenant.key, row.sealed, batch_id=batch_id, row_no=row.row_no) for row in rows]


def _store(
    connection: Connection, tenant: Tenant, batch_id: str, chunk: Chunk, standard: pl.DataFrame, *, at: datetime
) -> None:
    cases = chunk.cases.to_dicts()
    contacts = _by_row(chunk.contacts.to_dicts())
    addresses = _by_row(
        {**given, "parts": parts} for given, parts in zip(chunk.addresses.to_dicts(), standard.to_dicts(), strict=True)
    )
    secret = tenant.key.id_secret()
    persons: dict[str, dict[str, Any]] = {}
    lookups = {number: tenant.key.blind_index("id_number", number) for number in {case["id_number"] for case in cases}}
    persons_of = {number: ids.derive("per", LASTING, secret, lookup) for number, lookup in lookups.items()}
    wrapped = hold_person_keys(connection, persons_of.values(), make=tenant.key.new_person_key)
    for person_id in wrapped:
        tenant.key.forget_person(person_id)
    keys = {person_id: tenant.key.open_person_key(person_id, sealed) for person_id, sealed in wrapped.items()}
    case_rows: list[dict[str, Any]] = []
    address_rows: list[dict[str, Any]] = []
    contact_rows: list[dict[str, Any]] = []
    for case in cases:
        lookup, person_id = lookups[case["id_number"]], persons_of[case["id_number"]]
        case_lookup = tenant.key.blind_index("case_no", case["case_no"])
        case_id = ids.derive("cas", LASTING, secret, case_lookup)
        person = persons.setdefault(person_id, {"lookup": lookup, "cases": [], "addresses": {}})
        person["cases"].append(case)
        row_contacts = contacts.get(case["row_no"], [])
        case_rows.append(
            {
                "id": case_id,
                "tenant_id": tenant.id,
                "batch_id": batch_id,
                "person_id": person_id,
                "row_no": case["row_no"],
                "lookup": case_lookup,
                "sealed": seal_case(keys[person_id], case_id, case, row_contacts),
                **{name: case[name] for name in _PLAIN},
            }
        )
        for address in addresses.get(case["row_no"], []):
            record_id = ids.derive("adr", LASTING, secret, case_id, address["ordinal"], _fingerprint(tenant, address))
            person["addresses"][record_id] = {name: address["parts"][name] for name in _PARTS} | {
                "text": address["text"]
            }
            address_rows.append(_address_row(tenant, record_id, person_id, case_id, address))
        provinces = {address["parts"]["province"] for address in addresses.get(case["row_no"], [])} - {None}
        for contact in row_contacts:
            contact_rows.append(_contact_row(tenant, person_id, case_id, case["name"], provinces, contact))
    _store_persons(connection, tenant, persons, keys, at=at)
    upsert(connection, tables.case, case_rows)
    insert_missing(connection, tables.address_record, address_rows)
    upsert(connection, tables.contact_record, contact_rows)
    insert_missing(
        connection,
        tables.rejected_row,
        [
            {
                "batch_id": batch_id,
                "row_no": row.row_no,
                "codes": [problem.code for problem in row.problems],
                "sealed": seal_rejected(tenant.key, row, batch_id=batch_id),
            }
            for row in chunk.rejected
        ],
    )


def _store_persons(
    connection: Connection,
    tenant: Tenant,
    persons: dict[str, dict[str, Any]],
    keys: Mapping[str, PersonKey],
    *,
    at: datetime,
) -> None:
    known: dict[str, Any] = {}
    for part in chunks(list(persons)):
        found = connection.execute(select(tables.person).where(tables.person.c.id.in_(part)))
        known |= {row.id: row for row in found}
    tenant.key.of_persons(list(known))
    rows = [
        _person_row(tenant, person_id, person, known.get(person_id), key=keys[person_id])
        for person_id, person in persons.items()
    ]
    upsert(connection, tables.person, [row for row, _ in rows])
    move(
        connection,
        "person",
        [(row["id"], row["version"]) for row, _ in rows if row["state"] == "erased"],
        source="erased",
        target="active",
        actor="intake",
        reason="delivered_again",
        at=at,
    )
    move(
        connection,
        "person",
        [(row["id"], row["version"]) for row, conflict in rows if conflict and row["state"] == "active"],
        source="active",
        target="name_conflict",
        actor="intake",
        reason="two_names",
        at=at,
    )


def _person_row(
    tenant: Tenant, person_id: str, person: dict[str, Any], known: Any, *, key: PersonKey
) -> tuple[dict[str, Any], bool]:
    """The person's row, and whether another name came for it: then nobody writes to it before a person has looked."""
    first = person["cases"][0]
    record: dict[str, Any] = {"name": first["name"], "id_number": first["id_number"], "phones": [], "addresses": {}}
    state, version = "active", 0
    if known is not None:
        state, version = known.state, known.version + 1
        # Whoever was erased is a new person, under a new key; only the index of the ID number is the same.
        record = record if state == "erased" else open_person(tenant.key, person_id, known.sealed)
    conflict = any(case["name"] != record["name"] for case in person["cases"])
    phones = (phone for case in person["cases"] for phone in case["phones"] or ())
    record["phones"] = list(dict.fromkeys([*record["phones"], *phones]))
    record["addresses"] |= person["addresses"]
    row = {
        "id": person_id,
        "tenant_id": tenant.id,
        "lookup": person["lookup"],
        "sealed": seal_person(key, person_id, record),
        "birth_year": int(record["id_number"][6:10]),
        "state": state,
        "version": version,
    }
    return row, conflict


def _address_row(
    tenant: Tenant, record_id: str, person_id: str, case_id: str, address: dict[str, Any]
) -> dict[str, Any]:
    parts = address["parts"]
    keys = parts["place_keys"] or ()
    identity = identity_key(keys)
    return {
        "id": record_id,
        "person_id": person_id,
        "case_id": case_id,
        **{name: address[name] for name in ("ordinal", "origin", "basis", "recorded_on", "expires_on", "owner_role")},
        "place": tenant.key.blind_index("place", identity) if identity else None,
        "place_keys": [tenant.key.blind_index("place", key) for key in keys],
        **{name: parts[name] for name in ("adcode", "level", "completeness", "confidence", "issues")},
        "place_type": place_type(
            **{name: parts[name] for name in ("village", "group", "poi", "room")}, text=parts["standard"]
        ),
        "quality": None,
    }


def _contact_row(
    tenant: Tenant, person_id: str, case_id: str, debtor: str, provinces: set[str], contact: dict[str, Any]
) -> dict[str, Any]:
    """What can be compared of a contact without knowing who it is."""
    name, phone, region = contact["name"], contact["phone"], contact["region"]
    return {
        "id": ids.derive("con", LASTING, tenant.key.id_secret(), case_id, contact["ordinal"]),
        "person_id": person_id,
        "case_id": case_id,
        "ordinal": contact["ordinal"],
        # As permits name it (songda.flow.contact_facts.index_of).
        "number": tenant.key.blind_index("phone", plain_number(phone)) if phone else None,
        **{key: contact[key] for key in ("relation", "named_by", "number_state", "answer")},
        "same_surname": name.startswith(debtor[:1]) if name else None,
        # 山东 and 山东省 are one; every province's first two characters are its own.
        "known_region": any(region[:2] == province[:2] for province in provinces) if region and provinces else None,
    }


def _fingerprint(tenant: Tenant, address: dict[str, Any]) -> str:
    return tenant.key.blind_index("address_text", orjson.dumps([address["text"], address["recorded_on"]]).decode())


def _by_row(rows: Iterable[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    grouped: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        grouped.setdefault(row["row_no"], []).append(row)
    return grouped


def _count(figures: dict[str, Any], chunk: Chunk, quality: AddressQuality) -> dict[str, Any]:
    return {
        **figures,
        "cases": figures.get("cases", 0) + chunk.cases.height,
        "addresses": figures.get("addresses", 0) + chunk.addresses.height,
        "rejected_rows": figures.get("rejected_rows", 0) + len(chunk.rejected),
        "quality": asdict(quality_of(figures) + quality),
    }


def quality_of(figures: dict[str, Any]) -> AddressQuality:
    """The address quality that the batch's figures hold."""
    given = figures.get("quality")
    return (
        AddressQuality(**{**given, "levels": tuple(Level(**level) for level in given["levels"])})
        if given
        else AddressQuality()
    )
