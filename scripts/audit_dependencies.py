"""Asks OSV (osv.dev) whether anything that requirements.lock pins has a known vulnerability; needs the network.

    .venv/bin/python scripts/audit_dependencies.py [--service https://api.osv.dev] [--json]

Exit code 0: none; 65: some, which are printed; 69: the service did not answer, and nothing is known. Names and versions of public
packages are all that is sent. Run it daily, and before a release; `.ci/run` has no network and does not.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parent))

from sbom import LOCK, components

#: Most questions that the service takes at once.
_AT_ONCE = 1000


def vulnerabilities(pins: list[tuple[str, str]], *, service: str) -> dict[str, list[str]]:
    """`name==version` → ids of what is known of it; those without any are left out. Raises httpx.HTTPError, ValueError."""
    found: dict[str, list[str]] = {}
    with httpx.Client(base_url=service, timeout=30) as client:
        for start in range(0, len(pins), _AT_ONCE):
            part = pins[start : start + _AT_ONCE]
            asked = [{"package": {"ecosystem": "PyPI", "name": name}, "version": version} for name, version in part]
            answer = client.post("/v1/querybatch", json={"queries": asked}).raise_for_status().json()
            if len(answer["results"]) != len(part):
                raise ValueError("not as many answers as questions")
            for (name, version), result in zip(part, answer["results"], strict=True):
                if known := sorted(each["id"] for each in result.get("vulns", [])):
                    found[f"{name}=={version}"] = known
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--service", default="https://api.osv.dev")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    pins = [(each["name"], each["version"]) for each in components(LOCK.read_text("utf-8"))]
    try:
        found = vulnerabilities(pins, service=chosen.service)
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"no answer from {chosen.service}: {type(error).__name__}\n")
        return 69
    if chosen.json:
        print(json.dumps({"asked": len(pins), "vulnerable": found}, indent=1))
    else:
        for pin, known in found.items():
            print(f"{pin}\t{' '.join(known)}")
        print(f"{len(pins)} asked, {len(found)} with known vulnerabilities", file=sys.stderr)
    return 65 if found else 0


if __name__ == "__main__":
    sys.exit(main())
