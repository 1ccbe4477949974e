"""The seven models in simulated worlds, beside the rules of practitioners, the ceiling of what is seen, and the truth; Isolation
Forest on public sets.

    .venv/bin/python bench/models.py [--cases 40000] [--seeds 5] [--first-seed 900] [--only selection,vitality,…] [--adbench DIR]
    [--out models.json]

A model learns from 60 days of its own log in one world (the rule's choice, 12 % drawn at random) and is judged in another of the same
configuration that it has
never seen. Outcomes are drawn from the distribution that the couriers draw from, and judged by the true chances. Ceiling: a larger
model fitted on the true chances of every
address, with the same features; the oracle knows the truth. Public sets: ADBench files (.npz with X and y), 300 trees, the same rows
for both, five seeds. Every figure of a world is simulated: it follows from parameters, and says nothing about the field.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.world_letters import AS_OF, Population, population
from songda.models import contacts, policy_value, scorecard, selection, sending, signing, vitality
from songda.models.boosting import calibration_error, fit
from songda.models.place_features import PLACES, place_features
from songda.sim.world.chances import ENDS as TRUE_ENDS
from songda.sim.world.chances import TIES, chances
from songda.sim.world.contacts import ANSWERS, RELATIONS, STATES
from songda.sim.world.payments import TAKEN_BY, Payers

Floats = NDArray[np.float64]
Figures = dict[str, float]
EXPLORED = 0.12
#: True end → the model's.
END_OF = {
    "704:10": "signed_self", "704:20": "signed_family", "704:20:other": "other", "704:60": "desk", "704:70": "desk",
    "747:fetched": "locker", "747:left": "locker", "705:2": "wrong_address", "705:3": "unknown_person", "705:4": "nobody",
    "705:5": "moved", "705:7": "refused",
}  # fmt: skip
#: What of an amount comes in by kind of payment (payments.kinds): all, all in instalments, or the first of six.
_COMES_IN = {"settle": 1.0, "instalment": 1.0, "broken": 1 / 6}


@dataclass(frozen=True)
class Side:
    """One population as models see it, with its truth."""

    people: Population
    seed: int

    @cached_property
    def features(self) -> pl.DataFrame:
        return place_features(self.people.records)

    @cached_property
    def rule(self) -> pl.DataFrame:
        """Rows ranked by the rule: most records agree, then the latest."""
        return (
            self.people.records.with_columns(i=pl.int_range(pl.len()), agree=pl.len().over("person_id", "place"))
            .sort(["person_id", "agree", "recorded_on", "row"], descending=[False, True, True, False])
            .unique("person_id", keep="first", maintain_order=True)
        )

    def rng(self, what: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, *what.encode()])

    @cached_property
    def log(self) -> tuple[NDArray[np.int64], Floats]:
        """Row of the letter of each debtor under the rule with exploration, and the chance with which it was chosen."""
        rows = self.people.records.with_columns(i=pl.int_range(pl.len())).select("person_id", "i")
        drawn = (
            rows.sample(fraction=1.0, shuffle=True, seed=self.seed).unique("person_id", keep="first").sort("person_id")
        )
        best = self.rule.sort("person_id")["i"].to_numpy()
        count = rows.group_by("person_id").len().sort("person_id")["len"].to_numpy()
        explored = self.rng("explore").random(len(best)) < EXPLORED
        chosen = np.where(explored, drawn["i"].to_numpy(), best)
        return chosen, EXPLORED / count + (1 - EXPLORED) * (chosen == best)

    def drawn_ends(self, rows: NDArray[np.int64], ends: Floats) -> list[str]:
        """An end of each letter, drawn from `ends`."""
        cumulated = ends.cumsum(axis=1)
        uniform = self.rng("ends").random(len(rows))[:, None]
        return [END_OF[TRUE_ENDS[n]] for n in (uniform > cumulated).sum(axis=1).clip(0, len(TRUE_ENDS) - 1)]

    def picked(self, scores: Floats) -> NDArray[np.int64]:
        """Row of the best address of each debtor by `scores`."""
        frame = pl.DataFrame({"p": self.people.records["person_id"], "s": scores, "i": np.arange(len(scores))})
        best = frame.sort(["p", "s", "i"], descending=[False, True, False]).unique(
            "p", keep="first", maintain_order=True
        )
        return best["i"].to_numpy()


def _weights(propensity: Floats) -> Floats:
    """How much a letter counts: what was seldom chosen more, within bounds."""
    return np.clip(1 / propensity, 1, 8)


def selection_figures(train: Side, test: Side) -> Figures:
    rows, propensity = train.log
    ends = train.drawn_ends(rows, train.people.ends[rows])
    signed = np.array([end in ("signed_self", "signed_family") for end in ends], dtype=np.int64)
    fitted = selection.fit(train.features[rows], signed, weights=_weights(propensity))
    said = selection.predict(fitted, test.features)
    ceiling = _ceiling(train, test, train.people.signed)
    truth, records = test.people.signed, test.people.records
    agree = records.select(pl.len().over("person_id", "place") * 1e5 + pl.col("recorded_on").cast(pl.Int32)).to_series()
    found = {
        "latest": truth[test.picked(records["recorded_on"].cast(pl.Float64).to_numpy())].mean(),
        "most records agree, then latest": truth[test.rule["i"].to_numpy()].mean(),
        "most used": truth[test.picked(agree.cast(pl.Float64).to_numpy())].mean(),
        "model": truth[test.picked(said)].mean(),
        "ceiling of the features": truth[test.picked(ceiling)].mean(),
        "oracle": truth[test.picked(truth)].mean(),
    }
    found["regret, of the ceiling's"] = (found["oracle"] - found["model"]) / (
        found["oracle"] - found["ceiling of the features"]
    )
    chosen = test.picked(said)
    found["ECE of the chosen addresses"] = calibration_error(said[chosen], truth[chosen])
    found["AUC (true chance), model"] = _auc_soft(said, truth)
    # Off-policy: what the model would reach, from the log of the rule in the test world.
    log_rows, log_propensity = test.log
    log_signed = np.array(
        [e.startswith("signed") for e in test.drawn_ends(log_rows, test.people.ends[log_rows])], float
    )
    agrees = chosen_matches(test, chosen, log_rows)
    expected = said[log_rows]
    for name, estimate in (
        ("IPS", policy_value.ips(log_signed, log_propensity, agrees)),
        ("SNIPS", policy_value.snips(log_signed, log_propensity, agrees)),
        ("DR", policy_value.dr(log_signed, log_propensity, agrees, expected_done=expected, expected_new=said[chosen])),
    ):
        found[f"off-policy {name}: error"] = abs(estimate.mean - found["model"])
        found[f"off-policy {name}: truth within the interval"] = float(estimate.low <= found["model"] <= estimate.high)
    return found


def chosen_matches(side: Side, chosen: NDArray[np.int64], log_rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the log wrote to the address that the model would have written to; both are in the order of the debtors."""
    persons = side.people.records["person_id"].to_numpy()
    assert (persons[chosen] == persons[log_rows]).all()
    return np.asarray(chosen == log_rows)


def _ceiling(train: Side, test: Side, target: Floats) -> Floats:
    """Chances of a larger model that was fitted on the true chances of every address."""
    import lightgbm

    from songda.models.boosting import matrix_of

    categories = {"place_type": sorted(train.features["place_type"].unique().to_list())}
    settings = {
        "objective": "cross_entropy",
        "num_leaves": 31,
        "learning_rate": 0.04,
        "min_data_in_leaf": 100,
        "feature_fraction": 0.7,
        "lambda_l2": 1.0,
        "verbosity": -1,
        "num_threads": 2,
    }
    matrix = matrix_of(train.features, PLACES, categories)
    trees = lightgbm.train(settings, lightgbm.Dataset(matrix, target), num_boost_round=400)
    return np.asarray(trees.predict(matrix_of(test.features, PLACES, categories)))


def _auc_soft(scores: Floats, chances_: Floats) -> float:
    """AUC where each row is hit with its true chance: expected over draws."""
    from sklearn.metrics import roc_auc_score

    both = np.concatenate([scores, scores])
    labels = np.concatenate([np.ones(len(scores)), np.zeros(len(scores))])
    return float(roc_auc_score(labels, both, sample_weight=np.concatenate([chances_, 1 - chances_])))


def vitality_figures(train: Side, test: Side) -> Figures:
    from sklearn.metrics import roc_auc_score

    rows, propensity = train.log
    labels = vitality.labels(train.drawn_ends(rows, train.people.ends[rows]))
    kept = np.array([label is not None for label in labels])
    alive_labels = np.array([label for label in labels if label is not None])
    fitted = vitality.fit(train.features[rows[kept]], alive_labels, weights=_weights(propensity)[kept])
    said, rule = vitality.predict(fitted, test.features), vitality.rule(test.features)
    tie = test.people.standing.tie
    alive = tie <= TIES.index("works")
    lives = tie == TIES.index("lives")
    trained = train.people.standing.tie
    groups = train.features["person_id"].to_list()
    most = {"num_leaves": 31, "min_data_in_leaf": 100}
    ceilings = {
        name: fit(train.features, label.astype(np.int64), kind="vitality", features=PLACES, groups=groups, rounds=200,
        settings=most).predict(test.features)
        for name, label in (("alive", trained <= TIES.index("works")), ("lives", trained == TIES.index("lives")))
    }  # fmt: skip
    chosen = test.picked(said)
    return {
        "AUC reachable there: age of record": float(
            roc_auc_score(alive, -test.features["years_since_latest"].to_numpy())
        ),
        "AUC reachable there: rule (priors)": float(roc_auc_score(alive, rule)),
        "AUC reachable there: model": float(roc_auc_score(alive, said)),
        "AUC reachable there: ceiling": float(roc_auc_score(alive, ceilings["alive"])),
        "AUC lives there: model": float(roc_auc_score(lives, said)),
        "AUC lives there: ceiling": float(roc_auc_score(lives, ceilings["lives"])),
        "ECE, all addresses": calibration_error(said, alive),
        "validity of the chosen address (exists, person there)": float(alive[chosen].mean()),
        "validity of the latest": float(
            alive[test.picked(test.people.records["recorded_on"].cast(pl.Float64).to_numpy())].mean()
        ),
    }


def signing_figures(train: Side, test: Side) -> Figures:
    """Windows and calls drawn at random on the letters of the log, as the courier list's logged share does."""
    rows, _ = train.log
    # Each letter of the log has a first visit in a drawn window, called beforehand or not by a draw.
    rng = train.rng("advice")
    windows = rng.choice(signing.WINDOWS, len(rows))
    phoned = rng.random(len(rows)) < 0.5
    drawn = np.zeros((len(rows), len(TRUE_ENDS)))
    for window in signing.WINDOWS:
        for call in (False, True):
            here = (windows == window) & (phoned == call)
            forced = chances(train.people.standing, config=train.people.world.config, window=window, phone_first=call)
            drawn[here] = forced[rows][here]
    made = train.drawn_ends(rows, drawn)
    wanted = np.array([signing.ENDS.index(end) for end in made])
    features = train.features[rows].with_columns(
        window=pl.Series(windows), phoned=pl.Series(phoned), weekend=pl.Series(train.people.standing.weekday[rows] >= 5)
    )
    fitted = signing.fit(features, wanted)
    # On the addresses that the rule picks in the other world.
    picked = test.rule.sort("person_id")["i"].to_numpy()
    frame = test.features[picked].with_columns(weekend=pl.Series(test.people.standing.weekday[picked] >= 5))
    truth = {
        (window, call): _grouped(
            chances(test.people.standing, config=test.people.world.config, window=window, phone_first=call)[picked]
        )
        for window in signing.WINDOWS
        for call in (False, True)
    }
    plain = frame.with_columns(window=pl.lit("morning"), phoned=pl.lit(value=False))
    said = signing.predict(fitted, plain)
    true = truth["morning", False]
    place = frame["place_type"].to_numpy()
    rates = np.zeros_like(true)
    for kind in np.unique(place):
        rates[place == kind] = _grouped(train.people.ends[rows])[
            train.features["place_type"].to_numpy()[rows] == kind
        ].mean(axis=0)
    worst = max(calibration_error(said[:, n], true[:, n]) for n in range(len(signing.ENDS)))
    signed = [signing.ENDS.index("signed_self"), signing.ENDS.index("signed_family")]
    by_window = np.column_stack([truth[window, False][:, signed].sum(axis=1) for window in signing.WINDOWS])
    best = signing.by_window(fitted, frame.with_columns(phoned=pl.lit(value=False)))
    mean, oracle = by_window.mean(), by_window.max(axis=1).mean()
    of_model = by_window[np.arange(len(picked)), best.argmax(axis=1)].mean()
    tours = [0, 1]
    two, two_oracle = by_window[:, tours].mean(), by_window[:, tours].max(axis=1).mean()
    two_model = by_window[np.arange(len(picked)), best[:, tours].argmax(axis=1)].mean()
    effect_true = (truth["morning", True] - truth["morning", False])[:, signed].sum(axis=1)
    effect = signing.phone_effect(fitted, plain)
    return {
        "log loss, model": _cross_entropy(said, true),
        "log loss, rates by type of place": _cross_entropy(rates, true),
        "log loss, truth": _cross_entropy(true, true),
        "ECE of the worst class": worst,
        "windows (three): lift of the oracle": float(oracle - mean),
        "windows (three): share of it": float((of_model - mean) / (oracle - mean)),
        "windows (two tours): lift of the oracle": float(two_oracle - two),
        "windows (two tours): share of it": float((two_model - two) / (two_oracle - two)),
        "call first: true mean effect": float(effect_true.mean()),
        "call first: model's mean effect": float(effect.mean()),
    }


def _grouped(ends: Floats) -> Floats:
    """True ends as the model's."""
    grouped = np.zeros((len(ends), len(signing.ENDS)))
    for n, key in enumerate(TRUE_ENDS):
        grouped[:, signing.ENDS.index(END_OF[key])] += ends[:, n]
    return grouped


def _cross_entropy(said: Floats, true: Floats) -> float:
    return float(-(true * np.log(np.clip(said, 1e-6, 1))).sum(axis=1).mean())


def debtor_features(side: Side, reach: Floats) -> pl.DataFrame:
    """One row a debtor, in order: songda.models.sending.FEATURES. `reach`: expected chance of each debtor's best address."""
    world = side.people.world
    cases, people, calls = world.cases, world.debtors, world.calls
    today = int(np.datetime64(AS_OF, "D").astype(np.int64))
    frame = pl.DataFrame(
        {
            "debtor": cases.debtor,
            "owed": (cases.principal_fen + cases.interest_fen + cases.penalty_fen + cases.fees_fen) / 100,
            "repaid": cases.paid_fen / np.maximum(cases.loan_fen, 1),
            "overdue": today - cases.overdue,
            "booked": (cases.overdue - cases.disbursed) / 30.4375,
            "cost": cases.annual_cost,
        }
    )
    by = frame.group_by("debtor").agg(
        amount_log=pl.col("owed").sum().log1p(),
        repaid_share=pl.mean("repaid"),
        days_overdue=pl.max("overdue"),
        months_on_book=pl.mean("booked"),
        annual_cost=pl.max("cost"),
        cases=pl.len(),
    )
    kept = np.where(calls.promises > 0, calls.kept / np.maximum(calls.promises, 1), np.nan)
    return by.sort("debtor").with_columns(
        promises_made=pl.Series(calls.promises),
        promises_kept_share=pl.Series(kept).fill_nan(None),
        days_since_answer=pl.Series(np.where(calls.last_answered < 0, np.nan, today - calls.last_answered)).fill_nan(
            None
        ),
        age_years=pl.Series((today - people.born.astype("datetime64[D]").astype(np.int64)) / 365.25),
        reach=pl.Series(reach),
        letters_before=pl.lit(0),
    )


def _by_debtor(side: Side, values: Floats, rows: NDArray[np.int64]) -> Floats:
    """A value of each debtor from the chosen rows; 0 for whoever has no readable address."""
    found = np.zeros(len(side.people.world.debtors))
    found[side.people.records["person_id"].to_numpy()[rows]] = values[rows]
    return found


def true_effects(side: Side, rows: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """Per debtor: base chance to pay, what a letter to the chosen address adds, and yuan that come in when somebody pays."""
    payers = Payers(side.people.truth)
    effect = np.zeros(len(payers.base))
    persons = side.people.records["person_id"].to_numpy()[rows]
    for key, by in TAKEN_BY.items():
        effect[persons] += side.people.ends[rows, TRUE_ENDS.index(key)] * payers.effect(by)[persons]
    kinds = side.people.world.config.payments.kinds
    share = sum(kinds[kind] * part for kind, part in _COMES_IN.items())
    owed = (
        side.people.truth.cases.group_by("debtor_id")
        .agg(pl.col("owed_fen").sum())
        .sort("debtor_id")["owed_fen"]
        .to_numpy()
    )
    return payers.base, effect, owed / 100 * share


def sending_figures(train: Side, test: Side) -> Figures:
    sides = {"train": train, "test": test}
    rows = {name: side.rule.sort("person_id")["i"].to_numpy() for name, side in sides.items()}
    base, effect, _ = true_effects(train, rows["train"])
    rng = train.rng("sending")
    sent = rng.random(len(base)) < 0.5
    paid = rng.random(len(base)) < np.clip(base + sent * effect, 0, 1)
    # Reach: model 2's chances, learnt on its own log of the same world.
    log_rows, _ = train.log
    ends = train.drawn_ends(log_rows, train.people.ends[log_rows])
    reach = selection.fit(
        train.features[log_rows], selection.labels(["A1" if e.startswith("signed") else "E" for e in ends])
    )
    said = {name: selection.predict(reach, side.features) for name, side in sides.items()}
    features = {name: debtor_features(side, _by_debtor(side, said[name], rows[name])) for name, side in sides.items()}
    half = np.full(len(base), 0.5)
    fitted = sending.fit(features["train"], sent, paid.astype(int), half)
    base_test, true, yuan = true_effects(test, rows["test"])
    score = sending.rank(fitted, features["test"])
    money = true * yuan
    count = round(0.3 * len(money))

    def reached(order: Floats) -> float:
        return float(money[np.argsort(-order, kind="stable")[:count]].sum())

    # Where a letter does nothing there is no money to share.
    best = reached(money) or float("nan")
    amount = np.expm1(features["test"]["amount_log"].to_numpy())
    p = features["test"]["reach"].to_numpy()
    best_response = float(money[np.argsort(-(base_test * yuan), kind="stable")[:count]].sum())
    return {
        "random": reached(test.rng("order").random(len(money))) / best,
        "amount": reached(amount) / best,
        "P(signed)": reached(p) / best,
        "P(signed) x amount": reached(p * amount) / best,
        "true chance to pay x amount": best_response / best,
        "model x amount": reached(score * amount) / best,
        "ceiling of the features x amount": reached(_effect_ceiling(features, effect) * amount) / best,
        "truth of effect x amount": reached(true * amount) / best,
        "an effect is claimed": float(fitted.found),
        "mean effect, in standard errors": fitted.mean_effect[0] / max(fitted.mean_effect[1], 1e-12),
        f"learner chosen: {fitted.learner}": 1.0,
    }


def _effect_ceiling(features: dict[str, pl.DataFrame], effect: Floats) -> Floats:
    """Effects of a model that was fitted on the true effects."""
    import lightgbm

    names = list(sending.FEATURES)
    matrices = {name: frame.select(pl.col(names).cast(pl.Float64)).to_numpy() for name, frame in features.items()}
    settings = {
        "objective": "regression",
        "num_leaves": 31,
        "learning_rate": 0.05,
        "min_data_in_leaf": 100,
        "verbosity": -1,
        "num_threads": 2,
    }
    trees = lightgbm.train(settings, lightgbm.Dataset(matrices["train"], effect), num_boost_round=200)
    return np.asarray(trees.predict(matrices["test"]))


def null_figures(train: Side, test: Side) -> Figures:
    """Where a letter does nothing, nothing may be found."""
    return {
        name: value for name, value in sending_figures(train, test).items() if "claimed" in name or "standard" in name
    }


def contact_rows(side: Side) -> tuple[pl.DataFrame, NDArray[np.bool_]]:
    world = side.people.world
    known, relations = world.contacts, [*RELATIONS]
    provinces = defaultdict(set)
    for row, adcode in side.people.records.select("person_id", "adcode").iter_rows():
        if adcode:
            provinces[row].add(adcode[:2])
    codes = {division.province: division.code[:2] for division in _divisions()}
    state = ["unchecked", "alive", "vacant", "stopped"]
    answer = ["unchecked", "confirmed", "denied", "refused"]
    assert len(state) == len(STATES)
    assert len(answer) == len(ANSWERS)
    frame = pl.DataFrame(
        {
            "contact": np.arange(len(known.debtor)),
            "case": known.debtor,
            "number": known.phone,
            "relation": [relations[n] for n in known.relation.tolist()],
            "number_state": [state[n] for n in known.state.tolist()],
            "answer": [answer[n] for n in known.answer.tolist()],
            "same_surname": [
                name.startswith(world.debtors.surnames[debtor])
                for name, debtor in zip(known.name, known.debtor.tolist(), strict=True)
            ],
            "known_region": [
                codes.get(region) in provinces[debtor] if provinces[debtor] else None
                for region, debtor in zip(known.region, known.debtor.tolist(), strict=True)
            ],
        }
    )
    return frame, known.fabricated >= 0


def _divisions() -> Iterable[Any]:
    from songda.sim.world.divisions import divisions

    table = divisions()

    @dataclass(frozen=True)
    class Row:
        province: str
        code: str

    return [Row(province, code) for province, code in zip(table.provinces, table.codes, strict=True)]


def contact_figures(train: Side, test: Side) -> Figures:
    from sklearn.metrics import average_precision_score, roc_auc_score

    train_frame, train_truth = contact_rows(train)
    frame, fabricated = contact_rows(test)
    features = contacts.contact_features(frame)
    learnt = contacts.contact_features(train_frame)
    plain = contacts.fit(learnt)
    known = np.where(train.rng("labels").random(len(train_truth)) < 0.01, train_truth.astype(np.int64), -1)
    with_labels = contacts.fit(learnt, fabricated=known)
    odd, odd_labelled = contacts.score(plain, features), contacts.score(with_labels, features)
    supervised = fit(learnt, train_truth.astype(np.int64), kind="contacts", features=contacts.FEATURES, rounds=100)
    found = {
        "AUC fabricated, ceiling (all labels)": float(roc_auc_score(fabricated, supervised.predict(features))),
        "AUC fabricated, Isolation Forest": float(roc_auc_score(fabricated, odd)),
        "AP fabricated, Isolation Forest": float(average_precision_score(fabricated, odd)),
        "AUC fabricated, with 1 % labels": float(roc_auc_score(fabricated, odd_labelled)),
        "genuine contacts removed": float((odd >= plain.threshold)[~fabricated].mean()),
        "fabricated contacts removed": float((odd >= plain.threshold)[fabricated].mean()),
    }
    usable = frame.with_columns(genuine=~pl.Series(fabricated), odd=odd, odd2=odd_labelled)
    parent = (usable["relation"] == "parent").cast(pl.Int64)
    reachable = (usable["number_state"] == "alive").cast(pl.Int64) + (usable["answer"] == "confirmed").cast(pl.Int64)
    # One attempt: whom of those named one would ask; who has refused is never asked.
    for name, by in (
        ("first listed", -usable["contact"].cast(pl.Float64)),
        ("parents first", parent.cast(pl.Float64)),
        ("reached last", reachable.cast(pl.Float64)),
        ("least odd", -usable["odd"]),
        ("least odd, with labels", -usable["odd2"]),
    ):
        chosen = (
            usable.with_columns(by=by)
            .filter(pl.col("answer") != "refused")
            .sort(["case", "by", "contact"], descending=[False, True, False])
            .unique("case", keep="first")
        )
        found[f"genuine among the chosen, {name}"] = float(chosen["genuine"].cast(pl.Float64).mean())  # type: ignore[arg-type]
    return found


def score_figures(train: Side, test: Side) -> Figures:
    """Who pays within 90 days, at a letter to everybody: card and challenger."""
    from sklearn.metrics import roc_auc_score

    sets = []
    for side in (train, test):
        rows = side.rule.sort("person_id")["i"].to_numpy()
        base, effect, _ = true_effects(side, rows)
        chance = np.clip(base + effect, 0, 1)
        sets.append(
            (
                debtor_features(side, _by_debtor(side, side.people.signed * 0 + 0.6, rows)),
                chance,
                side.rng("paid").random(len(chance)) < chance,
            )
        )
    names = [name for name in sending.FEATURES if name not in ("reach", "letters_before")]
    (frame, _, paid), (other, true, paid_other) = sets
    directions = {"repaid_share": 1, "days_overdue": -1, "promises_kept_share": 1}
    card = scorecard.fit(frame, paid.astype(np.int64), features=names, monotone=directions)
    trees = fit(
        frame,
        paid.astype(np.int64),
        kind="score",
        features=names,
        monotone=directions,
        rounds=80,
        settings={"num_leaves": 7, "min_data_in_leaf": 200},
    )
    hits = paid_other.astype(np.int64)
    return {
        "AUC, scorecard": float(roc_auc_score(hits, card.predict(other))),
        "AUC, monotone LightGBM": float(roc_auc_score(hits, trees.predict(other))),
        "AUC, true chance": float(roc_auc_score(hits, true)),
        "KS, scorecard": scorecard.ks(card.predict(other), hits),
        "ECE, scorecard (true chance)": calibration_error(card.predict(other), true),
        "PSI of the worst feature, same configuration": max(scorecard.drift(card, other).values()),
    }


def adbench_figures(folder: Path, seeds: int) -> dict[str, Any]:
    """songda.models.contacts' scorer beside scikit-learn's Isolation Forest called by itself, 300 trees, on the same rows."""
    from sklearn.ensemble import IsolationForest
    from sklearn.metrics import average_precision_score, roc_auc_score

    rows = []
    for path in sorted(folder.glob("*.npz")):
        data = np.load(path)
        matrix, labels = np.asarray(data["X"], dtype=float), np.asarray(data["y"]).astype(int).ravel()
        if len(matrix) > 10_000:
            kept = np.random.default_rng(0).permutation(len(matrix))[:10_000]
            matrix, labels = matrix[kept], labels[kept]
        for seed in range(seeds):
            ours = -contacts.SCORERS["isolation_forest"](matrix, seed).score_samples(matrix)
            peer = -IsolationForest(n_estimators=300, random_state=seed).fit(matrix).score_samples(matrix)
            rows.append(
                {
                    "set": path.stem,
                    "auc": roc_auc_score(labels, ours),
                    "ap": average_precision_score(labels, ours),
                    "peer_auc": roc_auc_score(labels, peer),
                    "peer_ap": average_precision_score(labels, peer),
                }
            )
    frame = pl.DataFrame(rows)
    return {
        "sets": frame["set"].n_unique(),
        **{
            f"mean {name}": round(float(np.mean(frame[name].to_numpy())), 4)
            for name in ("auc", "peer_auc", "ap", "peer_ap")
        },
    }


PARTS: dict[str, tuple[str, Callable[[Side, Side], Figures]]] = {
    "selection": ("cn-default", selection_figures),
    "vitality": ("cn-default", vitality_figures),
    "signing": ("cn-default", signing_figures),
    "sending": ("cn-default", sending_figures),
    "null-effect": ("null-effect", null_figures),
    "contacts": ("cn-default", contact_figures),
    "score": ("cn-default", score_figures),
}


def main() -> None:
    given = _arguments()
    wanted = given.only.split(",") if given.only else [*PARTS]
    collected: dict[tuple[str, str], list[float]] = defaultdict(list)
    for n in range(given.seeds):
        seed = given.first_seed + 2 * n
        for config in dict.fromkeys(PARTS[part][0] for part in wanted):
            train = Side(population(cases=given.cases, seed=seed, config=config), seed)
            test = Side(population(cases=given.test_cases, seed=seed + 1, config=config), seed + 1)
            for part in wanted:
                if PARTS[part][0] != config:
                    continue
                start = time.perf_counter()
                for name, value in PARTS[part][1](train, test).items():
                    collected[part, name].append(float(value))
                print(f"seed {seed} {part} {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    rows = []
    for (part, name), values in collected.items():
        sd = statistics.stdev(values) if len(values) > 1 else 0.0
        rows.append(
            {
                "model": part,
                "figure": name,
                "mean": round(statistics.mean(values), 4),
                "sd": round(sd, 4),
                "worlds": len(values),
            }
        )
        print(
            f"simulated  {part:11} {name:52} {rows[-1]['mean']:.4f} ± {rows[-1]['sd']:.4f} ({len(values)})", flush=True
        )
    figures: dict[str, Any] = {
        "cases": given.cases,
        "test_cases": given.test_cases,
        "seeds": given.seeds,
        "simulated": rows,
    }
    if given.adbench:
        figures["adbench"] = [adbench_figures(given.adbench, given.seeds)]
        print(figures["adbench"])
    if given.out:
        given.out.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=40_000)
    parser.add_argument("--test-cases", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--first-seed",
        type=int,
        default=1700,
        help="Two seeds a world from here on; the final ones are not in the code.",
    )
    parser.add_argument("--only", default="")
    parser.add_argument("--adbench", type=Path, help="Folder of ADBench files; SONGDA_TEST_DATA/adbench holds some.")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
