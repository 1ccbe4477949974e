"""Links to the lists of delivery offices: given to a holder, and taken back from one holder or from all of an office.

    generation = give(engine, tenant, "31000100", holder="team-3", expires=until, at=now)       # signed into the link
    revoke(engine, tenant, "31000100", holder="team-3", by="ops-7", at=now)                     # holder=None: everybody's

A link is signed and not stored. What is stored is how often links were taken back, of an office and of each holder there
(generations of secrets, songda.notices): a link that has seen fewer revocations than there were is revoked.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, select

from songda.base.errors import SongdaError
from songda.flow.audit import write_audit
from songda.flow.tenants import Tenant
from songda.notices import rotate, valid_generations
from songda.store import tables

_GIVEN = "courier.link"


class NoSuchLink(SongdaError):
    zh = "网点 {office} 没有这样的、尚未过期的链接"
    remedy = "请核对网点代码和持有人编号；有效的链接见 songda courier links"
    exit_code = 65


@dataclass(frozen=True, slots=True)
class GivenLink:
    """A link that still opens its list."""

    office: str
    #: Id of the one to whom it was given.
    holder: str
    expires: datetime


def signing_key(tenant: Tenant) -> bytes:
    """32 bytes that sign the tenant's links for delivery offices, and nothing else."""
    return hashlib.sha256(tenant.key.token("courier.link").encode()).digest()


def generation(connection: Connection, tenant_id: str, office: str, holder: str, *, at: datetime) -> int:
    """Revocations so far of links that `holder` has for `office`: his own, and those of the whole office."""
    purposes = _of_office(office), _of_holder(office, holder)
    return sum(valid_generations(connection, tenant_id, each, at=at)[0].generation for each in purposes)


def give(engine: Engine, tenant: Tenant, office: str, *, holder: str, expires: datetime, at: datetime) -> int:
    """Writes down that the operator gives `holder` a link to the list of `office`; returns the generation to sign into it."""
    with engine.begin() as connection:
        now = generation(connection, tenant.id, office, holder, at=at)
        write_audit(
            connection,
            at=at,
            actor="operator",
            action=_GIVEN,
            object_id=tenant.id,
            details={"office": office, "holder": holder, "link_expires": expires.isoformat(), "generation": now},
        )
    return now


def given_links(connection: Connection, tenant: Tenant, *, office: str | None = None, at: datetime) -> list[GivenLink]:
    """Links that are neither expired nor revoked, by office and holder; those of one `office`, if given."""
    a = tables.audit.c
    query = select(a.details).where(a.action == _GIVEN, a.object_id == tenant.id).order_by(a.seq)
    found = []
    for details in connection.scalars(query):
        link = GivenLink(details["office"], details["holder"], datetime.fromisoformat(details["link_expires"]))
        if link.expires < at or office not in (None, link.office):
            continue
        if details.get("generation", 0) >= generation(connection, tenant.id, link.office, link.holder, at=at):
            found.append(link)
    return sorted(found, key=lambda link: (link.office, link.holder, link.expires))


def revoke(
    engine: Engine, tenant: Tenant, office: str, *, holder: str | None, by: str, at: datetime
) -> list[GivenLink]:
    """Takes back the links to `office` that `holder` has, or all of them; they open nothing from now on. Returns them.

    `by`: id of the one who answers for it; kept in the audit log. Raises NoSuchLink when there is none to take back.
    """
    with engine.begin() as connection:
        standing = given_links(connection, tenant, office=office, at=at)
        taken = [link for link in standing if holder in (None, link.holder)]
        if not taken:
            raise NoSuchLink(office=office)
        purpose = _of_office(office) if holder is None else _of_holder(office, holder)
        rotate(connection, tenant.id, purpose, at=at, overlap=timedelta(0))
        write_audit(
            connection,
            at=at,
            actor=by,
            action="courier.revoke",
            object_id=tenant.id,
            details={"office": office, "holder": holder, "links": len(taken)},
        )
    return taken


def _of_office(office: str) -> str:
    return f"courier.link:{office}"


def _of_holder(office: str, holder: str) -> str:
    # As short as the column is, whatever the id.
    return f"{_of_office(office)}:{hashlib.sha256(holder.encode()).hexdigest()[:24]}"
