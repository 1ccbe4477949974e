"""Opening the database: engine, durability settings, migrations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError

from songda.base.errors import SongdaError
from songda.base.settings import Settings

#: Every fact and decision holds some JSON: the standard library's takes three times as long over it.
_JSON: dict[str, Any] = {
    "json_serializer": lambda value: orjson.dumps(value).decode(),
    "json_deserializer": orjson.loads,
}


class DatabaseUnavailable(SongdaError):
    zh = "数据库无法打开（{reason}）"
    remedy = "请检查 SONGDA_DATABASE_URL、磁盘空间和目录权限后重试；已完成的部分不会丢失"
    exit_code = 74


def open_database(settings: Settings) -> Engine:
    """The engine for `settings.database_url`, brought to the newest schema. Raises DatabaseUnavailable.

    What is committed is on the disk: SQLite runs in WAL mode with synchronous=FULL, PostgreSQL with synchronous_commit on.
    """
    url = settings.database_url
    try:
        if url.startswith("sqlite"):
            engine = create_engine(url, hide_parameters=True, **_JSON)
            folder = Path(engine.url.database or ".").parent
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _make_sqlite_durable(engine)
        else:
            engine = create_engine(url, pool_pre_ping=True, hide_parameters=True, **_JSON)
            event.listen(engine, "connect", _make_postgresql_durable)
        _migrate(engine)
    except (OperationalError, OSError) as error:
        # The driver's text may quote a row, so only the kind of error is kept.
        reason = type(getattr(error, "orig", error)).__name__
        raise DatabaseUnavailable(reason=reason) from None
    return engine


def revision(engine: Engine) -> str | None:
    """The schema revision that the database stands at."""
    from alembic.runtime.migration import MigrationContext

    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def forget_overwritten(engine: Engine) -> None:
    """Whatever was overwritten is gone from SQLite's log, too, as far as nobody is reading. PostgreSQL keeps its own log."""
    if engine.dialect.name != "sqlite":
        return
    # Past SQLAlchemy, which would begin a transaction, in which no checkpoint can be made.
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        raw.close()


def _make_sqlite_durable(engine: Engine) -> None:
    # pysqlite opens transactions late and on its own terms; SQLAlchemy's documented remedy is to begin them ourselves.
    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=30000",
            "secure_delete=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # Whoever only reads need not wait for the one writer.
        reads = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _make_postgresql_durable(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
    connection.commit()


def _migrate(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # Two workers that start at once migrate one after the other.
            connection.execute(text("SELECT pg_advisory_xact_lock(7315411)"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
