"""How fast the vault seals and opens, and whether a nonce ever comes twice.

    .venv/bin/python bench/vault_speed.py [--seals 10000000] [--seconds 2] [--out vault_speed.json]

speed    records of the sizes that the house has (a person 400 B, a letter of record 15 kB), under a tenant's key and under a person's,
         AES-256-GCM and SM4-GCM; one process.
nonces   as many seals of nothing under one key: every nonce is kept and compared with all others. They are 96 random bits: among ten
         million the chance of one pair is 6e-16, so that this finds a generator that is broken, and nothing finer.
share    what sealing and opening is of the CPU of `songda demo`, by the profiler.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import sys
import tempfile
import time
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from songda.cli.demo import play
from songda.flow.run import Watch
from songda.vault import LocalMasterKey, new_data_key, open_data_key

SIZES = (400, 15_000)
#: Version, suite and kind stand before the nonce.
_NONCE = slice(4, 16)


def main() -> None:
    given = _arguments()
    figures: dict[str, Any] = {
        "speed": [row for suite in ("AES-256-GCM", "SM4-GCM") for row in _speed(suite, given.seconds)]
    }
    for row in figures["speed"]:
        print(row, flush=True)
    figures["seals"], figures["equal_nonces"] = given.seals, _equal_nonces(given.seals)
    figures["share_of_a_job_percent"] = _share()
    print({name: value for name, value in figures.items() if name != "speed"})
    if given.out:
        given.out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    if figures["equal_nonces"]:
        raise SystemExit("a nonce came twice")


def _speed(suite: str, seconds: float) -> list[dict[str, Any]]:
    master = LocalMasterKey(os.urandom(32))
    kept: dict[str, bytes] = {}
    tenant = open_data_key(master, new_data_key(master, suite=suite), person_keys=lambda _: kept)
    kept["per_1"] = tenant.new_person_key("per_1")
    person = tenant.open_person_key("per_1", kept["per_1"])
    keys = {"tenant": (tenant.seal, tenant.unseal), "person": (person.seal, tenant.unseal)}
    found = []
    for whose, (seal, unseal) in keys.items():
        for size in SIZES:
            plain = os.urandom(size)
            seals = _rate(partial(seal, plain, context="bench"), seconds)
            opens = _rate(partial(unseal, seal(plain, context="bench"), context="bench"), seconds)
            found.append({"suite": suite, "key": whose, "bytes": size, "seals_per_s": seals, "opens_per_s": opens})
    return found


def _rate(call: Any, seconds: float) -> int:
    call()
    count, start = 0, time.process_time()
    while (spent := time.process_time() - start) < seconds:
        for _ in range(100):
            call()
        count += 100
    return round(count / spent)


def _equal_nonces(seals: int) -> int:
    master = LocalMasterKey(os.urandom(32))
    key = open_data_key(master, new_data_key(master))
    nonces = np.empty((seals, 12), dtype=np.uint8)
    for n in range(seals):
        nonces[n] = np.frombuffer(key.seal(b"", context="nonce")[_NONCE], dtype=np.uint8)
    whole = np.zeros((seals, 16), dtype=np.uint8)
    whole[:, :12] = nonces
    low, high = whole.view("<u8").T
    order = np.lexsort((high, low))
    same = (low[order][1:] == low[order][:-1]) & (high[order][1:] == high[order][:-1])
    return int(same.sum())


def _share() -> float:
    """Percent of the CPU of a demonstration in one process that is spent in the vault's ciphers."""
    os.environ["SONGDA_WORKERS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        profile = cProfile.Profile(time.process_time)
        profile.enable()
        play(cases=400, seed=7, first=date(2026, 11, 24), days_played=10, out=Path(folder) / "demo", watch=Watch())
        profile.disable()
    stats = pstats.Stats(profile)
    inside = sum(own for (file, _, _), (_, _, own, _, _) in stats.stats.items() if "/vault/" in file)  # type: ignore[attr-defined]
    ciphers = sum(
        own
        for (_, _, name), (_, _, own, _, _) in stats.stats.items()  # type: ignore[attr-defined]
        if "AESGCM" in name or "HKDF" in name or "hmac" in name
    )
    return float(round(100 * (inside + ciphers) / stats.total_tt, 2))  # type: ignore[attr-defined]


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seals", type=int, default=10_000_000)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
