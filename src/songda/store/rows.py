"""Rows in bulk: inserts that may be repeated, and lists cut to what a database takes at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import orjson
from sqlalchemy import Boolean, ColumnElement, Connection, Dialect, String, Table, bindparam, insert, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeDecorator, TypeEngine

T = TypeVar("T")

#: Parameters of one IN list; SQLite takes 32,766 and plans faster with fewer.
AT_ONCE = 5000


def chunks(items: Sequence[T], size: int = AT_ONCE) -> Iterator[Sequence[T]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]


def insert_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows whose key does not stand yet and leaves the others as they are.

    For rows with derived ids (docs/decisions/001): a chunk repeated after a crash changes nothing.
    """
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(table).on_conflict_do_nothing(), [dict(row) for row in rows])


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows, or sets all their columns where the primary key stands already: the newest delivery wins."""
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    keys = [column.name for column in table.primary_key]
    others = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=others), [dict(row) for row in rows])


def insert_many(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows without binary columns; for doors, where a statement a row would cost more than what it stores."""
    if not rows:
        return
    if connection.dialect.name != "postgresql":
        connection.execute(insert(table), [dict(row) for row in rows])
        return
    connection.execute(_from_json(table, tuple(rows[0])), {"rows": orjson.dumps([dict(row) for row in rows]).decode()})


@cache
def _from_json(table: Table, names: tuple[str, ...]) -> Any:
    columns = ", ".join(names)
    source = f"jsonb_populate_recordset(NULL::{table.name}, CAST(:rows AS jsonb))"
    return text(f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {source}")  # noqa: S608 - names of the tables


class _Texts(TypeDecorator[list[str]]):
    """Texts as one parameter: an array, or a JSON list where there are none."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return postgresql.ARRAY(String()) if dialect.name == "postgresql" else String()

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return list(value) if dialect.name == "postgresql" else orjson.dumps(list(value)).decode()


class _among(GenericFunction[bool]):  # noqa: N801 - named as SQL names functions
    type = Boolean()
    inherit_cache = True


@compiles(_among, "postgresql")
def _in_array(element: Any, compiler: Any, **options: Any) -> str:
    which, texts = (compiler.process(each, **options) for each in element.clauses)
    return f"{which} = ANY ({texts})"


@compiles(_among, "sqlite")
def _in_json(element: Any, compiler: Any, **options: Any) -> str:
    which, texts = (compiler.process(each, **options) for each in element.clauses)
    return f"{which} IN (SELECT value FROM json_each({texts}))"  # noqa: S608 - compiled parts


def among(which: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether a text column is one of the texts of the parameter `name`: one statement for lists of any length."""
    return _among(which, bindparam(name, type_=_Texts()))
