"""What the record holds of a few letters, read for a bundle of evidence: one JSON object a letter, and the files beside it.

    for record, files in read_letters(connection, tenant, letter_ids, home=home, on=day): ...

The shape of the object is told in docs/evidence.md. A run that is not there any more, or an approval that no longer holds,
is left out and named as missing by the one who reads the bundle; nothing is made up for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, select

from songda.compliance import GATES
from songda.evidence import digests
from songda.flow.approved import read_approvals
from songda.flow.audit import verify_audit
from songda.flow.countersigning import signers
from songda.flow.court import entrustments_of, read_document
from songda.flow.decide import rules_on, scope_of
from songda.flow.figures import reason_zh
from songda.flow.proof_ways import Archive, Files, iso, read_attempts
from songda.flow.sealed import open_person
from songda.flow.tenants import Tenant
from songda.intake.profile import Lawyer
from songda.letters import Approval, ApprovalVoid, signing_key_of
from songda.store import tables

_t, _c, _d = tables.letter.c, tables.case.c, tables.decision.c


def read_letters(
    connection: Connection, tenant: Tenant, letter_ids: Sequence[str], *, home: Path, on: date
) -> Iterator[tuple[str, dict[str, Any], Files]]:
    """(folder, record, files beside it) of each letter, in the order of their numbers. Raises SegmentDamaged, Unsealable."""
    chain = verify_audit(connection)
    query = (
        select(tables.letter, tables.batch.c.file_sha256, tables.batch.c.as_of, tables.person.c.sealed)
        .join(tables.batch, tables.batch.c.id == _t.batch_id)
        .join(tables.person, tables.person.c.id == _t.person_id)
        .where(_t.id.in_(letter_ids))
        .order_by(_t.letter_no, _t.id)
    )
    archive = Archive(tenant, home)
    for row in connection.execute(query).all():
        folder = f"letters/{row.letter_no or row.id}"
        person = open_person(tenant.key, row.person_id, row.sealed)
        attempts, files = read_attempts(connection, tenant, row, person, folder=folder, archive=archive)
        own = {row.id, *(each["id"] for each in attempts), *(p["id"] for each in attempts for p in each["pieces"])}
        shared = {row.batch_id, *(p["run_id"] for each in attempts for p in each["pieces"] if p["run_id"])}
        orders = {p["order_no"] for each in attempts for p in each["pieces"]}
        stops = _stops(connection, tenant, row, on=on)
        court, document = _court(connection, tenant, row, folder=folder, home=home)
        files |= document
        if court is not None:
            own.add(court["id"])
        record = {
            "exported_on": on.isoformat(),
            "letter": _letter(connection, row, person, tenant),
            "template_sha256": row.template_sha256,
            "case_file_sha256": row.file_sha256,
            "approval": _approval(connection, tenant, row),
            # Of letters that forward a court's document.
            **({} if court is None else {"court": court}),
            "attempts": attempts,
            "history": _history(connection, own | orders | {each["id"] for each in stops} | (shared - {row.batch_id})),
            "stops": stops,
            "decisions": read_decisions(connection, own, tenant, kind=row.kind),
            "tasks": _tasks(connection, own),
            "audit": {
                "count": chain.entries,
                "head": chain.head,
                "intact": not chain.breaks,
                "entries": _audit(connection, own | shared),
            },
        }
        yield folder, record, files


def _letter(connection: Connection, row: Any, person: Mapping[str, Any], tenant: Tenant) -> dict[str, Any]:
    lc = tables.letter_case.c
    products = set(
        connection.scalars(
            select(_c.product).join(tables.letter_case, lc.case_id == _c.id).where(lc.letter_id == row.id)
        )
    )
    return {
        "id": row.id,
        "no": row.letter_no,
        "kind": row.kind,
        "date": row.letter_date and row.letter_date.isoformat(),
        "addressee": person["name"],
        "role": row.role,
        # Of letters about several products, none decides on grade B1.
        "product": products.pop() if len(products) == 1 else None,
        "amount_fen": row.amount_fen,
        "state": row.state,
        "grade": row.grade,
        "flags": row.flags,
        "reasons": row.reasons,
        "revision": row.revision,
        "closed_on": row.closed_on and row.closed_on.isoformat(),
        "firm": tenant.profile.firm.name,
    }


def _approval(connection: Connection, tenant: Tenant, letter: Any) -> dict[str, Any] | None:
    if letter.approval_id is None:
        return None
    row = connection.execute(select(tables.approval).where(tables.approval.c.id == letter.approval_id)).one()
    sealed = orjson.loads(tenant.key.unseal(row.document, context=f"approval:{row.id}"))
    document = orjson.loads(sealed["approval"])
    lawyer = tenant.profile.lawyer(document["lawyer"])
    try:
        # The list names other persons' letters and stays here; that it holds was looked at now.
        checked = letter.approval_id in read_approvals(connection, tenant, letter.batch_id)
    except ApprovalVoid:
        checked = False
    p = tables.approved.c
    lines = connection.execute(
        select(p.n, p.address_record_id, p.content_sha256, p.template_sha256, p.basis)
        .where(p.approval_id == row.id, p.letter_id == letter.id)
        .order_by(p.n)
    )
    return {
        "document": document,
        "public_key": sealed.get("key") or _key_of(document, lawyer),
        "letters": row.letters,
        "by_itself": row.by_itself,
        "list_checked": checked,
        "lines": [dict(line._mapping) for line in lines],
    }


def _court(
    connection: Connection, tenant: Tenant, letter: Any, *, folder: str, home: Path
) -> tuple[dict[str, Any] | None, Files]:
    """What the court entrusted, the document itself, and the signatures beside the approval. Raises SegmentDamaged, Unsealable."""
    found = entrustments_of(connection, tenant, [letter.id]).get(letter.id)
    if found is None:
        return None, {}
    name, stated = f"{folder}/court-document.pdf", found.entrusted
    document = read_document(home, tenant, found.id)
    return {
        "id": found.id,
        "state": found.state,
        "court": stated.court,
        "docket_no": stated.docket_no,
        "entrustment_no": stated.no,
        "entrusted_on": stated.on.isoformat(),
        "valid_until": found.valid_until.isoformat(),
        "document": stated.document,
        "pages": stated.pages,
        # As it was recorded; of the file beside, `pdf` says what it is now.
        "document_sha256": stated.sha256,
        "pdf": {"file": name, **digests(document)._asdict()},
        "recorded_by": found.recorded_by,
        "recorded_at": iso(found.recorded_at),
        "confirmed_by": found.confirmed_by,
        "confirmed_at": iso(found.confirmed_at),
        "countersigned": _countersigned(connection, tenant, letter),
    }, {name: document}


def _countersigned(connection: Connection, tenant: Tenant, letter: Any) -> list[dict[str, Any]]:
    """The other lawyers' approvals of the same list, each with its key."""
    if letter.approval_id is None:
        return []
    try:
        approvals = read_approvals(connection, tenant, letter.batch_id)
    except ApprovalVoid:
        return []
    first = approvals[letter.approval_id].approval
    given = signers(connection, letter.batch_id, approvals).get(letter.id, [])
    keys = {signed.approval.id: signed.lawyer.public_key for signed in approvals.values()}
    return [
        {"document": orjson.loads(each.to_json()), "public_key": keys[each.id]} for each in given if each.id != first.id
    ]


def _key_of(document: Mapping[str, Any], lawyer: Lawyer | None) -> str | None:
    """Of approvals that did not keep their key: the profile's, unless it names another by now."""
    if lawyer is None or lawyer.public_key is None:
        return None
    try:
        return signing_key_of(Approval.from_json(orjson.dumps(document).decode()), lawyer.public_key.encode()).pem
    except ApprovalVoid:
        return None


def _stops(connection: Connection, tenant: Tenant, letter: Any, *, on: date) -> list[dict[str, Any]]:
    """Orders in whose scope the letter is, lifted ones too."""
    s, lc = tables.stop_order.c, tables.letter_case.c
    cases = select(lc.case_id).where(lc.letter_id == letter.id)
    own = s.object_id.in_((letter.id, letter.person_id, tenant.id)) | s.object_id.in_(cases)
    rows = connection.execute(select(tables.stop_order).where(s.tenant_id == tenant.id, own).order_by(s.id))
    return [
        {
            "id": row.id,
            "scope": row.scope,
            "reason": row.reason,
            "words": reason_zh(f"stop:{row.reason}", rules_on(tenant, on)),
            "state": row.state,
            "given_at": iso(row.given_at),
        }
        for row in rows
    ]


def _history(connection: Connection, ids: Collection[str]) -> list[dict[str, Any]]:
    s = tables.transition.c
    query = select(s.object, s.object_id.label("id"), s.source, s.target, s.actor, s.reason, s.at)
    rows = connection.execute(query.where(s.object_id.in_(ids)).order_by(s.seq))
    return [{**row._mapping, "at": iso(row.at)} for row in rows]


def read_decisions(connection: Connection, ids: Collection[str], tenant: Tenant, *, kind: str) -> list[dict[str, Any]]:
    """Automatic decisions about the objects `ids` of a letter of `kind`, in the order of the way."""
    rows = connection.execute(select(tables.decision).where(_d.object_id.in_(ids))).all()
    found = []
    for row in sorted(rows, key=lambda row: (row.on_day, _STAGES.get(row.stage, len(_STAGES)), row.id)):
        rules = rules_on(tenant, row.on_day)
        same = row.versions.get("rules") == rules.label and row.stage in GATES
        found.append(
            {
                "day": row.on_day.isoformat(),
                "stage": row.stage,
                "object_id": row.object_id,
                "outcome": row.outcome,
                "reasons": row.reasons,
                "words": [reason_zh(code, rules) for code in row.reasons if code != "chosen"],
                # Null: the rules of that day were others than those at hand, which are told in rules.json.
                "applied": [rule.id for rule in rules.at(scope_of(kind), row.stage)] if same else None,
                "versions": row.versions,
                "inputs_sha256": row.inputs_sha256,
            }
        )
    return found


#: Stages of one day, in the order of the way.
_STAGES = {stage: place for place, stage in enumerate(("accept", "approve", "lock", "hand_over", "stop", "outcome"))}


def _tasks(connection: Connection, ids: Collection[str]) -> list[dict[str, Any]]:
    k = tables.task.c
    rows = connection.execute(
        select(k.kind, k.object_id, k.state, k.reason, k.opened_on).where(k.object_id.in_(ids)).order_by(k.id)
    )
    return [{**row._mapping, "opened_on": row.opened_on.isoformat()} for row in rows]


def _audit(connection: Connection, ids: Collection[str]) -> list[dict[str, Any]]:
    a = tables.audit
    rows = connection.execute(select(a).where(a.c.object_id.in_(ids)).order_by(a.c.seq))
    return [dict(row._mapping) for row in rows]
