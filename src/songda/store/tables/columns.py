"""What all tables share: how constraints are named, and the columns that many have."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    String,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

ID, HASH, CODE = String(40), String(64), String(40)
INSTANT = DateTime(timezone=True)


def own_id() -> Column[str]:
    return Column("id", ID, primary_key=True)


def to(table: str, name: str | None = None, *, nullable: bool = False) -> Column[str]:
    return Column(name or f"{table}_id", ID, ForeignKey(f"{table}.id"), nullable=nullable, index=True)


def life() -> tuple[Column[str], Column[int]]:
    return Column("state", CODE, nullable=False, index=True), Column("version", Integer, nullable=False, default=0)
