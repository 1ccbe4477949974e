"""What a migration does to the rows that were there before it, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, insert, inspect, select, text

from songda import store
from songda.store import tables

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


def alembic(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(store.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def a_letter(connection: Connection) -> None:
    rows: dict[str, dict[str, Any]] = {
        "tenant": {"id": "ten_1", "name": "t", "data_key": b"", "created_at": NOW},
        "batch": {"id": "bat_1", "tenant_id": "ten_1", "file_sha256": "0", "as_of": NOW.date(), "state": "decided"},
        "person": {"id": "per_1", "tenant_id": "ten_1", "lookup": "0", "sealed": b"", "state": "active"},
        "case": {"id": "cas_1", "tenant_id": "ten_1", "batch_id": "bat_1", "person_id": "per_1", "row_no": 1}
        | {"lookup": "0", "sealed": b""},
        "address_record": {"id": "adr_1", "person_id": "per_1", "case_id": "cas_1", "ordinal": 1},
        "letter": {"id": "ltr_1", "tenant_id": "ten_1", "batch_id": "bat_1", "person_id": "per_1", "kind": "reminder"}
        | {"state": "active", "amount_fen": 1},
        "attempt": {"id": "att_1", "letter_id": "ltr_1", "n": 1, "state": "posted", "address_record_id": "adr_1"}
        | {"place": "p"},
    }
    for name, row in rows.items():
        connection.execute(insert(tables.metadata.tables[name]), row)


def test_the_offices_of_facts_told_before_are_filled_in(database: Engine) -> None:
    with database.begin() as connection:
        a_letter(connection)
        for number, event in enumerate(({"office": "31000100", "op_code": "306"}, {"op_code": "203"}), 1):
            row = {"id": f"fct_{number}", "attempt_id": "att_1", "event_key": str(number), "op_time": NOW}
            row |= {"received_at": NOW, "arrival": number, "event": event, "raw": b"", "raw_sha256": "0"}
            connection.execute(insert(tables.fact), row)
    with database.begin() as connection:
        command.downgrade(alembic(connection), "0005")
        assert "courier_report" not in inspect(connection).get_table_names()
    with database.begin() as connection:
        command.upgrade(alembic(connection), "head")
        offices = connection.scalars(select(tables.fact.c.office).order_by(tables.fact.c.arrival)).all()
        assert connection.scalar(text("SELECT count(*) FROM courier_report")) == 0
    assert offices == ["31000100", None]
