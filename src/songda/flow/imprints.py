"""Seals and handwritten signatures of a firm, kept by the vault and laid on approved letters alone.

    imprint = keep_imprint(engine, tenant, data, use="seal", home=home, at=now)   # its SHA-256, for the profile
    tenant = with_imprints(tenant, home)                                          # those that are kept, to render with

The profile names what is used from now on; an approval states it, so that its lawyer signs for it, and its letters keep it when
the profile names another. Nothing else reads these files: samples, drills and templates bear none (decision 024).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import Engine

from songda.base.errors import SongdaError
from songda.flow.audit import write_audit
from songda.flow.tenants import Tenant
from songda.intake.profile import Lawyer
from songda.letters import ImprintUse, UnknownImprint, from_scan, imprint_id
from songda.vault.durable import held, new_file


class ImprintInUse(SongdaError):
    zh = "机构档案仍写明该印章或签名图样（{imprint}）"
    remedy = "请先改机构档案的 seal_imprint 或 signature_imprint 并重新导入"
    exit_code = 65


def keep_imprint(
    engine: Engine, tenant: Tenant, data: bytes, *, use: ImprintUse, home: Path, at: datetime
) -> tuple[str, bytes]:
    """Seals what is inked on a scan; its SHA-256 and the imprint. The same scan again changes nothing. Raises NotAnImprint."""
    imprint = from_scan(data, use)
    name = imprint_id(imprint)
    path = _path(home, tenant, name)
    if not path.exists():
        with new_file(path) as file:
            file.write(tenant.key.seal(imprint, context=_context(name)))
        _note(engine, tenant, "imprint.add", {"imprint": name, "use": use}, at)
    return name, imprint


def remove_imprint(engine: Engine, tenant: Tenant, name: str, *, home: Path, at: datetime) -> None:
    """Letters that were approved with it and are not rendered yet will be held. Raises UnknownImprint, ImprintInUse."""
    path = _path(home, tenant, name)
    if not path.exists():
        raise UnknownImprint(imprint=name)
    if name in named(tenant):
        raise ImprintInUse(imprint=name)
    with held(home):
        path.unlink()
    _note(engine, tenant, "imprint.remove", {"imprint": name}, at)


def with_imprints(tenant: Tenant, home: Path) -> Tenant:
    """`tenant` with all imprints that are kept for it. Raises Unsealable."""
    return replace(tenant, imprints=MappingProxyType(read_imprints(tenant, home)))


def read_imprints(tenant: Tenant, home: Path) -> dict[str, bytes]:
    kept = sorted(_folder(home, tenant).glob("*.bin"))
    return {each.stem: tenant.key.unseal(each.read_bytes(), context=_context(each.stem)) for each in kept}


def imprints_for(tenant: Tenant, lawyer: Lawyer) -> Mapping[ImprintUse, str | None]:
    """What a letter of the lawyer bears from now on. Raises UnknownImprint when the profile names what is not kept."""
    chosen: dict[ImprintUse, str | None] = {
        "seal": tenant.profile.firm.seal_imprint,
        "signature": lawyer.signature_imprint,
    }
    for name in chosen.values():
        if name is not None and name not in tenant.imprints:
            raise UnknownImprint(imprint=name)
    return chosen


def named(tenant: Tenant) -> frozenset[str]:
    """The imprints that the profile names."""
    stated = [tenant.profile.firm.seal_imprint, *(each.signature_imprint for each in tenant.profile.lawyers)]
    return frozenset(each for each in stated if each is not None)


def _note(engine: Engine, tenant: Tenant, action: str, details: dict[str, str], at: datetime) -> None:
    with engine.begin() as connection:
        write_audit(connection, at=at, actor="operator", action=action, object_id=tenant.id, details=details)


def _folder(home: Path, tenant: Tenant) -> Path:
    return home / "imprints" / tenant.id


def _path(home: Path, tenant: Tenant, name: str) -> Path:
    return _folder(home, tenant) / f"{name}.bin"


def _context(name: str) -> str:
    return f"imprint:{name}"
