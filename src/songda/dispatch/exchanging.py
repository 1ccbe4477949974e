"""Tracking files of a carrier by files become facts, each file once.

    report = take_tracking_files(engine, tenant_id=tenant, key=key, files=carrier, at=now)

A file's events and the note that it was taken (a decision that holds its SHA-256) are committed together; only then is
the file removed from the exchange. A kill in between leaves a file whose note stands: it is removed the next time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, insert, select

from songda.base import ids
from songda.base.days import business_day
from songda.carriers import PostingFiles, TrackingFile
from songda.dispatch.facts import store_events
from songda.dispatch.followed import note_answered
from songda.dispatch.pushes import told_of
from songda.store import tables
from songda.vault import DataKey

#: Stage of the decision that notes a file as taken.
STAGE = "carrier_file"

_d = tables.decision.c


@dataclass(frozen=True, slots=True)
class FilesTaken:
    files: int
    #: Facts that were new.
    news: int
    #: Waybills that are not the tenant's.
    unknown: int
    #: Lines that told no event.
    malformed: int


def take_tracking_files(
    engine: Engine, *, tenant_id: str, key: DataKey, files: PostingFiles, at: datetime
) -> FilesTaken:
    """Stores the events of every tracking file that lies there. Raises Unsealable."""
    count = news = unknown = malformed = 0
    for file in files.tracking_files():
        with engine.begin() as connection:
            if not _was_taken(connection, tenant_id, file.sha256):
                told, known = told_of(connection, file.traces, tenant_id=tenant_id, key=key)
                stored = store_events(connection, key=key, told=told, received_at=at)
                note_answered(connection, (each.attempt_id for each in told), at=at)
                strange = len({trace.waybill_no for trace in file.traces} - known)
                _note(connection, tenant_id, file, news=stored, unknown=strange, at=at)
                count, news, unknown = count + 1, news + stored, unknown + strange
                malformed += file.malformed
        files.taken(file, at=at)
    return FilesTaken(files=count, news=news, unknown=unknown, malformed=malformed)


def _was_taken(connection: Connection, tenant_id: str, sha256: str) -> bool:
    query = select(_d.id).where(_d.object_id == tenant_id, _d.stage == STAGE, _d.inputs_sha256 == sha256)
    return connection.execute(query.limit(1)).first() is not None


def _note(connection: Connection, tenant_id: str, file: TrackingFile, *, news: int, unknown: int, at: datetime) -> None:
    connection.execute(
        insert(tables.decision),
        {
            "id": ids.new("dec"),
            "object_id": tenant_id,
            "stage": STAGE,
            "outcome": "taken",
            "inputs_sha256": file.sha256,
            "versions": {"file": file.name, "news": news, "unknown": unknown, "malformed": file.malformed},
            "reasons": [],
            "on_day": business_day(at),
        },
    )
