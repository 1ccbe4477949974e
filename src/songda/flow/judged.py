"""Which rules judged a letter at which gate, and what came of it, read back from the decisions that were kept; and where the facts
that they asked for come from, fact by fact, without anything that the facts say of a person."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from sqlalchemy import Connection, select

from songda.base.errors import SongdaError
from songda.compliance import GATES, fact_zh
from songda.flow.contact_facts import case_id_of
from songda.flow.decide import rules_on, scope_of
from songda.flow.proof_rows import read_decisions
from songda.flow.stop import find_letter
from songda.flow.tenants import Tenant
from songda.store import tables

#: Where a fact comes from (`from` in fact_sources.toml) → what it is called on screens.
SOURCES_ZH = {
    "case": "案件文件",
    "address": "案件文件中的地址",
    "person": "案件文件中的人",
    "profile": "机构档案",
    "letter": "写成的函件",
    "ledger": "台账",
    "court": "法院委托登记",
    "house": "本机设置",
    "fixed": "固定",
    # A rule of the institution's own may ask for what nothing here states; it then fires every time.
    "nowhere": "流程不提供（规则因此触发）",
}

_l, _lc, _c, _b, _a, _n, _f, _d = (
    each.c
    for each in (
        tables.letter,
        tables.letter_case,
        tables.case,
        tables.batch,
        tables.address_record,
        tables.attempt,
        tables.forwarded,
        tables.decision,
    )
)


class UnknownLetterOrCase(SongdaError):
    """What was typed is not repeated: it may be anything."""

    zh = "没有这个函号的函件，也没有这个编号的案件"
    remedy = "函号可用 songda letters list 批次号 查看；案件编号与案件文件中的写法一致；规则编号形如 T07"
    exit_code = 65


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a fact comes from."""

    fact: str
    zh: str
    #: Gates whose rules ask for it.
    gates: tuple[str, ...]
    #: See SOURCES_ZH.
    source: str
    #: table.column, or section.name of the profile.
    what: tuple[str, ...]
    #: How it follows from that, in words; empty: it is the value.
    how: str
    #: The rows themselves: batch/row/start of the file's hash, address record/number in its row, `ent_…`, `ltr_…`, or the start of
    #: the profile's hash.
    rows: tuple[str, ...]


def decisions_of_letter(connection: Connection, tenant: Tenant, letter_no: str) -> list[dict[str, Any]]:
    """All automatic decisions about a letter, its attempts and its pieces, in the order of the way. Raises UnknownLetter."""
    letter = find_letter(connection, tenant, letter_no)
    n, p = tables.attempt.c, tables.piece.c
    attempts = list(connection.scalars(select(n.id).where(n.letter_id == letter.id)))
    pieces = list(connection.scalars(select(p.id).where(p.attempt_id.in_(attempts))))
    return read_decisions(connection, [letter.id, *attempts, *pieces], tenant, kind=letter.kind)


def origins_of_letter(
    connection: Connection, tenant: Tenant, letter_no: str, *, gates: Iterable[str], on: date
) -> list[Origin]:
    """Where each fact comes from that the rules of `gates` ask about the letter on day `on`. Raises UnknownLetter."""
    letter = find_letter(connection, tenant, letter_no)
    cases = list(connection.scalars(select(_lc.case_id).where(_lc.letter_id == letter.id)))
    posted = list(connection.scalars(select(_n.address_record_id).where(_n.letter_id == letter.id).order_by(_n.n)))
    entrusted = list(connection.scalars(select(_f.entrustment_id).where(_f.letter_id == letter.id)))
    records = [each for each in dict.fromkeys((*posted, letter.address_record_id)) if each]
    rows = _rows(connection, tenant, cases, records) | {"court": tuple(entrusted), "letter": (letter.id,)}
    return _origins(tenant, letter.kind, rows, gates=gates, on=on)


def origins_of_case(
    connection: Connection, tenant: Tenant, case_no: str, *, on: date
) -> tuple[list[str], list[Origin]]:
    """Numbers of the letters about a case, and where the facts come from that the gate accept asks about it.

    Raises UnknownLetterOrCase.
    """
    case_id = case_id_of(tenant, case_no)
    if connection.scalar(select(_c.id).where(_c.id == case_id, _c.tenant_id == tenant.id)) is None:
        raise UnknownLetterOrCase
    query = select(_l.letter_no, _l.kind).join(tables.letter_case, _lc.letter_id == _l.id)
    letters = connection.execute(query.where(_lc.case_id == case_id).order_by(_l.id)).all()
    records = list(connection.scalars(select(_a.id).where(_a.case_id == case_id).order_by(_a.ordinal)))
    kind = letters[0].kind if letters else (tenant.profile.policy.kinds or ("lawyer_letter",))[0]
    numbers = [row.letter_no for row in letters if row.letter_no]
    return numbers, _origins(tenant, kind, _rows(connection, tenant, [case_id], records), gates=("accept",), on=on)


def _origins(
    tenant: Tenant, kind: str, rows: Mapping[str, tuple[str, ...]], *, gates: Iterable[str], on: date
) -> list[Origin]:
    rules, scope = rules_on(tenant, on), scope_of(kind)
    asking: dict[str, list[str]] = {}
    for gate in sorted(set(gates) & set(GATES), key=GATES.index):
        for fact in rules.facts_needed(scope, gate):
            asking.setdefault(fact, []).append(gate)
    found = []
    for fact, its_gates in sorted(asking.items()):
        entry = sources().get(fact, {"from": "nowhere", "what": ""})
        found.append(
            Origin(
                fact=fact,
                zh=fact_zh(fact),
                gates=tuple(its_gates),
                source=entry["from"],
                what=tuple(entry["what"].split()),
                how=entry.get("how", ""),
                rows=rows.get(entry["from"], ()),
            )
        )
    return found


@cache
def sources() -> Mapping[str, Mapping[str, str]]:
    """Fact → from, what, how: fact_sources.toml."""
    return tomllib.loads(files("songda.flow").joinpath("fact_sources.toml").read_text("utf-8"))


def _rows(
    connection: Connection, tenant: Tenant, cases: Collection[str], records: Collection[str]
) -> dict[str, tuple[str, ...]]:
    query = select(_c.id, _b.id.label("batch"), _b.file_sha256, _c.row_no).join(tables.batch, _b.id == _c.batch_id)
    found = {row.id: row for row in connection.execute(query.where(_c.id.in_(cases)).order_by(_c.row_no))}
    of_case = tuple(f"{row.batch}/{row.row_no}/{row.file_sha256[:12]}" for row in found.values())
    addresses = connection.execute(select(_a.id, _a.ordinal).where(_a.id.in_(records)).order_by(_a.ordinal))
    return {
        "case": of_case,
        "person": of_case,
        "address": tuple(f"{row.id}/{row.ordinal}" for row in addresses),
        # Profiles are not kept in versions: this is the one in force now.
        "profile": (tenant.profile_sha256[:12],),
    }
