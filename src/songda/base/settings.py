"""Where this installation keeps its things. Everything has a working default; everything is one environment variable.

| variable | meaning | default |
| --- | --- | --- |
| SONGDA_HOME | folder of the database, the keys and the sealed files | ~/.songda |
| SONGDA_DATABASE_URL | SQLAlchemy URL, e.g. postgresql+psycopg://user@host/songda | SQLite file in SONGDA_HOME |
| SONGDA_MASTER_KEY | base64 of 32 bytes: the master key itself, instead of a file | – |
| SONGDA_MASTER_KEY_FILE | file that holds the master key, mode 0600 | SONGDA_HOME/keys/master.key |
| SONGDA_KEY_SERVICE | address of a key service that keeps the master key instead (songda.vault.key_service) | – |
| SONGDA_KEY_SERVICE_KEY | what the service calls the key | songda |
| SONGDA_KEY_SERVICE_TOKEN | bearer token for it | – |
| SONGDA_KEY_SERVICE_CA, …_CERTIFICATE, …_PRIVATE_KEY | PEM files: whom to trust, and this house's certificate for mutual TLS | – |
| SONGDA_WORKERS | processes that render letters | number of CPUs, at most 8 |
| SONGDA_LOCK_MEMORY | 1: no page of this process is swapped to the disk (songda.base.memory) | – |
| SONGDA_CALENDAR | CSV with the holidays of further years (songda.base.calendar) | – |
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    home: Path
    database_url: str
    #: base64 text of the master key, or None when it lies in `master_key_file`.
    master_key: str | None
    master_key_file: Path
    workers: int
    key_service: KeyServiceSettings | None = None


@dataclass(frozen=True, slots=True)
class KeyServiceSettings:
    url: str
    key: str
    token: str | None = field(default=None, repr=False)
    ca: Path | None = None
    certificate: Path | None = None
    private_key: Path | None = None


def home_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """SONGDA_HOME, or its default."""
    return Path(environ.get("SONGDA_HOME", "~/.songda")).expanduser()


def load(environ: Mapping[str, str] = os.environ, *, home: Path | None = None) -> Settings:
    """Settings from the environment; `home` wins over SONGDA_HOME."""
    base = home or home_folder(environ)
    key_file = environ.get("SONGDA_MASTER_KEY_FILE")
    return Settings(
        home=base,
        database_url=environ.get("SONGDA_DATABASE_URL", f"sqlite:///{base / 'songda.db'}"),
        master_key=environ.get("SONGDA_MASTER_KEY"),
        master_key_file=Path(key_file) if key_file else base / "keys" / "master.key",
        workers=int(environ.get("SONGDA_WORKERS", min(os.cpu_count() or 1, 8))),
        key_service=_key_service(environ),
    )


def _key_service(environ: Mapping[str, str]) -> KeyServiceSettings | None:
    url, name = environ.get("SONGDA_KEY_SERVICE"), "SONGDA_KEY_SERVICE_{}".format
    if not url:
        return None
    files = [environ.get(name(each)) for each in ("CA", "CERTIFICATE", "PRIVATE_KEY")]
    ca, certificate, private_key = (Path(each) if each else None for each in files)
    return KeyServiceSettings(
        url, environ.get(name("KEY"), "songda"), environ.get(name("TOKEN")), ca, certificate, private_key
    )
