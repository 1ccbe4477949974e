"""Bundles of evidence out of the record: one letter's, or everything that was done toward one person.

    bundle = letter_bundle(engine, tenant, "LH2026-000001", home=home, at=now, actor="operator")
    bundle = person_bundle(engine, tenant, case_no="A-1", …)       # or id_number="…"

A bundle is made in memory; that it was made stands in the audit log before anybody has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select

from songda.base.days import business_day
from songda.base.errors import SongdaError
from songda.carriers import BadTrackingTable
from songda.evidence import (
    OWN,
    README,
    Trust,
    canonical,
    examine,
    public_pem,
    sealed,
    shipped_tables,
    signing_key,
    summary_html,
    write_archive,
)
from songda.flow.audit import write_audit
from songda.flow.contacts import permits_told
from songda.flow.decide import rules_on
from songda.flow.proof_rows import read_letters
from songda.flow.sealed import open_case, open_person
from songda.flow.stamps import stamp_by
from songda.flow.tenants import Tenant
from songda.store import tables
from songda.vault import mask

_t, _c = tables.letter.c, tables.case.c


class NoSuchLetter(SongdaError):
    zh = "没有函号为 {letter_no} 的函件"
    remedy = "函号可用 songda letters list 批次号 查看"
    exit_code = 65


class NoSuchPerson(SongdaError):
    zh = "没有找到该案件或债务人"
    remedy = "请核对案件编号（与案件表一致），或改用 --debtor 按证件号码查找"
    exit_code = 65


class NotADrill(SongdaError):
    zh = "真实函件的证据只能按当前时间出具"
    remedy = "请去掉 --as-of；它只用于演练批次"
    exit_code = 64


@dataclass(frozen=True, slots=True)
class Bundle:
    #: Of a file; names nobody.
    name: str
    data: bytes = field(repr=False)
    letters: int
    #: Whether an authority has stamped the bundle as a whole; why not, when it was asked in vain.
    stamped: bool
    error: SongdaError | None


def letter_bundle(
    engine: Engine, tenant: Tenant, letter_no: str, *, home: Path, at: datetime, actor: str, played: bool = False
) -> Bundle:
    """The bundle of one letter. `played`: `at` is the instant of a drill, not the clock's.

    Raises NoSuchLetter, NotADrill, BadBundle (what the record holds does not fit together), SegmentDamaged, Unsealable.
    """
    with _snapshot(engine) as connection:
        letter_id = connection.scalar(select(_t.id).where(_t.tenant_id == tenant.id, _t.letter_no == letter_no))
        if letter_id is None:
            raise NoSuchLetter(letter_no=letter_no)
        header, files = _collect(connection, tenant, [letter_id], kind="letter", home=home, at=at)
    name = f"evidence-{letter_no}.zip"
    return _finish(engine, tenant, header, files, subject=letter_id, name=name, at=at, actor=actor, played=played)


def person_bundle(
    engine: Engine,
    tenant: Tenant,
    *,
    case_no: str | None = None,
    id_number: str | None = None,
    home: Path,
    at: datetime,
    actor: str,
    played: bool = False,
) -> Bundle:
    """Everything toward the person of a case, or of an identity card. Raises NoSuchPerson and what `letter_bundle` raises."""
    with _snapshot(engine) as connection:
        person_id = _person(connection, tenant, case_no, id_number)
        letter_ids = connection.scalars(select(_t.id).where(_t.person_id == person_id)).all()
        header, files = _collect(connection, tenant, letter_ids, kind="person", home=home, at=at)
        person = _about(connection, tenant, person_id) | {"permits": permits_told(connection, tenant, person_id, at=at)}
    files["person.json"] = canonical(person)
    name = f"evidence-{person_id}.zip"
    return _finish(
        engine, tenant, header, files, person=person, subject=person_id, name=name, at=at, actor=actor, played=played
    )


def public_key(tenant: Tenant) -> str:
    """PEM of the key with which readers of the tenant's bundles verify them."""
    return public_pem(signing_key(tenant.key.signing_seed()))


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """The record as it is at one moment: outcomes and the events that they rest on must not drift apart while they are read."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def _collect(
    connection: Connection, tenant: Tenant, letter_ids: Sequence[str], *, kind: str, home: Path, at: datetime
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Header and files of a bundle, but for the summary and what seals it."""
    b, on = tables.batch.c, business_day(at)
    drills = select(b.drill).join(tables.letter, _t.batch_id == b.id).where(_t.id.in_(letter_ids))
    stated = tenant.profile
    header = {
        "kind": kind,
        "exported_at": at.isoformat(),
        "institution": stated.institution.name,
        "uscc": stated.institution.uscc,
        "firm": stated.firm.name,
        "drill": any(connection.scalars(drills)),
        "tsa_certificate": stated.timestamp.certificate,
    }
    files = {"README.txt": README.encode(), "rules.json": canonical(_rules(tenant, on))} | {
        f"tables/{name}": data for name, data in _tables(home).items()
    }
    for folder, record, beside in read_letters(connection, tenant, letter_ids, home=home, on=on):
        files |= beside
        files[f"{folder}/record.json"] = canonical(record)
    return header, files


def _rules(tenant: Tenant, on: date) -> dict[str, Any]:
    """The rules in force on the day of the export, to be read beside the ids that the decisions name."""
    rules = rules_on(tenant, on)
    return {
        "rule_set": rules.label,
        "rules": {
            rule.id: {
                "title": rule.title,
                "effect": rule.effect,
                "verified": rule.verified,
                "source": list(rule.source),
                "reason": rule.reason_zh,
            }
            for rule in rules.rules
        },
    }


def _tables(home: Path) -> dict[str, bytes]:
    """The tables in force, the installation's own rows among them."""
    own = home / "carrier" / "tracking_codes.csv"
    if not own.is_file():
        return shipped_tables()
    try:
        return {**shipped_tables(), OWN: own.read_text("utf-8-sig").encode()}
    except (OSError, UnicodeDecodeError) as error:
        raise BadTrackingTable(reason=f"文件 {own.name} 读不了（应为 UTF-8 的 CSV）") from error


def _finish(
    engine: Engine,
    tenant: Tenant,
    header: dict[str, Any],
    files: dict[str, bytes],
    *,
    subject: str,
    name: str,
    at: datetime,
    actor: str,
    played: bool,
    person: dict[str, Any] | None = None,
) -> Bundle:
    if played and not header["drill"]:
        raise NotADrill
    # What the summary says is what a reader will compute; whom he trusts is his own affair.
    examined = examine(files, header, Trust())
    files["summary.html"] = summary_html(examined, header, person=person)
    with engine.begin() as connection:
        write_audit(
            connection,
            at=at,
            actor=actor,
            action="evidence.export",
            object_id=subject,
            details={"letters": len(examined.letters), "kind": header["kind"]},
        )
    key, stamp = signing_key(tenant.key.signing_seed()), stamp_by(tenant)
    error: SongdaError | None = None
    try:
        done = sealed(files, header, key=key, stamp=stamp)
    except SongdaError as refused:
        # A proof for the court is not held up by an authority that is down; it says that it is not stamped.
        error, done = refused, sealed(files, header, key=key, stamp=None)
    return Bundle(
        name=name,
        data=write_archive(done),
        letters=len(examined.letters),
        stamped=stamp is not None and error is None,
        error=error,
    )


def _person(connection: Connection, tenant: Tenant, case_no: str | None, id_number: str | None) -> str:
    p = tables.person.c
    if id_number is not None:
        query = select(p.id).where(p.tenant_id == tenant.id, p.lookup == tenant.key.blind_index("id_number", id_number))
    else:
        lookup = tenant.key.blind_index("case_no", case_no or "")
        query = select(_c.person_id).where(_c.tenant_id == tenant.id, _c.lookup == lookup)
    found = connection.scalar(query)
    if found is None:
        raise NoSuchPerson
    return str(found)


def _about(connection: Connection, tenant: Tenant, person_id: str) -> dict[str, Any]:
    row = connection.execute(select(tables.person).where(tables.person.c.id == person_id)).one()
    sealed_person = open_person(tenant.key, person_id, row.sealed)
    cases = connection.execute(
        select(_c.id, _c.sealed, _c.role, _c.state).where(_c.person_id == person_id).order_by(_c.id)
    )
    return {
        "id": person_id,
        "name": sealed_person["name"],
        "id_number": mask.show("id_number", sealed_person["id_number"], role="list"),
        "cases": [
            {"case_no": open_case(tenant.key, row.id, row.sealed)["case_no"], "role": row.role, "state": row.state}
            for row in cases
        ],
    }
