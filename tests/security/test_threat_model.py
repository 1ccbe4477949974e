"""The threat model speaks of what exists: its controls are modules, its tests are tests; no secret lies in the repository."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODEL = (ROOT / "docs" / "threat-model.md").read_text("utf-8")
ROWS = [line for line in MODEL.splitlines() if line.startswith("| ") and not line.startswith(("| threat", "| ---"))]
#: Shapes of real secrets: private keys, and keys of clouds and forges.
SECRETS = re.compile(
    rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s[A-Za-z0-9+/=\s]{100,}|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}"
    rb"|xox[abprs]-[A-Za-z0-9-]{20,}|AIza[0-9A-Za-z_-]{35}"
)


def test_every_threat_names_a_control_and_a_test_that_exist() -> None:
    assert len(ROWS) > 30
    for row in ROWS:
        _, control, test = (cell.strip() for cell in row.strip("|").split(" | "))
        controls, tests = re.findall(r"`([^`]+)`", control), re.findall(r"`([^`]+)`", test)
        assert controls, row
        assert tests, row
        for path in (*controls, *tests):
            assert (ROOT / path).is_file(), f"{path}: {row}"
        assert all(path.startswith("tests/") for path in tests), row


def test_no_tracked_file_holds_a_secret_of_a_known_shape() -> None:
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    names = [name for name in listed.decode().split("\0") if name]
    assert len(names) > 100
    assert SECRETS.search(b"-----BEGIN PRIVATE KEY-----\n" + b"A" * 120)
    found = [name for name in names if (ROOT / name).is_file() and SECRETS.search((ROOT / name).read_bytes())]
    assert found == []


def test_the_bill_of_materials_holds_every_pin_with_its_hashes() -> None:
    spec = importlib.util.spec_from_file_location("sbom", ROOT / "scripts" / "sbom.py")
    assert spec
    assert spec.loader
    sbom = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sbom)
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    found = sbom.components(lock)
    assert len(found) == len(re.findall(r"(?m)^[A-Za-z0-9_.-]+==", lock))
    assert all(each["hashes"] for each in found)
    assert sum(len(each["hashes"]) for each in found) == lock.count("sha256:")
    assert json.dumps(found) == json.dumps(sbom.components(lock))
