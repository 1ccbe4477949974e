"""The record: tables, transactions, transitions. SQLite (WAL) by default, PostgreSQL by one setting, same code and same tests.

>>> from songda.base.settings import load
>>> database = open_database(load())                                    # doctest: +SKIP
>>> with database.begin() as connection:                                # doctest: +SKIP
...     move(connection, "letter", ids, source="ready", target="approved", actor="lawyer", reason="batch_signed", at=now)

Nothing readable about a person stands in any column: persons are sealed blobs, everything else holds ids, codes and amounts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songda.store import tables
    from songda.store.audit import append_audit, append_audits, audit_end, read_audit
    from songda.store.data_keys import data_key_reader
    from songda.store.database import DatabaseUnavailable, forget_overwritten, open_database, revision
    from songda.store.events import EVENT_TYPES, Event, count_events, last_position, number_events, read_events
    from songda.store.life import IllegalTransition, Wait, allowed, machine, terminal, wait
    from songda.store.money import (
        Account,
        Cost,
        grant,
        out_of_balance,
        read_accounts,
        read_journal,
        reserve,
        reserved_for,
        take_over,
    )
    from songda.store.person_keys import destroy_person_key, hold_person_keys, person_key_reader
    from songda.store.rows import among, chunks, insert_many, insert_missing, upsert
    from songda.store.transitions import Conflict, history, move

_HOME_OF = {
    "data_key_reader": "data_keys",
    "DatabaseUnavailable": "database",
    "forget_overwritten": "database",
    "open_database": "database",
    "revision": "database",
    "EVENT_TYPES": "events",
    "Event": "events",
    "count_events": "events",
    "last_position": "events",
    "number_events": "events",
    "read_events": "events",
    "Conflict": "transitions",
    "history": "transitions",
    "move": "transitions",
    "IllegalTransition": "life",
    "Wait": "life",
    "allowed": "life",
    "machine": "life",
    "terminal": "life",
    "wait": "life",
    "Account": "money",
    "Cost": "money",
    "grant": "money",
    "out_of_balance": "money",
    "read_accounts": "money",
    "read_journal": "money",
    "reserve": "money",
    "reserved_for": "money",
    "take_over": "money",
    "destroy_person_key": "person_keys",
    "hold_person_keys": "person_keys",
    "person_key_reader": "person_keys",
    "among": "rows",
    "chunks": "rows",
    "insert_many": "rows",
    "insert_missing": "rows",
    "upsert": "rows",
    "append_audit": "audit",
    "append_audits": "audit",
    "audit_end": "audit",
    "read_audit": "audit",
}

__all__ = [
    "EVENT_TYPES",
    "Account",
    "Conflict",
    "Cost",
    "DatabaseUnavailable",
    "Event",
    "IllegalTransition",
    "Wait",
    "allowed",
    "among",
    "append_audit",
    "append_audits",
    "audit_end",
    "chunks",
    "count_events",
    "data_key_reader",
    "destroy_person_key",
    "forget_overwritten",
    "grant",
    "history",
    "hold_person_keys",
    "insert_many",
    "insert_missing",
    "last_position",
    "machine",
    "move",
    "number_events",
    "open_database",
    "out_of_balance",
    "person_key_reader",
    "read_accounts",
    "read_audit",
    "read_events",
    "read_journal",
    "reserve",
    "reserved_for",
    "revision",
    "tables",
    "take_over",
    "terminal",
    "upsert",
    "wait",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "tables":
        return import_module("songda.store.tables")
    if name in _HOME_OF:
        return getattr(import_module(f"songda.store.{_HOME_OF[name]}"), name)
    raise AttributeError(name)
