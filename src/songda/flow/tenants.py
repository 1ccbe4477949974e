"""Tenants: the institution's profile and key, from a file to the vault and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Engine, and_, bindparam, insert, select, update

from songda.base import ids
from songda.base.errors import SongdaError
from songda.compliance import Change, read_change
from songda.flow.audit import write_audit
from songda.intake import Profile
from songda.intake.profile import parse_profile
from songda.letters import Kind, Products, Template, house_template, in_force, load_products
from songda.store import data_key_reader, person_key_reader, tables
from songda.vault import DataKey, MasterKey, new_data_key, open_data_key


class UnknownTenant(SongdaError):
    zh = "没有名为“{name}”的机构档案"
    remedy = "请先运行 songda tenant import 档案.toml --tenant {name}（示例见 songda template tenant.toml）"
    exit_code = 78


class BadTenantName(SongdaError):
    zh = "机构简称的写法不对"
    remedy = "请用文字、数字和 . _ - 组成的简称（至多 40 个字符），例如 --tenant bank"
    exit_code = 64


#: A tenant's name stands in commands and in the path to which its carrier pushes.
_NAME = re.compile(r"[\w.-]{1,40}")
_r = tables.rule_change.c
#: A row an approved change of its rules, or one: a push must not pay for another question to the database.
_NAMED = (
    select(
        tables.tenant,
        _r.id.label("change_id"),
        _r.number.label("change_number"),
        _r.sealed.label("change_sealed"),
        _r.valid_from.label("change_from"),
        _r.valid_to.label("change_to"),
    )
    .outerjoin(tables.rule_change, and_(_r.tenant_id == tables.tenant.c.id, _r.state.in_(("approved", "ended"))))
    .where(tables.tenant.c.name == bindparam("name"))
    .order_by(_r.number)
)


@dataclass(frozen=True, slots=True)
class Tenant:
    id: str
    name: str
    key: DataKey
    profile: Profile
    profile_sha256: str
    #: Its own templates in force; see `with_templates`.
    templates: Mapping[Kind, Template] = field(default_factory=dict, hash=False, repr=False)
    #: Its seals and signatures by SHA-256; see songda.flow.imprints.
    imprints: Mapping[str, bytes] = field(default_factory=dict, hash=False, repr=False)
    #: Envelopes and postage of this installation; None: those that are shipped. See `with_products`.
    products: Products | None = field(default=None, hash=False, repr=False)
    #: What two persons have decided about its rules, each with its days; see songda.flow.rule_changes.
    rule_changes: tuple[Change, ...] = ()

    def template(self, kind: Kind) -> Template:
        """What its letters of a kind are made from: its own template, else the house's."""
        return self.templates.get(kind) or house_template(kind)


def import_tenant(
    engine: Engine, master: MasterKey, *, name: str, profile_toml: str, at: datetime, actor: str
) -> Tenant:
    """Stores the profile sealed, making the tenant and its key on first use. Raises ProfileError, BadTenantName."""
    parse_profile(profile_toml)
    if not _NAME.fullmatch(name):
        raise BadTenantName
    t = tables.tenant
    with engine.begin() as connection:
        row = connection.execute(select(t).where(t.c.name == name)).first()
        if row is None:
            wrapped, tenant_id = new_data_key(master), ids.new("ten")
            connection.execute(insert(t), {"id": tenant_id, "name": name, "data_key": wrapped, "created_at": at})
        else:
            wrapped, tenant_id = row.data_key, row.id
        key = open_data_key(master, wrapped)
        digest = sha256(profile_toml.encode()).hexdigest()
        sealed = key.seal(profile_toml.encode(), context=f"tenant:{tenant_id}")
        connection.execute(update(t).where(t.c.id == tenant_id).values(profile=sealed, profile_sha256=digest))
        write_audit(
            connection,
            at=at,
            actor=actor,
            action="tenant.import",
            object_id=tenant_id,
            details={"profile_sha256": digest},
        )
    return open_tenant(engine, master, name=name)


def open_tenant(engine: Engine, master: MasterKey, *, name: str) -> Tenant:
    """The tenant with its key, profile and changes of the rules. Raises UnknownTenant."""
    with engine.connect() as connection:
        rows = connection.execute(_NAMED, {"name": name}).all()
    if not rows or rows[0].profile is None:
        raise UnknownTenant(name=name)
    row = rows[0]
    key = open_data_key(
        master, row.data_key, person_keys=person_key_reader(engine), reread=data_key_reader(engine, row.id)
    )
    text = key.unseal(row.profile, context=f"tenant:{row.id}").decode()
    changes = tuple(
        read_change(
            open_change(key, each.change_sealed, change_id=each.change_id)["document"],
            number=each.change_number,
            valid_from=each.change_from,
            valid_to=each.change_to,
        )
        for each in rows
        if each.change_id is not None
    )
    return Tenant(
        id=row.id,
        name=name,
        key=key,
        profile=_parsed(text),
        profile_sha256=row.profile_sha256,
        rule_changes=changes,
    )


def open_change(key: DataKey, sealed: bytes, *, change_id: str) -> dict[str, Any]:
    """`document` and `reason` of a change of the rules, as they are kept. Raises Unsealable."""
    kept: dict[str, Any] = orjson.loads(key.unseal(sealed, context=f"rule_change:{change_id}"))
    return kept


def with_templates(tenant: Tenant, home: Path) -> Tenant:
    """`tenant` with the templates of its own that are in force. Raises BadTemplate, TemplateChanged."""
    return replace(tenant, templates=in_force(home, tenant.id))


def with_products(tenant: Tenant, home: Path) -> Tenant:
    """`tenant` with the envelopes and postage of this installation, where it states any. Raises BadProducts."""
    path = home / "products.toml"
    return replace(tenant, products=load_products(path)) if path.exists() else tenant


@lru_cache(maxsize=16)
def _parsed(text: str) -> Profile:
    """The profile that the text states; a server opens the same few for every push."""
    return parse_profile(text)
