"""What was exported is found again to the last bit, and what was made up is found out."""

from __future__ import annotations

import random

import pytest
from bench.evidence_forgeries import Files, Keys, bundle, forgeries

from songda.evidence import BadBundle, Trust, verify_bundle


def test_a_sound_bundle_from_whom_one_trusts_proves_everything(keys: Keys, data: bytes) -> None:
    verdict = verify_bundle(data, keys.trust())
    assert (verdict.reservations, verdict.exit_code) == ((), 0)


def test_each_of_1000_changed_bytes_is_found(keys: Keys, data: bytes) -> None:
    chance, trust = random.Random(11), keys.trust()
    for _ in range(1000):
        changed = bytearray(data)
        changed[chance.randrange(len(changed))] ^= chance.randrange(1, 256)
        with pytest.raises(BadBundle):
            verify_bundle(bytes(changed), trust)


def test_each_changed_byte_is_found_by_a_reader_who_knows_nobody(data: bytes) -> None:
    chance = random.Random(12)
    for _ in range(200):
        changed = bytearray(data)
        changed[chance.randrange(len(changed))] ^= chance.randrange(1, 256)
        with pytest.raises(BadBundle):
            verify_bundle(bytes(changed), Trust())


def test_each_of_100_forgeries_with_all_hashes_rebuilt_is_found(keys: Keys, files: Files) -> None:
    trust, kinds = keys.trust(), set()
    for kind, forged in forgeries(keys, files, count=100, seed=13):
        with pytest.raises(BadBundle):
            verify_bundle(forged, trust)
        kinds.add(kind)
    assert len(kinds) == 12


def test_the_forgeries_are_whole_but_for_whom_they_are_from(keys: Keys, files: Files) -> None:
    """To one who trusts nobody, a forgery that brings its own key and authority is only as good as what it says itself."""
    fooled = 0
    for kind, forged in forgeries(keys, files, count=12, seed=14):
        if kind.startswith(("insider stamps", "stranger signs")):
            assert verify_bundle(forged, Trust()).exit_code == 2
            fooled += 1
    assert fooled == 6


def test_a_bundle_whose_timestamps_were_taken_out_is_never_without_reservation(keys: Keys, files: Files) -> None:
    assert any(
        "未加盖" in text for text in verify_bundle(bundle(keys, files, stamped=False), keys.trust()).reservations
    )


@pytest.mark.parametrize("cut", [0, 1, 21, 22, 100, 4000])
def test_cut_and_lengthened_files_are_refused(data: bytes, cut: int) -> None:
    for changed in (data[:cut], data[cut + 1 :], data + bytes(cut + 1), bytes(cut + 1) + data, data + data):
        with pytest.raises(BadBundle):
            verify_bundle(changed, Trust())
