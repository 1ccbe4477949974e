"""Who pays, and when: with a letter and without one, fixed for ever before any letter is sent.

    payers = Payers(truth)
    payers.paid(debtor, served=None)                                       # what would happen by itself
    payers.paid(debtor, served=Served(date(2026, 12, 1), "self", before=0))

Potential outcomes with one uniform draw a debtor: whoever pays with a letter and not without it does so because of it. A served
letter adds to the chance, more for those who forgot and for the young, nothing for those who cannot, and works the other way round
on a few (section [payments]). A letter that was not served has no effect.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from songda.sim.world.persons import Floats
from songda.sim.world.streams import Streams, choice, fixed
from songda.sim.world.truth import Truth, numbers_of

#: How a letter ended (chances.ENDS) → who took it; others took it who are nobody of the debtor's.
TAKEN_BY = {"704:10": "self", "704:20": "family", "704:60": "desk", "704:70": "desk", "747:fetched": "self"}
_YOUNG = 30


@dataclass(frozen=True, slots=True)
class Served:
    on: date
    #: self | family | desk
    by: str
    #: Letters that were served before this one.
    before: int = 0


@dataclass(frozen=True, slots=True)
class Payment:
    #: Number in the truth's `cases`.
    case: int
    on: date
    amount_fen: int


class Payers:
    """The debtors of a world as payers; simulated."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._config = truth.config.payments

    @cached_property
    def _draws(self) -> dict[str, Floats]:
        count, streams = self._truth.debtors.height, Streams(self._truth.seed)
        return {name: streams(f"payments {name}").random(count) for name in ("pays", "when", "kind", "contrary")}

    @cached_property
    def base(self) -> Floats:
        """Chance of each debtor to pay within `days` without a letter."""
        shares, people = self._config, self._truth.debtors
        owed = self._truth.cases.group_by("debtor_id").agg(pl.col("overdue_days").max()).sort("debtor_id")
        overdue = (
            people.select("debtor_id").join(owed, on="debtor_id", how="left")["overdue_days"].fill_null(0).to_numpy()
        )
        odds = (
            shares.intercept
            + shares.willing * people["willing"].to_numpy()
            + shares.able * people["able"].to_numpy()
            - shares.per_100_days * overdue / 100
        )
        chance: Floats = 1 / (1 + np.exp(-odds))
        return chance

    def effect(self, by: str) -> Floats:
        """What a first letter that `by` took adds to the chance of each debtor."""
        shares, people = self._config, self._truth.debtors
        willing, able = people["willing"].to_numpy(), people["able"].to_numpy()
        today = np.datetime64(self._truth.as_of, "D").astype(int)
        age = (today - people["born"].cast(pl.Int32).to_numpy()) / 365.25
        weight = np.exp(shares.forgetful * willing - shares.forgetful**2 / 2) * (1 + shares.young * (age < _YOUNG))
        weight = np.where(able < shares.unable_below, 0.0, weight)
        weight = np.where(self._draws["contrary"] < shares.contrary, -weight, weight)
        added: Floats = shares.effect[by] * weight
        return added

    @cached_property
    def _effects(self) -> dict[str, Floats]:
        return {by: self.effect(by) for by in self._config.effect}

    def chance(self, debtor: int, served: Served | None) -> float:
        """True chance of the debtor to pay within `days`."""
        if served is None:
            return float(self.base[debtor])
        added = self._effects[served.by][debtor] * self._config.repeat**served.before
        return float(np.clip(self.base[debtor] + added, 0.0, 1.0))

    def paid(self, debtor: int, served: Served | None) -> list[Payment]:
        """What the debtor pays, on each case; common random numbers: another letter changes nothing but through its effect."""
        shares, draw = self._config, {name: each[debtor] for name, each in self._draws.items()}
        wait = timedelta(days=1 + int(draw["when"] * shares.days))
        by_itself = self._truth.as_of + wait
        alone = draw["pays"] < self.base[debtor]
        if served is None or (alone and by_itself <= served.on):
            starts = by_itself if alone else None
        elif draw["pays"] < self.chance(debtor, served):
            starts = by_itself if alone else served.on + wait
        else:
            starts = None
        if starts is None:
            return []
        kind = [*shares.kinds][int(choice(np.array([draw["kind"]]), shares.kinds)[0])]
        return [each for case, owed in self._owed.get(debtor, ()) for each in self._plan(case, owed, kind, starts)]

    def _plan(self, case: int, owed: int, kind: str, starts: date) -> list[Payment]:
        if kind == "settle":
            return [Payment(case, starts, owed)]
        part = owed // self._config.instalments
        plan = [
            Payment(case, starts + timedelta(days=30 * n), part if n else owed - part * (self._config.instalments - 1))
            for n in range(self._config.instalments)
        ]
        return [each for each in plan[: 1 if kind == "broken" else None] if each.amount_fen > 0]

    @cached_property
    def _owed(self) -> dict[int, list[tuple[int, int]]]:
        found: dict[int, list[tuple[int, int]]] = {}
        cases = self._truth.cases
        for debtor, case, owed in zip(
            numbers_of(cases["debtor_id"]), numbers_of(cases["case_id"]), cases["owed_fen"].to_list(), strict=True
        ):
            if owed > 0:
                found.setdefault(debtor, []).append((case, owed))
        return found

    def complains(self, debtor: int, on: date, *, by: str, before: int) -> date | None:
        """When the debtor, or whoever took the letter of day `on`, complains of it; None: never. `by`: other when a stranger took it."""
        shares = self._truth.config.complaints
        chance = (shares.letter if by in TAKEN_BY.values() else shares.wrong_person) * shares.again**before
        seed, key = self._truth.seed, ("complaint", debtor, on.isoformat())
        if fixed(seed, *key, "whether") >= chance:
            return None
        return on + timedelta(days=1 + int(fixed(seed, *key, "when") * shares.within_days))


def write_payments(path: Path, payments: Iterable[Payment], *, case_no: dict[int, str]) -> int:
    """A payment file in the published format (`songda template payments.csv`); how many lines."""
    rows = [
        (case_no[each.case], each.on.isoformat(), f"{each.amount_fen / 100:.2f}", f"SIM{each.case:08d}{each.on:%Y%m%d}")
        for each in payments
    ]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("案件编号", "还款日期", "还款金额", "流水号"))
        writer.writerows(rows)
    return len(rows)
