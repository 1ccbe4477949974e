"""The record behind the delivery office's page and the carrier's program."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from songda.dispatch import Report, Reporter, call_rules, reportable
from songda.flow import courier, courier_links, courier_reports
from songda.flow.shared_secrets import tenant_of_key
from songda.flow.tenants import Tenant
from songda.web.courier import CourierDoor, Outcome

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from songda.vault import MasterKey


def courier_door(engine: Engine, master: MasterKey, home: Path, *, clock: Callable[[], datetime]) -> CourierDoor:
    """The door over the record in `engine` and `home`."""

    def tenant(tenant_id: str) -> Tenant:
        found = courier.tenant_of_id(engine, master, tenant_id)
        # Asked only for tenants whose link or key was shown.
        assert found is not None
        return found

    def link_key(tenant_id: str) -> bytes | None:
        found = courier.tenant_of_id(engine, master, tenant_id)
        return None if found is None else courier_links.signing_key(found)

    def generation(tenant_id: str, office: str, holder: str) -> int:
        with engine.connect() as connection:
            return courier_links.generation(connection, tenant_id, office, holder, at=clock())

    def worklist(tenant_id: str, office: str) -> dict[str, Any]:
        at = clock()
        rows = courier.worklist(engine, tenant(tenant_id), office, home=home, at=at)
        return {
            "office": office,
            "office_name": next((row.item.office_name for row in rows if row.item.office_name), ""),
            "made_at": at.isoformat(timespec="seconds"),
            "items": [courier.shown(row) for row in rows],
            "outcomes": reportable()["outcome"],
            "relations": reportable()["relation"],
            "call": call_rules(),
        }

    def program_list(tenant_id: str, office: str) -> dict[str, Any]:
        rows = courier.worklist(engine, tenant(tenant_id), office, home=home, at=clock())
        return {
            "office": office,
            "items": [{"waybill_no": row.item.waybill_no, **courier.told(row)} for row in rows],
            "call": call_rules(),
        }

    def unmask(tenant_id: str, office: str, number: str, holder: str, how: str) -> dict[str, Any] | None:
        viewer = courier.Viewer(holder, how)
        return courier.unmask(engine, tenant(tenant_id), office, number, home=home, viewer=viewer, at=clock())

    def take(
        tenant_id: str,
        office: str,
        holder: str,
        teller: Literal["courier", "app"],
        told: Outcome,
        photo: bytes | None,
    ) -> dict[str, Any]:
        report = Report(
            client_id=told.id,
            waybill_no=told.waybill_no,
            happened_at=told.at,
            outcome=told.outcome,
            relation=told.relation,
            signer_name=told.signer_name,
            slip_sha256=None if photo is None else hashlib.sha256(photo).hexdigest(),
        )
        taken = courier_reports.take(
            engine,
            tenant(tenant_id),
            home,
            report=report,
            slip=photo,
            reporter=Reporter(teller, office, holder),
            at=clock(),
        )
        return {"status": taken.status, "reason": taken.reason, "message": taken.message}

    def whose(key: str) -> str | None:
        found = tenant_of_key(engine, master, key, at=clock(), name="courier")
        return None if found is None else found.id

    return CourierDoor(
        link_key=link_key,
        generation=generation,
        worklist=worklist,
        unmask=unmask,
        take=take,
        tenant_of_key=whose,
        program_list=program_list,
    )
