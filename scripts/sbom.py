"""Writes a bill of materials (CycloneDX 1.6, JSON) of everything that requirements.lock pins; the same bytes each time.

.venv/bin/python scripts/sbom.py [--out sbom.json]

Licences are those that the installed packages state.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[1] / "requirements.lock"
_PIN = re.compile(r"^([A-Za-z0-9_.-]+)==(\S+)", re.MULTILINE)


def components(lock: str) -> list[dict[str, Any]]:
    """A component a pin, with the SHA-256 of each file that may be installed."""
    found = []
    starts = list(_PIN.finditer(lock))
    for pin, following in zip(starts, [*starts[1:], None], strict=True):
        block = lock[pin.end() : following.start() if following else len(lock)]
        name, version = pin[1].lower().replace("_", "-"), pin[2]
        component: dict[str, Any] = {
            "type": "library",
            "bom-ref": f"pkg:pypi/{name}@{version}",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name}@{version}",
            "hashes": [
                {"alg": "SHA-256", "content": each} for each in sorted(re.findall(r"sha256:([0-9a-f]{64})", block))
            ],
        }
        if stated := _licence(name):
            component["licenses"] = [{"license": {"name": stated}}]
        found.append(component)
    return sorted(found, key=lambda each: str(each["bom-ref"]))


def _licence(name: str) -> str | None:
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return None
    stated = next((about[name] for name in ("License-Expression", "License") if about[name]), "")
    classified = [
        each.rsplit(" :: ", 1)[1] for each in about.get_all("Classifier") or [] if each.startswith("License ::")
    ]
    # Some paste the whole text of their licence.
    told = stated if 0 < len(stated) < 80 else "; ".join(classified)
    if told == "OSI Approved":
        # Some say no more than that it is a known one: the first line of its text names it.
        texts = [file for file in metadata.files(name) or [] if file.name.upper().startswith("LICENSE")]
        told = next((str(file.read_text()).strip().splitlines()[0] for file in texts), told)
    return told or None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "songda", "bom-ref": "songda"}},
        "components": components(LOCK.read_text("utf-8")),
    }
    text = json.dumps(bill, ensure_ascii=False, indent=2) + "\n"
    if chosen.out:
        chosen.out.write_text(text, "utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
