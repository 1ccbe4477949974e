"""Is this installation able to work: can its database be reached, and which schema does it have?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from songda.base.settings import Settings


@dataclass(frozen=True, slots=True)
class Health:
    #: The database answered.
    reachable: bool
    #: Revision of its schema; None when it has none yet.
    revision: str | None

    @property
    def ok(self) -> bool:
        return self.reachable and self.revision is not None

    def to_json(self) -> dict[str, str | None]:
        return {
            "status": "ok" if self.ok else "unavailable",
            "database": "reachable" if self.reachable else "unreachable",
            "schema_revision": self.revision,
        }


Probe = Callable[[], Health]


def database_probe(settings: Settings) -> Probe:
    """A probe of the database of `settings`. It never makes one: a missing SQLite file is an unreachable database."""
    from pathlib import Path

    from sqlalchemy import create_engine, inspect, text
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    url = make_url(settings.database_url)
    file = Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
    # Bounded, so that a database that hangs makes an unhealthy answer and not a hanging one.
    arguments = {"timeout": 3} if file else {"connect_timeout": 3}
    engine = create_engine(url, pool_pre_ping=True, pool_size=1, connect_args=arguments)

    def probe() -> Health:
        if file is not None and not file.is_file():
            return Health(reachable=False, revision=None)
        try:
            with engine.connect() as connection:
                if not inspect(connection).has_table("alembic_version"):
                    return Health(reachable=True, revision=None)
                revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
                return Health(reachable=True, revision=revision)
        except SQLAlchemyError:
            return Health(reachable=False, revision=None)

    return probe
