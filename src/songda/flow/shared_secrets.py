"""Secrets that a tenant's partners hold: the path to which its carrier pushes, the key with which it reads its events, the
key with which the carrier's own program reads work lists and reports outcomes, the key with which callers ask for permits,
and the one with which the institution's own systems stop letters.

shared = valid(engine, tenant, "push", at=now)            # one, or two while a rotation is under way
renew(engine, tenant, "push", overlap=timedelta(days=7), at=now, actor="operator")
reader = tenant_of_key(engine, master, text, at=now)      # Tenant, or None
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine, select

from songda.flow.audit import write_audit
from songda.flow.tenants import Tenant, open_tenant
from songda.notices import holds, rotate, token, valid_generations
from songda.store import tables
from songda.vault import MasterKey

#: What the operator calls a secret → the purpose for which it is derived.
PURPOSES = {
    "push": "carrier.push",
    "api": "api.events",
    "courier": "api.courier",
    "contacts": "api.contacts",
    "stops": "api.stops",
}
#: Those that are shown as a whole key, because they must also say whose they are.
_KEYS = ("api", "courier", "contacts", "stops")
#: Lets a scanner of leaked secrets know ours; behind it stand the tenant's id and a token.
_KEY = "songda_"


@dataclass(frozen=True, slots=True)
class Shared:
    generation: int
    #: The secret part of the path, or the whole key.
    text: str = field(repr=False)
    #: None: until the next rotation.
    until: datetime | None


def valid(engine: Engine, tenant: Tenant, name: str, *, at: datetime) -> list[Shared]:
    """The valid generations of the secret `name` (a key of PURPOSES), newest first."""
    purpose = PURPOSES[name]
    with engine.connect() as connection:
        generations = valid_generations(connection, tenant.id, purpose, at=at)
    head = f"{_KEY}{tenant.id}." if name in _KEYS else ""
    return [
        Shared(each.generation, head + token(tenant.key, purpose, each.generation), each.until) for each in generations
    ]


def renew(engine: Engine, tenant: Tenant, name: str, *, overlap: timedelta, at: datetime, actor: str) -> None:
    """Begins the next generation of the secret `name`; the last one stays valid for `overlap`."""
    with engine.begin() as connection:
        generation = rotate(connection, tenant.id, PURPOSES[name], at=at, overlap=overlap)
        write_audit(
            connection,
            at=at,
            actor=actor,
            action="secret.rotate",
            object_id=tenant.id,
            details={"secret": name, "generation": generation, "overlap_s": int(overlap.total_seconds())},
        )


def tenant_of_key(engine: Engine, master: MasterKey, text: str, *, at: datetime, name: str = "api") -> Tenant | None:
    """The tenant whose valid key `text` is, for the purpose `name` (one of _KEYS)."""
    tenant_id, _, shown = text.removeprefix(_KEY).partition(".")
    with engine.connect() as connection:
        tenant_name = connection.scalar(select(tables.tenant.c.name).where(tables.tenant.c.id == tenant_id))
    if tenant_name is None:
        return None
    tenant = open_tenant(engine, master, name=tenant_name)
    with engine.connect() as connection:
        known = holds(connection, tenant.id, tenant.key, PURPOSES[name], shown, at=at)
    return tenant if known else None
