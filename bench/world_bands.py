"""How well the rules of practitioners choose among a debtor's addresses in the simulated world, beside who knows the truth.

    .venv/bin/python bench/world_bands.py [--cases 5000] [--seeds 5] [--configs cn-default,rural,…] [--out world_bands.json]

Of every address of the file the true chance of each end of a letter is known (songda.sim.world.chances: the distribution from which the
couriers draw). A rule picks one address a debtor; its share is the mean of that chance, its regret what is missing to the oracle,
who picks by the truth. The text goes through the address engine as in the product. Signed: by the debtor or family at home (grades
A1, A2); delivered: a desk or a locker took it as well (grade C).

The records are such as a lawful file may hold (contract, identity card, the debtor's own update, reserved, an earlier
letter, court), so that these bands are others than those of a sketch with bought and borrowed addresses. All figures are
simulated: they follow from the parameters of the world, and say nothing about the field.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.world_letters import population
from songda.sim.world.chances import ENDS
from songda.sim.world.config import known
from songda.sim.world.payments import Payers

Frame = pl.DataFrame


def main() -> None:
    given = _arguments()
    rows = []
    for config in given.configs.split(","):
        measured = [_world(config, seed, given.cases) for seed in range(given.seeds)]
        for rule in measured[0]:
            shares = [each[rule] for each in measured]
            sd = statistics.stdev(shares) if len(shares) > 1 else 0.0
            rows.append(
                {"config": config, "figure": rule, "mean": round(statistics.mean(shares), 4), "sd": round(sd, 4)}
            )
            print(f"simulated  {config:14} {rule:36} {rows[-1]['mean']:.4f} ± {rows[-1]['sd']:.4f}", flush=True)
    figures = {"cases": given.cases, "seeds": given.seeds, "simulated": rows}
    if given.out:
        given.out.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _world(config: str, seed: int, cases: int) -> dict[str, float]:
    """Figure → value in one world."""
    people = population(cases=cases, seed=seed, config=config)
    refused = people.ends[:, ENDS.index("705:7")]
    records = with_agreement(people.records).with_columns(
        signed=people.signed, delivered=people.delivered, refused=refused
    )
    found: dict[str, float] = {}
    for name, pick in RULES.items():
        chosen = pick(records).unique("person_id", keep="first", maintain_order=True)
        found[f"{name}: signed"] = _mean(chosen["signed"])
        found[f"{name}: delivered"] = _mean(chosen["delivered"])
        if name == "latest":
            found["refused, of those delivered or refused"] = _mean(chosen["refused"]) / (
                _mean(chosen["refused"]) + _mean(chosen["delivered"])
            )
    oracle = records.sort("signed", descending=True).unique("person_id", keep="first", maintain_order=True)
    found["oracle: signed"] = _mean(oracle["signed"])
    best = records.sort("delivered", descending=True).unique("person_id", keep="first", maintain_order=True)
    found["oracle of delivery: delivered"] = _mean(best["delivered"])
    payers = Payers(people.truth)
    found["pays without a letter"] = float(payers.base.mean())
    found["added by a letter signed in person"] = float(payers.effect("self").mean())
    found["numbers dead after six months overdue"] = _dead(people.world)
    return found


def _mean(series: pl.Series) -> float:
    return float(series.mean())  # type: ignore[arg-type]


def _dead(world: Any) -> float:
    first = np.full(len(world.debtors), np.iinfo(np.int64).max)
    np.minimum.at(first, world.cases.debtor, world.cases.overdue)
    lost = world.phones.lost_on
    return float(np.mean((lost - first[:, None])[lost > 0] <= 182))


def with_agreement(records: Frame) -> Frame:
    """Adds how many records of the debtor mean the same place."""
    return records.with_columns(agree=pl.len().over("person_id", "place"))


def _first(origin: str) -> Callable[[Frame], Frame]:
    """Addresses of this origin before all others, then the latest."""
    return lambda records: records.with_columns(own=pl.col("origin") == origin).sort(
        "own", "recorded_on", "row", descending=[True, True, False]
    )


RULES: dict[str, Callable[[Frame], Frame]] = {
    "random": lambda records: records.sample(fraction=1.0, shuffle=True, seed=11),
    "latest": lambda records: records.sort("recorded_on", "row", descending=[True, False]),
    "identity card": _first("id_card"),
    "home of the contract": _first("contract"),
    "most records agree": lambda records: records.sort("agree", "recorded_on", "row", descending=[True, True, False]),
}


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--configs", default=",".join(known()))
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
