"""Whether changes and forgeries of a bundle of evidence are found, and how long a stranger waits for the answer.

    .venv/bin/python bench/evidence_tamper.py [--changes 1000] [--forgeries 100] [--out evidence_tamper.json]

A change is one byte of the ZIP, anywhere, replaced by another. A forgery changes letter, events or amount and rebuilds every
hash, proof and signature that its forger can (bench/evidence_forgeries.py). The reader holds the institution's public key
and the authority's root certificate. Prints a table; with --out also writes the figures as JSON. People are invented.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.evidence_forgeries import bundle, forgeries, letter_files, new_keys
from bench.letters_render import letter
from songda.evidence import BadBundle, Trust, run_proof, run_statement, verify_bundle
from songda.letters import PieceRow, Renderer, house_template


def found(data: bytes, trust: Trust) -> bool:
    try:
        verify_bundle(data, trust)
    except BadBundle:
        return True
    return False


def changed(data: bytes, chance: random.Random) -> bytes:
    """One byte replaced by another."""
    place = chance.randrange(len(data))
    other = (data[place] + chance.randrange(1, 256)) % 256
    return data[:place] + bytes([other]) + data[place + 1 :]


def proof_times(pieces: int) -> dict[str, Any]:
    """Making the statement of a run that is stamped, and the proof of one letter of it."""
    row = PieceRow(1, "pce_1", "YX2026-000001", "1100000000001", 2, 1, 13, "run-000001-001.pdf", 1, "0" * 64, "1" * 64)
    rows = [asdict(row) | {"seq": seq} for seq in range(1, pieces + 1)]
    run = {"run_id": "run_1", "day": "2026-11-24", "manifest_sha256": "2" * 64}
    began = time.perf_counter()
    run_statement(rows=rows, **run)
    stated = time.perf_counter()
    run_proof(rows, pieces // 2, **run)
    return {
        "pieces_of_a_run": pieces,
        "statement_of_the_run_s": round(stated - began, 3),
        "proof_of_a_letter_s": round(time.perf_counter() - stated, 3),
    }


def measure(*, changes: int, forged: int) -> dict[str, Any]:
    keys, chance = new_keys(), random.Random(20261126)
    files = letter_files(keys, Renderer(house_template(letter(1).kind)).render(letter(1)).pdf)
    data, trust = bundle(keys, files), keys.trust()
    assert verify_bundle(data, trust).exit_code == 0, "the bundle itself is not sound"
    began = time.perf_counter()
    for _ in range(20):
        verify_bundle(data, trust)
    sound = (time.perf_counter() - began) / 20
    seen: Counter[bool] = Counter(found(changed(data, chance), trust) for _ in range(changes))
    kinds: dict[str, Counter[bool]] = {}
    for kind, archive in forgeries(keys, files, count=forged, seed=7):
        kinds.setdefault(kind, Counter())[found(archive, trust)] += 1
    return {
        "bundle_bytes": len(data),
        "verify_ms": round(sound * 1000, 1),
        "changes": changes,
        "changes_found": seen[True],
        "forgeries": forged,
        "forgeries_found": sum(each[True] for each in kinds.values()),
        **proof_times(10_000),
        "by_kind": [{"kind": kind, "tried": each.total(), "found": each[True]} for kind, each in kinds.items()],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changes", type=int, default=1000)
    parser.add_argument("--forgeries", type=int, default=100)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    figures = measure(changes=arguments.changes, forged=arguments.forgeries)
    for name, value in figures.items():
        if isinstance(value, list):
            for row in value:
                print("  ".join(f"{each:>6}" if isinstance(each, int) else f"{each:36}" for each in row.values()))
        else:
            print(f"{name:26} {value:>12,}")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
