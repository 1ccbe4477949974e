"""Runs every benchmark, each in a process of its own, and writes docs/benchmarks.md from what they measured.

    .venv/bin/python -m bench [NAME …]        # `document` alone only writes the document anew

Results lie in bench/results as JSON; the document is made from all that lie there, and from what notes.md says of each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results"
DOCUMENT = HERE.parent / "docs" / "benchmarks.md"

#: Name → what it shows, and the arguments of the published figures.
BENCHMARKS: dict[str, tuple[str, list[str]]] = {
    "whole_day": ("A whole day: 50,000 cases to print-ready, ordered letters (target: 10 minutes, 4 GB)", []),
    "letter_checks": ("Proofreading letters and looking at their records (target: 2,000 a second; 3 ms)", []),
    "letters_render": (
        "From contents to sealed records and print files (target: 150 letters a second, 1.5 GB, 40 kB a letter at rest)",
        ["--letters", "20000", "--peers", "~/.cache/songda-peers"],
    ),
    "letters_round_trip": (
        "Letters read back from pictures of the print files (target: every one equals the manifest)",
        ["--letters", "10000", "--sample", "500"],
    ),
    "letters_hostile": (
        "A thousand hostile values in every field of a letter (target: refused or printed as they stand)",
        [],
    ),
    "letters_sign": ("Electronic signatures of the PDFs of record", ["--letters", "30"]),
    "address_speed": ("Reading addresses", []),
    "address_peers": ("Reading addresses, beside the other readers", ["--peers", "~/.cache/songda-peers"]),
    "address_dedupe": ("Finding duplicates among addresses: a million rows", ["--rows", "1000000"]),
    "address_calibration": ("How far the confidence of an address can be trusted (target: error at most 0.03)", []),
    "address_fuzz": ("Hostile texts at the address engine, every index checked: ten minutes", ["--seconds", "600"]),
    "carrier_orders": ("Ordering and tracing at the stand-in carrier", []),
    "stop_race": ("Stopping letters while their run is locked: 10,000 random moments (target: exactly one wins)", []),
    "factory_runs": (
        "Print runs through the stand-in factory (target: 200,000 letters, zero difference, no wrong envelope)",
        ["--pieces", "200000", "--paper", "0.05"],
    ),
    "letter_faults": (
        "Letters under faults of every kind and SIGKILL (target: nothing lost, nothing twice, no wrong grade)",
        ["--database", "both", "--letters", "3000", "--days", "30", "--kill-every", "45"],
    ),
    "vault_speed": ("Sealing and opening (target: at most 10 % of a job's CPU; no nonce twice)", []),
    "vault_rotation": (
        "Both keys of a house changed while four processes read and write (target: a million records, no error)",
        ["--records", "1000000"],
    ),
    "vault_mutations": ("100,000 changed ciphertexts, tokens and bundles (target: none accepted, no crash)", []),
    "canary_scan": ("Residue: 5,000 people through the whole job, everything it wrote searched (target: 0 hits)", []),
    "world_bands": (
        "The simulated world: what rules and truth reach, by configuration (five worlds each)",
        [],
    ),
    "models": (
        "The models in simulated worlds (three pairs)",
        ["--cases", "20000", "--test-cases", "8000", "--seeds", "3"],
    ),
    "push_endpoint": (
        "Taking pushed events (target: 1,000 a second, p99 50 ms)",
        ["--database", "both", "--repeat", "3"],
    ),
    "tracking_fold": ("Folding tracking events (target: 20,000 events a second on one core)", []),
    "events_and_plan": ("Events, webhooks, money and the plan of a day", []),
    "contact_permits": (
        "Permits to contact on PostgreSQL (target: 1,000 a second, p99 50 ms at 50 callers; never a fourth call)",
        ["--http"],
    ),
    "courier_list": (
        "A delivery office's list, one name, one report, in a ledger of 40,000 letters",
        ["--letters", "40000"],
    ),
    "compliance_rules": ("The rules: a million letters through all five gates (target: 30 seconds on two cores)", []),
    "evidence_tamper": ("Changes and forgeries of a bundle of evidence (target: every one is found)", []),
    "demo": ("The demonstration: 2,000 cases, 30 days (target: 60 s of the product's own work)", []),
}


def run(name: str) -> None:
    RESULTS.mkdir(exist_ok=True)
    out = RESULTS / f"{name}.json"
    print(f"== {name}", flush=True)
    command = [sys.executable, str(HERE / f"{name}.py"), *BENCHMARKS[name][1], "--out", str(out)]
    # Else addresses would be read by the edition of the divisions that is in force on this machine.
    with TemporaryDirectory() as home:
        subprocess.run(command, env=os.environ | {"SONGDA_HOME": home}, check=True)
    figures = json.loads(out.read_text("utf-8"))
    figures = {"measured_on": datetime.now(tz=UTC).date().isoformat(), "hardware": hardware(), "figures": figures}
    out.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def hardware() -> str:
    """Processor, cores and memory, without the machine's name."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        "unknown processor",
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB"


def document() -> str:
    lines = [
        "# Benchmarks",
        "",
        "Made by `make bench` from bench/results; every figure comes from a command in this repository. People are invented,",
        "outcomes simulated. What is timed is the product's own work, not a network or a printing press.",
    ]
    for name, (title, arguments) in BENCHMARKS.items():
        path = RESULTS / f"{name}.json"
        if path.exists():
            lines += ["", f"## {title}", "", *section(name, arguments, json.loads(path.read_text("utf-8")))]
    return "\n".join(lines) + "\n"


def section(name: str, arguments: list[str], result: dict[str, Any]) -> list[str]:
    command = " ".join(["python", f"bench/{name}.py", *arguments])
    figures, notes = result["figures"], read_notes()
    lines = [f"`{command}`, {result['measured_on']}, {result['hardware']}", "", "| figure | value |", "| --- | ---: |"]
    tables = {}
    for key, value in figures.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            tables[key] = value
        elif isinstance(value, dict):
            lines += [f"| {key} {inner} | {shown(each)} |" for inner, each in value.items()]
        else:
            lines.append(f"| {key} | {shown(value)} |")
    if name in notes:
        lines = [notes[name], "", *lines]
    for rows in tables.values():
        lines += ["", "| " + " | ".join(rows[0]) + " |", "| --- |" + " ---: |" * (len(rows[0]) - 1)]
        lines += ["| " + " | ".join(shown(each) for each in row.values()) + " |" for row in rows]
    return lines


def read_notes() -> dict[str, str]:
    """What notes.md says under the name of each benchmark: what was aimed at, what was missed, and why."""
    found: dict[str, str] = {}
    for part in (HERE / "notes.md").read_text("utf-8").split("\n## ")[1:]:
        name, _, text = part.partition("\n")
        found[name.strip()] = text.strip()
    return found


def shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def main() -> None:
    for name in sys.argv[1:] or BENCHMARKS:
        if name != "document":
            run(name)
    DOCUMENT.write_text(document(), encoding="utf-8")
    print(f"wrote {DOCUMENT.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
