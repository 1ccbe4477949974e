"""Timestamps of print runs: whom the profile names, and what half a name is worth."""

from __future__ import annotations

from flow_house import AT, House

from songda.flow.stamps import NoAuthority, stamp_by, stamp_runs


def test_a_profile_that_names_no_authority_stamps_nothing(house: House) -> None:
    tenant = house.tenant()
    assert stamp_by(tenant) is None
    done = stamp_runs(house.engine, tenant, home=house.folder, at=AT)
    assert (done.stamped, done.left, done.error) == (0, 0, None)


def test_half_an_authority_is_an_error_that_stops_no_run(house: House) -> None:
    tenant = house.tenant(("[policy]", '[timestamp]\nurl = "http://127.0.0.1:9/tsa"\n[policy]'))
    done = stamp_runs(house.engine, tenant, home=house.folder, at=AT)
    assert isinstance(done.error, NoAuthority)
    assert "certificate" in done.error.message_zh
