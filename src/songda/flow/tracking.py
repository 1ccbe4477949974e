"""The table of tracking codes of this installation: shipped rows, and rows of its own that were adopted.

    mapping_of(home)                                     # what is in force
    adopt(engine, home, file, actor=…, at=now)           # puts a file's rows in force, and says so in the audit log

A table that is put in force changes outcomes only at the next settling (`songda carrier replay` does it at once), and
outcomes that were settled become revisions.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Engine

from songda.base.errors import SongdaError
from songda.carriers import Mapping, NoAnswer, Trace, load_own_mapping
from songda.flow.audit import write_audit
from songda.flow.post import Carrier

#: A number of the right shape that nobody was ever given.
_NOBODYS = "0000000000000"


class NoSuchTable(SongdaError):
    zh = "找不到轨迹代码表 {file}"
    remedy = "请给出与 tracking_codes.csv 相同列的 CSV 文件；songda carrier mapping show --csv 可导出现行代码表"
    exit_code = 66


def mapping_of(home: Path) -> Mapping:
    """The table in force. Raises BadTrackingTable."""
    return load_own_mapping(_own(home))


def proposed(file: Path) -> Mapping:
    """The table that would be in force with the rows of `file`. Raises NoSuchTable, BadTrackingTable."""
    if not file.is_file():
        raise NoSuchTable(file=file.name)
    return load_own_mapping(file)


def adopt(engine: Engine, home: Path, file: Path, *, actor: str, at: datetime) -> Mapping:
    """Puts the rows of `file` in force, in place of those adopted before. Raises NoSuchTable, BadTrackingTable."""
    before, after = mapping_of(home), proposed(file)
    # Without a byte order mark and with plain line ends: the version is a digest of the text, wherever it is read.
    content, target = file.read_text("utf-8-sig").encode(), _own(home)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = target.with_suffix(".partial")
    partial.write_bytes(content)
    with engine.begin() as connection:
        write_audit(
            connection,
            at=at,
            actor=actor,
            action="carrier.mapping",
            object_id="tracking_codes",
            details={"before": before.version, "after": after.version, "sha256": sha256(content).hexdigest()},
        )
        # Last in the transaction: a table is never in force without its entry in the log.
        partial.replace(target)
    return after


def ping(carrier: Carrier) -> list[tuple[str, str, int | None]]:
    """(who, what came of one harmless question, our clock minus theirs in seconds where it shows) for carrier and fallback.

    What came: answered | refused | clock_skew | another reason why there was no answer.
    """
    answers: list[tuple[str, str, int | None]] = []
    for name, tracker in (("carrier", carrier.post), ("fallback", carrier.fallback)):
        if tracker is None:
            continue
        ((_, answer),) = tracker.trace_many([_NOBODYS], threads=1)
        came = "answered" if isinstance(answer, Trace) else "refused"
        skew = getattr(tracker, "clock_skew", None)
        answers.append(
            (
                name,
                answer.reason if isinstance(answer, NoAnswer) else came,
                None if skew is None else round(skew.total_seconds()),
            )
        )
    return answers


def _own(home: Path) -> Path:
    return home / "carrier" / "tracking_codes.csv"
