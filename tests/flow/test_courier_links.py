"""Links to delivery offices are taken back for good, on both databases."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from songda.base import days
from songda.cli.drill import invented_profile
from songda.flow.audit import verify_audit
from songda.flow.courier_links import NoSuchLink, generation, give, given_links, revoke
from songda.flow.tenants import Tenant, import_tenant
from songda.vault import LocalMasterKey

AT = days.at(date(2026, 11, 26), 10)
OFFICE, OTHER = "33000100", "33000200"


@pytest.fixture
def tenant(database: Engine) -> Tenant:
    text, *_ = invented_profile()
    return import_tenant(
        database, LocalMasterKey(bytes(range(32))), name="bank", profile_toml=text, at=AT, actor="test"
    )


def test_a_revocation_counts_for_all_links_before_it_and_none_after_it(database: Engine, tenant: Tenant) -> None:
    def now(holder: str, office: str = OFFICE) -> int:
        with database.connect() as connection:
            return generation(connection, tenant.id, office, holder, at=AT)

    def link(holder: str, office: str = OFFICE) -> int:
        return give(database, tenant, office, holder=holder, expires=AT + timedelta(hours=2), at=AT)

    def back(holder: str | None) -> int:
        return len(revoke(database, tenant, OFFICE, holder=holder, by="ops-7", at=AT))

    first, other, elsewhere = link("a"), link("b"), link("a", OTHER)
    assert back("a") == 1
    assert first < now("a")
    assert (other, elsewhere) == (now("b"), now("a", OTHER))
    second = link("a")
    assert second == now("a")
    assert back(None) == 2
    assert second < now("a")
    assert other < now("b")
    assert elsewhere == now("a", OTHER)
    # Whoever never had one before is not refused either.
    assert link("c") == now("c")
    with database.connect() as connection:
        assert [each.holder for each in given_links(connection, tenant, at=AT)] == ["c", "a"]
        assert given_links(connection, tenant, at=AT + timedelta(hours=3)) == []
        assert verify_audit(connection).breaks == ()


@pytest.mark.parametrize("holder", ["a", None])
def test_what_is_not_there_is_not_revoked(database: Engine, tenant: Tenant, holder: Any) -> None:
    give(database, tenant, OTHER, holder="a", expires=AT + timedelta(hours=2), at=AT)
    give(database, tenant, OFFICE, holder="a", expires=AT - timedelta(hours=2), at=AT - timedelta(hours=3))
    with pytest.raises(NoSuchLink):
        revoke(database, tenant, OFFICE, holder=holder, by="ops-7", at=AT)
