"""The carrier's contract and the account at an aggregator, as the profile states them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from songda.carriers import BadContract
from songda.flow.post import NoCarrierContract, carrier_of, contract_of, fallback_of
from songda.intake import Profile

CARRIER: dict[str, Any] = {
    "kind": "china_post_ems",
    "endpoint": "https://carrier.example/open",
    "sender_no": "1100000000000",
    "authorization": "c2l4dGVlbiBieXRlIGtleQ==",
    "product": "1",
}
FALLBACK = {"kind": "kuaidi100", "customer": "C", "key_env": "KD_KEY", "company": "ems"}


def tenant(**changes: Any) -> Any:
    return SimpleNamespace(profile=Profile.model_validate({"carrier": CARRIER | changes}))


def test_pace_time_out_and_tolerance_come_from_the_profile() -> None:
    contract = contract_of(tenant(calls_per_s=20, timeout_s=7.5, clock_tolerance_s=60), {})
    assert (contract.calls_per_s, contract.timeout_s, contract.clock_tolerance_s) == (20, 7.5, 60)
    assert contract_of(tenant(), {}).calls_per_s is None


def test_a_fallback_takes_its_key_from_where_the_profile_says() -> None:
    account = fallback_of(tenant(fallback=FALLBACK), {"KD_KEY": "k"})
    assert account is not None
    assert (account.kind, account.key, account.salt) == ("kuaidi100", "k", None)
    assert fallback_of(tenant(), {}) is None


def test_a_contract_value_that_cannot_be_is_refused_by_name() -> None:
    with pytest.raises(BadContract) as error:
        contract_of(tenant(label_type="100"), {})
    assert "label_type" in error.value.message_zh
    with pytest.raises(BadContract, match="company"):
        fallback_of(tenant(fallback=FALLBACK | {"company": None}), {"KD_KEY": "k"})


BY_FILES = {"kind": "china_post_ems", "via": "posting_files", "sender_no": "K100", "product": "挂号信"}
NUMBERS = {"first": "XA00000000001", "last": "XA00000009999"}


def test_a_carrier_by_files_needs_no_endpoint_and_no_secret(tmp_path: Path) -> None:
    folder = tmp_path / "exchange"
    stated = Profile.model_validate({"carrier": BY_FILES | {"folder": str(folder), "number_range": NUMBERS}})
    with carrier_of(SimpleNamespace(profile=stated), {}) as carrier:  # type: ignore[arg-type]
        assert carrier.files is carrier.post
        assert carrier.contract.number_range == ("XA00000000001", "XA00000009999")
        assert (folder / "out").is_dir()
        assert list(carrier.files.tracking_files()) == []


def test_a_carrier_by_files_without_folder_or_numbers_is_refused_by_name() -> None:
    stated = Profile.model_validate({"carrier": BY_FILES})
    with pytest.raises(NoCarrierContract) as error, carrier_of(SimpleNamespace(profile=stated), {}):  # type: ignore[arg-type]
        pass
    assert error.value.data["missing"] == "folder、number_range"
