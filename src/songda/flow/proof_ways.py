"""The ways of a letter as a bundle of evidence needs them: attempts with their PDFs of record, pieces with their proofs, and
what the carrier told in its own words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from songda.carriers import item_line
from songda.evidence import digests, run_proof
from songda.flow.press import UnknownRun, read_manifest, record_reader
from songda.flow.signatures import Signature, signature_of
from songda.flow.slips import NoSlip, read_slip
from songda.flow.stamps import rows_of, run_token
from songda.flow.tenants import Tenant
from songda.letters import Manifest
from songda.store import tables
from songda.vault import DataKey

Files = dict[str, bytes]
_n, _p, _r, _a, _f, _i, _d = (
    each.c
    for each in (
        *(tables.attempt, tables.piece, tables.run, tables.address_record, tables.fact, tables.intent, tables.decision),
    )
)


class Archive:
    """What lies sealed or hashed in the house's folder: PDFs of record, and the manifests of runs, read once each."""

    def __init__(self, tenant: Tenant, home: Path) -> None:
        self._home, self._tenant, self._key = home, tenant, tenant.key
        #: Row of an attempt → its PDF of record. Raises SegmentDamaged, Unsealable.
        self.read = record_reader(tenant, home)
        self._read: dict[str, tuple[Manifest, list[dict[str, Any]]] | None] = {}

    def proof(self, run_id: str, manifest_sha256: str | None, piece_id: str) -> dict[str, Any] | None:
        """None when the run has no manifest, or not the one that the ledger knows, or the piece is not in it."""
        if run_id not in self._read:
            try:
                manifest = read_manifest(self._home, run_id)
                self._read[run_id] = (manifest, rows_of(manifest))
            except (UnknownRun, ValueError):
                self._read[run_id] = None
        read = self._read[run_id]
        if read is None or read[0].run_sha256 != manifest_sha256:
            return None
        manifest, rows = read
        index = next((place for place, row in enumerate(rows) if row["piece_id"] == piece_id), None)
        if index is None:
            return None
        return run_proof(rows, index, run_id=run_id, day=manifest.day, manifest_sha256=manifest.run_sha256)

    def token(self, run_id: str) -> bytes | None:
        return run_token(self._home, run_id)

    def signature(self, attempt: Any) -> Signature | None:
        """The electronic signature of the PDF of record of an attempt's row. Raises Unsealable."""
        return signature_of(self._home, self._tenant, attempt)

    def slip(self, report_id: str) -> bytes | None:
        """The photo of a report's slip; None when its file is gone. Raises Unsealable."""
        try:
            return read_slip(self._home, self._key, report_id)
        except NoSlip:
            return None


def read_attempts(
    connection: Connection,
    tenant: Tenant,
    letter: Any,
    person: Mapping[str, Any],
    *,
    folder: str,
    archive: Archive,
) -> tuple[list[dict[str, Any]], Files]:
    rows = connection.execute(
        select(tables.attempt, _n.id.label("attempt_id"), _a.origin, _a.recorded_on, _a.expires_on, _a.owner_role)
        .join(tables.address_record, _a.id == _n.address_record_id)
        .where(_n.letter_id == letter.id)
        .order_by(_n.n)
    ).all()
    files: Files = {}
    bases = _bases(connection, letter)
    said = _said(connection, [row.id for row in rows])
    found = []
    for row in rows:
        pieces, tokens = _pieces(connection, row.id, letter.letter_no, archive=archive)
        events, words = _events(connection, tenant.key, row, folder=folder, archive=archive)
        pdf = None
        if row.segment is not None:
            name = f"{folder}/letter-{row.n}.pdf"
            data = archive.read(row)
            pdf, files[name] = {"file": name, **digests(data)._asdict()}, data
            signature = archive.signature(row)
            if signature is not None:
                beside = f"{folder}/letter-{row.n}.signed.pdf" if signature.inside else f"{name}.sm2"
                files[beside] = data + signature.data if signature.inside else signature.data
                pdf["signature"] = {"file": beside, "certificate": signature.certificate, "at": signature.at}
        files |= tokens | words
        address = person["addresses"].get(row.address_record_id, {})
        found.append(
            {
                "id": row.id,
                "n": row.n,
                "state": row.state,
                "grade": row.grade,
                "posted_on": row.posted_on and row.posted_on.isoformat(),
                **{
                    name: getattr(row, name)
                    for name in ("product", "envelope", "sheets", "pages", "weight_g", "price_fen")
                },
                "pdf": pdf,
                "address": {
                    "record_id": row.address_record_id,
                    "label": list(address.get("label") or ()),
                    "text": address.get("text"),
                    "origin": row.origin,
                    "owner_role": row.owner_role,
                    "recorded_on": row.recorded_on and row.recorded_on.isoformat(),
                    "expires_on": row.expires_on and row.expires_on.isoformat(),
                    "basis": bases.get(row.address_record_id),
                },
                "pieces": pieces,
                "events": events,
                "said": said.get(row.id),
            }
        )
    return found, files


def _pieces(
    connection: Connection, attempt_id: str, letter_no: str | None, *, archive: Archive
) -> tuple[list[dict[str, Any]], Files]:
    handed = tables.transition.c
    query = (
        select(tables.piece, _r.number, _r.manifest_sha256, _i.state.label("order_state"), _i.asked_at, handed.at)
        .outerjoin(tables.run, _r.id == _p.run_id)
        .outerjoin(tables.intent, _i.order_no == _p.order_no)
        .outerjoin(tables.transition, (handed.object_id == _p.id) & (handed.target == "handed_over"))
        .where(_p.attempt_id == attempt_id)
        .order_by(_p.copy)
    )
    found, files = [], {}
    for row in connection.execute(query).all():
        proof = archive.proof(row.run_id, row.manifest_sha256, row.id) if row.run_id else None
        token = archive.token(row.run_id) if proof else None
        name = f"runs/{row.run_id}.tsr"
        if token is not None:
            files[name] = token
        found.append(
            {
                "id": row.id,
                "copy": row.copy,
                "state": row.state,
                "order_no": row.order_no,
                "order_state": row.order_state,
                "ordered_at": iso(row.asked_at),
                "waybill_no": row.waybill_no,
                "item": item_line(letter_no or ""),
                # A piece that was handed over and pulled back by a correction would not stand there.
                "handed_over_at": iso(row.at) if row.state == "handed_over" else None,
                "run_id": row.run_id,
                "run_number": row.number,
                "proof": proof,
                "token": name if token is not None else None,
            }
        )
    return found, files


def _events(
    connection: Connection, key: DataKey, attempt: Any, *, folder: str, archive: Archive
) -> tuple[list[dict[str, Any]], Files]:
    """The tellers' words as they came, one file an event; beside a courier's report the photo of its slip."""
    found, files = [], {}
    slips = _slips(connection, attempt.id)
    query = select(tables.fact).where(_f.attempt_id == attempt.id).order_by(_f.arrival)
    for row in connection.execute(query).all():
        name = f"{folder}/events-{attempt.n}/{row.arrival:04}.json"
        files[name] = key.unseal(row.raw, context=f"fact:{row.id}")
        parts = {part: value for part, value in row.event.items() if part != "waybill_no"}
        slip, photo = None, archive.slip(slips[row.event_key]) if row.event_key in slips else None
        if photo is not None:
            slip = {"file": f"{folder}/events-{attempt.n}/{row.arrival:04}.jpg", "sha256": sha256(photo).hexdigest()}
            files[slip["file"]] = photo
        found.append(
            {
                "file": name,
                "sha256": row.raw_sha256,
                "waybill_no": row.event["waybill_no"],
                "arrival": row.arrival,
                "received_at": iso(row.received_at),
                "parts": {**parts, "op_time": iso(row.op_time)},
                "slip": slip,
            }
        )
    return found, files


def _slips(connection: Connection, attempt_id: str) -> dict[str, str]:
    """Key of a fact → id of the report that came with a photo; of several the first."""
    r = tables.courier_report.c
    query = (
        select(r.event_key, r.id).where(r.attempt_id == attempt_id, r.slip_sha256.is_not(None)).order_by(r.id.desc())
    )
    return {row.event_key: row.id for row in connection.execute(query)}


def _bases(connection: Connection, letter: Any) -> dict[str, str]:
    p = tables.approved.c
    query = select(p.address_record_id, p.basis).where(p.letter_id == letter.id, p.approval_id == letter.approval_id)
    return {row.address_record_id: row.basis for row in connection.execute(query)}


def _said(connection: Connection, attempt_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The last outcome that the ledger wrote about each attempt."""
    query = select(tables.decision).where(_d.object_id.in_(attempt_ids), _d.stage == "outcome").order_by(_d.id)
    return {
        row.object_id: {
            "outcome": row.outcome,
            "mapping": row.versions.get("mapping"),
            "facts": row.versions.get("facts"),
        }
        for row in connection.execute(query)
    }


def iso(instant: datetime | None) -> str | None:
    """ISO 8601, UTC. SQLite forgets the zone: what lies there is always UTC."""
    if instant is None:
        return None
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
