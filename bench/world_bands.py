"""How well the rules of practitioners choose among a debtor's addresses in the simulated world, beside who knows the truth.

    .venv/bin/python bench/world_bands.py [--cases 2000] [--seeds 5] [--configs cn-default,rural,…] [--days 8] [--out world_bands.json]

Of every address of the file the true chance that a letter is signed for is measured: the couriers' own code, on as many
days of handing over, with the draws that belong to person, place and day. A rule picks one address a debtor; its share is the
mean of that chance, its regret what is missing to the oracle, who picks by the chance on other days. The text goes through
the address engine as in the product. Signed: by the debtor, the family, a desk or out of a locker.

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
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from songda.address import standardize
from songda.base import days
from songda.sim.carrier import ShippedLetter
from songda.sim.world import Truth, World, generate
from songda.sim.world.config import known
from songda.sim.world.payments import TAKEN_BY, Payers

AS_OF = date(2026, 11, 24)
Frame = pl.DataFrame


def main() -> None:
    given = _arguments()
    rows = []
    for config in given.configs.split(","):
        measured = [_world(config, seed, given) for seed in range(given.seeds)]
        for rule in measured[0]:
            shares = [each[rule] for each in measured]
            sd = statistics.stdev(shares) if len(shares) > 1 else 0.0
            rows.append(
                {"config": config, "figure": rule, "mean": round(statistics.mean(shares), 4), "sd": round(sd, 4)}
            )
            print(f"simulated  {config:14} {rule:28} {rows[-1]['mean']:.4f} ± {rows[-1]['sd']:.4f}", flush=True)
    figures = {"cases": given.cases, "seeds": given.seeds, "days": given.days, "simulated": rows}
    if given.out:
        given.out.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _world(config: str, seed: int, given: argparse.Namespace) -> dict[str, float]:
    """Figure → value in one world."""
    world = generate(cases=given.cases, seed=seed, as_of=AS_OF, config=config)
    truth = world.truth()
    records = _records(world, truth, given.days)
    best = _mean(records.sort("known", "row", descending=[True, False]).unique("debtor", keep="first")["chance"])
    found: dict[str, float] = {}
    for name, pick in RULES.items():
        chosen = pick(records).unique("debtor", keep="first", maintain_order=True)
        found[f"{name}: signed"] = _mean(chosen["chance"])
        found[f"{name}: regret"] = best - found[f"{name}: signed"]
    found["oracle: signed"] = best
    payers = Payers(truth)
    found["pays without a letter"] = float(payers.base.mean())
    found["added by a letter signed in person"] = float(payers.effect("self").mean())
    return found


def _mean(series: pl.Series) -> float:
    return float(series.mean())  # type: ignore[arg-type]


def _records(world: World, truth: Truth, first_days: int) -> Frame:
    """Every address with its true chance of being signed for, and what a rule may look at."""
    carry, base = truth.courier(), world.records
    read = standardize(base.text)
    signed = np.zeros((len(base.text), 2))
    for row, (province, city, district, line) in enumerate(
        read.select("province", "city", "district", "standard").iter_rows()
    ):
        if not (province and line):
            continue
        place = line.removeprefix(province).removeprefix(city or "").removeprefix(district or "")
        debtor = int(base.debtor[row])
        letter = ShippedLetter(
            waybill_no="1100000000001",
            order_no="1",
            name=world.debtors.names[debtor],
            mobile=world.debtors.phones[debtor][0],
            prov=province,
            city=city or province,
            county=district or "",
            address=place,
            handed_over_at=days.at(AS_OF, 17),
        )
        ends = [
            carry.ends(replace(letter, handed_over_at=days.at(AS_OF + timedelta(days=n), 17)))[1].key
            for n in range(first_days)
        ]
        taken = [key in TAKEN_BY or key == "747" for key in ends]
        signed[row] = sum(taken[::2]) / len(taken[::2]), sum(taken[1::2]) / len(taken[1::2])
    frame = pl.DataFrame(
        {
            "debtor": base.debtor,
            "kind": base.kind,
            "recorded": base.recorded,
            "place": read.select(pl.coalesce("place_key", "standard")).to_series(),
            "chance": signed[:, 0],
            # What the oracle knows: the same chance on days between.
            "known": signed[:, 1],
            "row": np.arange(len(base.text)),
        }
    )
    agree = frame.group_by("debtor", "place").agg(agree=pl.len())
    return frame.join(agree, on=["debtor", "place"], how="left", maintain_order="left")


def _first(kind: int) -> Callable[[Frame], Frame]:
    """Addresses of this kind before all others, then the latest."""
    return lambda records: records.with_columns(own=pl.col("kind") == kind).sort(
        "own", "recorded", "row", descending=[True, True, False]
    )


RULES: dict[str, Callable[[Frame], Frame]] = {
    "random": lambda records: records.sample(fraction=1.0, shuffle=True, seed=11),
    "latest": lambda records: records.sort("recorded", "row", descending=[True, False]),
    "identity card": _first(0),
    "home of the contract": _first(1),
    "most records agree": lambda records: records.sort("agree", "recorded", "row", descending=[True, True, False]),
}


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--days", type=int, default=16, help="Days of handing over; half of them score.")
    parser.add_argument("--configs", default=",".join(known()))
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
