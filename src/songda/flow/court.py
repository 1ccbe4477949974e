"""Entrustments of courts: one person records what the court has handed over, another confirms it, either ends it.

    entrustment_id = record(engine, tenant, entrusted, pdf, valid_until=day, home=home, by="ops-7", at=now)
    confirm(engine, tenant, entrustment_id, docket_no="（2026）…", sha256="9f86…", by="ops-2", at=now)
    withdraw(engine, tenant, entrustment_id, reason="court_withdrew", by="ops-7", at=now)     # its letters are stopped

The document lies sealed in the home and is never changed; what rule L08 asks about it is computed from those bytes.
"""

from __future__ import annotations

import hashlib
import io
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import polars as pl
from sqlalchemy import Connection, Engine, insert, select

from songda.base import ids
from songda.base.days import business_day
from songda.base.errors import SongdaError
from songda.dispatch import STOP, Answer, stop_letters
from songda.flow.audit import write_audit
from songda.flow.tenants import Tenant
from songda.letters import Entrusted, Products, TooHeavy, preflight_document, problem_zh, weigh
from songda.store import chunks, move, tables
from songda.vault import DataKey, SegmentDamaged, Unsealable, read_sealed, write_sealed

#: Why an entrustment ends: codes, because free words may name somebody.
WITHDRAW_REASONS = ("court_withdrew", "recorded_wrongly")
#: Head of the reason with which its letters are stopped (flow/reasons.toml).
STOPPED = f"{STOP}entrustment"
#: Bytes of a document: more is no ruling, and would be read at every gate.
MOST_BYTES = 20_000_000
#: Sheets that are kept for the cover in the envelope.
COVER_SHEETS = 2

#: What rule L08 asks; columns of frames of facts.
FACTS = ("court.entrustment", "court.docket_no", "court.document_sha256", "court.annex_sha256", "court.approvers")

#: Year in brackets, court, kind and number: （2026）沪0101执123号.
_DOCKET = re.compile(r"\(20\d\d\)[^\s()]{2,40}号(之[一二三四五六七八九十]+)?")
#: Longest of the texts that stand on the cover, characters.
_LONGEST = 60

_e, _f, _l = tables.entrustment.c, tables.forwarded.c, tables.letter.c


class UnfitDocument(SongdaError):
    """`problems`: in Chinese, with pages."""

    zh = "文书 PDF 不能原样转送：{problems}"
    remedy = "文书不能改动；请向法院索取可以打印的 PDF（未加密、无脚本、无附件、A4 竖版）"
    exit_code = 65


class OtherDocument(SongdaError):
    zh = "文书 PDF 的 SHA-256 与所给的不一致"
    remedy = "请核对文件是否为法院交付的原件，或重新计算（sha256sum 文件）"
    exit_code = 65


class BadEntrustment(SongdaError):
    """`field_zh`, `expected`: which of the entries is wrong, and what it should be."""

    zh = "{field_zh}的写法不对"
    remedy = "应为：{expected}"
    exit_code = 65


class UnknownEntrustment(SongdaError):
    zh = "没有委托登记 {entrustment}"
    remedy = "请用 songda court list 查看"
    exit_code = 65


class WrongEntrustmentState(SongdaError):
    """`state_zh`: where it stands."""

    zh = "委托登记 {entrustment} {state_zh}"
    remedy = "{remedy}"
    exit_code = 65


class SamePerson(SongdaError):
    zh = "登记人不能自己确认委托登记 {entrustment}"
    remedy = "请由另一人持法院的委托函和文书核对后确认，用 --by 写明其编号"
    exit_code = 77


class NotAsRecorded(SongdaError):
    """`field_zh`: what the second person entered otherwise; the recorded value is not told."""

    zh = "所给的{field_zh}与登记的不一致，没有确认"
    remedy = "请两人一起核对法院的委托函和文书；登记有误的，用 songda court withdraw --reason recorded_wrongly 撤回后重新登记"
    exit_code = 65


@dataclass(frozen=True, slots=True)
class Entrustment:
    """One row, opened."""

    id: str
    #: recorded | confirmed | withdrawn
    state: str
    version: int
    valid_until: date
    entrusted: Entrusted = field(repr=False)
    recorded_by: str
    recorded_at: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None

    def holds_on(self, day: date) -> bool:
        """Whether the court's word counts on `day`."""
        return self.state == "confirmed" and self.entrusted.on <= day <= self.valid_until


def record(
    engine: Engine,
    tenant: Tenant,
    entrusted: Entrusted,
    pdf: bytes,
    *,
    valid_until: date,
    products: Products,
    home: Path,
    by: str,
    at: datetime,
) -> str:
    """Seals the document and keeps the entrustment for a second person's eyes; its id.

    `entrusted`: its `sha256` as the court or a colleague told it, and `pages` 0: they are counted here.
    Raises BadEntrustment, OtherDocument, UnfitDocument, DiskFull, CannotWrite.
    """
    _check_entries(entrusted, valid_until, on=business_day(at))
    if hashlib.sha256(pdf).hexdigest() != entrusted.sha256.lower():
        raise OtherDocument
    pages = _fit_pages(pdf, products)
    entrustment_id = ids.new("ent")
    # On the disk before the row that says so.
    write_sealed(_path(home, entrustment_id), io.BytesIO(pdf), key=tenant.key, context=_context(entrustment_id))
    words = {name: getattr(entrusted, name) for name in ("court", "docket_no", "no", "document")}
    with engine.begin() as connection:
        connection.execute(
            insert(tables.entrustment),
            {
                "id": entrustment_id,
                "tenant_id": tenant.id,
                "state": "recorded",
                "version": 0,
                "document_sha256": entrusted.sha256.lower(),
                "pages": pages,
                "entrusted_on": entrusted.on,
                "valid_until": valid_until,
                "sealed": tenant.key.seal(orjson.dumps(words), context=f"entrustment:{entrustment_id}"),
                "recorded_by": by,
                "recorded_at": at.astimezone(UTC),
            },
        )
        details = {"document_sha256": entrusted.sha256.lower(), "pages": pages, "valid_until": valid_until.isoformat()}
        write_audit(connection, at=at, actor=by, action="court.recorded", object_id=entrustment_id, details=details)
    return entrustment_id


def confirm(
    engine: Engine, tenant: Tenant, entrustment_id: str, *, docket_no: str, sha256: str, by: str, at: datetime
) -> None:
    """A second person has entered docket number and hash anew from the court's own papers, and they are the recorded ones.

    Raises UnknownEntrustment, WrongEntrustmentState, SamePerson, NotAsRecorded.
    """
    with engine.begin() as connection:
        found = read_entrustment(connection, tenant, entrustment_id)
        if found.state != "recorded":
            raise _wrong_state(found)
        if found.recorded_by == by:
            raise SamePerson(entrustment=entrustment_id)
        if _folded(docket_no) != _folded(found.entrusted.docket_no):
            raise NotAsRecorded(field_zh="案号")
        if sha256.strip().lower() != found.entrusted.sha256:
            raise NotAsRecorded(field_zh="文书哈希")
        move(
            connection,
            "entrustment",
            [(entrustment_id, found.version)],
            source="recorded",
            target="confirmed",
            actor="reviewer",
            reason="second_person",
            at=at,
            values=[{"confirmed_by": by, "confirmed_at": at.astimezone(UTC)}],
        )
        details = {"recorded_by": found.recorded_by}
        write_audit(connection, at=at, actor=by, action="court.confirmed", object_id=entrustment_id, details=details)


def withdraw(
    engine: Engine, tenant: Tenant, entrustment_id: str, *, reason: str, by: str, at: datetime
) -> dict[str, Answer]:
    """Ends the entrustment and stops its letters; letter id → what was found there. Repeated, it looks at them again.

    `reason`: one of WITHDRAW_REASONS. Raises UnknownEntrustment, and Conflict for a letter that others never leave alone.
    """
    with engine.begin() as connection:
        found = read_entrustment(connection, tenant, entrustment_id)
        if found.state != "withdrawn":
            move(
                connection,
                "entrustment",
                [(entrustment_id, found.version)],
                source=found.state,
                target="withdrawn",
                actor="operator",
                reason=reason,
                at=at,
            )
        letters = connection.scalars(select(_f.letter_id).where(_f.entrustment_id == entrustment_id)).all()
    # From here on rule L08 says no at every gate, to letters that are made meanwhile too.
    answers = stop_letters(engine, sorted(letters), reason=STOPPED, order=entrustment_id, at=at, actor="operator")
    counts: dict[str, int] = {}
    for answer in answers.values():
        counts[answer.outcome] = counts.get(answer.outcome, 0) + 1
    with engine.begin() as connection:
        details = {"reason": reason, **counts}
        write_audit(connection, at=at, actor=by, action="court.withdrawn", object_id=entrustment_id, details=details)
    return answers


def read_entrustment(connection: Connection, tenant: Tenant, entrustment_id: str) -> Entrustment:
    """Raises UnknownEntrustment, Unsealable."""
    query = select(tables.entrustment).where(_e.id == entrustment_id, _e.tenant_id == tenant.id)
    row = connection.execute(query).first()
    if row is None:
        raise UnknownEntrustment(entrustment=entrustment_id)
    return _opened(tenant.key, row)


def entrustments(connection: Connection, tenant: Tenant) -> list[Entrustment]:
    """Those of the tenant, the oldest first."""
    rows = connection.execute(select(tables.entrustment).where(_e.tenant_id == tenant.id).order_by(_e.id))
    return [_opened(tenant.key, row) for row in rows]


def entrustments_of(connection: Connection, tenant: Tenant, letter_ids: Collection[str]) -> dict[str, Entrustment]:
    """Letter → what the court has entrusted, for those of the letters that forward a document."""
    found: dict[str, Entrustment] = {}
    opened: dict[str, Entrustment] = {}
    for part in chunks(sorted(letter_ids)):
        query = select(_f.letter_id, tables.entrustment).join(tables.entrustment, _e.id == _f.entrustment_id)
        for row in connection.execute(query.where(_f.letter_id.in_(part), _e.tenant_id == tenant.id)):
            if row.id not in opened:
                opened[row.id] = _opened(tenant.key, row)
            found[row.letter_id] = opened[row.id]
    return found


def check_confirmed(found: Entrustment) -> None:
    """Raises WrongEntrustmentState."""
    if found.state != "confirmed":
        raise _wrong_state(found)


def read_document(home: Path, tenant: Tenant, entrustment_id: str) -> bytes:
    """The court's PDF, byte for byte. Raises SegmentDamaged, Unsealable."""
    return b"".join(read_sealed(_path(home, entrustment_id), key=tenant.key, context=_context(entrustment_id)))


def facts_of(entrustment: Entrustment, tenant: Tenant, *, on: date, home: Path | None) -> dict[str, str | None]:
    """What rule L08 asks about it on day `on`, without the lawyers. `home` None: nobody looks at the document now."""
    return {
        "court.entrustment": entrustment.entrusted.no if entrustment.holds_on(on) else None,
        "court.docket_no": entrustment.entrusted.docket_no,
        "court.document_sha256": entrustment.entrusted.sha256,
        "court.annex_sha256": None if home is None else _digest(home, tenant, entrustment.id),
    }


def facts_of_letters(
    connection: Connection,
    tenant: Tenant,
    letter_ids: Collection[str],
    *,
    on: date,
    home: Path | None,
    approvers: Mapping[str, int],
) -> pl.DataFrame:
    """letter_id and FACTS, a row a letter. `approvers`: letter → lawyers that have signed for it.

    What nobody has entrusted, or whose document cannot be read, states nothing, and L08 then says no.
    """
    found = entrustments_of(connection, tenant, letter_ids)
    stated = {
        each.id: facts_of(each, tenant, on=on, home=home)
        for each in {each.id: each for each in found.values()}.values()
    }
    nothing = dict.fromkeys(FACTS[:4])
    rows = [
        {
            "letter_id": letter_id,
            **(stated[found[letter_id].id] if letter_id in found else nothing),
            "court.approvers": approvers.get(letter_id, 0),
        }
        for letter_id in sorted(letter_ids)
    ]
    schema = dict.fromkeys(("letter_id", *FACTS[:4]), pl.String) | {"court.approvers": pl.Int64}
    return pl.DataFrame(rows, schema=schema)


def _check_entries(entrusted: Entrusted, valid_until: date, *, on: date) -> None:
    texts = {"法院": entrusted.court, "委托编号": entrusted.no, "文书名称": entrusted.document}
    for name, text in texts.items():
        if not text.strip() or len(text) > _LONGEST or not text.isprintable():
            raise BadEntrustment(field_zh=name, expected=f"1 至 {_LONGEST} 个可以印出的字")
    if not entrusted.court.endswith("法院"):
        raise BadEntrustment(field_zh="法院", expected="作出文书的法院全称，如 青石市人民法院")
    if not _DOCKET.fullmatch(_folded(entrusted.docket_no)):
        raise BadEntrustment(field_zh="案号", expected="文书上的案号，如 （2026）测0101执123号")
    if not re.fullmatch(r"[0-9a-fA-F]{64}", entrusted.sha256):
        raise BadEntrustment(field_zh="文书哈希", expected="SHA-256，64 位十六进制")
    if entrusted.on > on:
        raise BadEntrustment(field_zh="委托日期", expected="不晚于今天")
    if valid_until < max(on, entrusted.on):
        raise BadEntrustment(field_zh="有效期", expected="今天或以后，且不早于委托日期")


def _fit_pages(pdf: bytes, products: Products) -> int:
    if len(pdf) > MOST_BYTES:
        raise UnfitDocument(problems="超过 20 MB")
    pages, problems = preflight_document(pdf)
    if problems:
        raise UnfitDocument(problems="；".join(problem_zh(code) for code in problems[:8]))
    try:
        weigh(sheets=pages + COVER_SHEETS, products=products)
    except TooHeavy:
        raise UnfitDocument(problems=f"{pages} 页，没有可以装下的信封") from None
    return pages


def _opened(key: DataKey, row: Any) -> Entrustment:
    words = orjson.loads(key.unseal(row.sealed, context=f"entrustment:{row.id}"))
    entrusted = Entrusted(**words, on=row.entrusted_on, pages=row.pages, sha256=row.document_sha256)
    confirmed_at = None if row.confirmed_at is None else _aware(row.confirmed_at)
    people = (row.recorded_by, _aware(row.recorded_at), row.confirmed_by, confirmed_at)
    return Entrustment(row.id, row.state, row.version, row.valid_until, entrusted, *people)


def _aware(instant: datetime) -> datetime:
    """SQLite forgets the zone: what lies there is always UTC."""
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _wrong_state(found: Entrustment) -> WrongEntrustmentState:
    said, remedy = {
        "recorded": ("还没有由第二人确认", "请由另一人用 songda court confirm 确认"),
        "confirmed": ("已经确认", "无需再确认；可用 songda court forward 转送"),
        "withdrawn": ("已经撤回", "请用法院的新委托重新登记"),
    }[found.state]
    return WrongEntrustmentState(entrustment=found.id, state_zh=said, remedy=remedy)


def _digest(home: Path, tenant: Tenant, entrustment_id: str) -> str | None:
    try:
        return hashlib.sha256(read_document(home, tenant, entrustment_id)).hexdigest()
    except (SegmentDamaged, Unsealable):
        return None


def _folded(docket_no: str) -> str:
    """One spelling: brackets of either width, no blanks."""
    text = unicodedata.normalize("NFKC", docket_no)
    return re.sub(r"\s", "", text).translate(str.maketrans("〔〕[]【】", "()()()"))


def _path(home: Path, entrustment_id: str) -> Path:
    return home / "court" / f"{entrustment_id}.bin"


def _context(entrustment_id: str) -> str:
    return f"court:{entrustment_id}"
