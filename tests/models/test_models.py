"""Each model learns what is there to be learnt, says so honestly, and is the same again after it was written down."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from songda.models import boosting, contacts, policy_value, scorecard, selection, sending, vitality
from songda.models.errors import ForbiddenFeature, TooLittleData, UnreadableModel
from songda.models.place_features import PLACES, place_features

AS_OF = date(2026, 11, 24)


def records(*rows):
    """(person, record, place, origin, day) → address records."""
    return pl.DataFrame(
        [
            {
                "person_id": person,
                "record": record,
                "place": place,
                "origin": origin,
                "recorded_on": day,
                "as_of": AS_OF,
                "level": "room",
                "completeness": 1.0,
                "confidence": 0.9,
                "issues": [],
                "adcode": "330106",
                "place_type": "flat",
                "overdue_days": 200,
            }
            for person, record, place, origin, day in rows
        ],
        schema_overrides={"issues": pl.List(pl.String), "recorded_on": pl.Date, "place": pl.String},
    )


def test_features_tell_how_records_agree_and_age():
    frame = place_features(
        records(
            ("p", "r1", "home", "id_card", date(2016, 11, 24)),
            ("p", "r2", "flat", "contract", date(2024, 11, 24)),
            ("p", "r3", "flat", "debtor_update", date(2025, 11, 24)),
            ("q", "r4", None, "contract", None),
        )
    )
    by = {row["record"]: row for row in frame.iter_rows(named=True)}
    assert (by["r1"]["records_here"], by["r2"]["records_here"], by["r2"]["origins_here"]) == (1, 2, 2)
    assert (by["r2"]["places"], by["r2"]["records"]) == (2, 3)
    assert by["r1"]["years_behind"] == pytest.approx(9, abs=0.02)
    assert by["r2"]["years_since_latest"] == pytest.approx(1, abs=0.01)
    assert (by["r1"]["update_elsewhere"], by["r2"]["update_elsewhere"]) == (True, False)
    assert by["r4"]["years_since_latest"] is None
    assert frame.columns[3:] == list(PLACES)


def learnt(rows=4000, seed=3):
    """Records whose chance of a signature falls with age and rises with agreement."""
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame(dict.fromkeys(PLACES, np.zeros(rows))).with_columns(
        person_id=pl.Series([f"p{n}" for n in range(rows)]),
        place_type=pl.Series(rng.choice(["flat", "work", "village"], rows)),
        years_since_latest=pl.Series(rng.uniform(0, 10, rows)),
        records_here=pl.Series(rng.integers(1, 4, rows)),
    )
    odds = 0.8 * (frame["records_here"].to_numpy() - 1) - 0.25 * frame["years_since_latest"].to_numpy() + 0.3
    chance = 1 / (1 + np.exp(-odds))
    return frame, chance, (rng.random(rows) < chance).astype(np.int64)


@pytest.fixture(scope="module")
def fitted():
    frame, _, labels = learnt()
    return selection.fit(frame, labels)


def test_a_model_is_calibrated_on_rows_that_it_has_not_seen(fitted):
    frame, chance, _ = learnt(seed=4)
    said = selection.predict(fitted, frame)
    assert boosting.calibration_error(said, chance) < 0.03
    assert np.corrcoef(said, chance)[0, 1] > 0.9
    assert fitted.metrics["auc"] > 0.65


def test_a_model_written_down_and_read_again_says_the_same(fitted):
    frame, _, _ = learnt(rows=200, seed=5)
    again = boosting.Fitted.load(fitted.dump())
    assert again == fitted
    assert again.version == fitted.version
    assert (selection.predict(again, frame) == selection.predict(fitted, frame)).all()


def test_equal_rows_and_seed_give_an_equal_model(fitted):
    frame, _, labels = learnt()
    assert selection.fit(frame, labels).dump() == fitted.dump()


def test_reasons_name_what_moved_the_chance(fitted):
    frame, _, _ = learnt(rows=50, seed=6)
    named = {name for row in selection.reasons(fitted, frame, most=2) for name, _ in row}
    assert named <= {"records_here", "years_since_latest", "place_type"}
    assert {"records_here", "years_since_latest"} <= named


def test_too_little_data_and_foreign_bytes_are_refused(fitted):
    frame, _, labels = learnt(rows=60)
    with pytest.raises(TooLittleData):
        selection.fit(frame, labels)
    for data in (b"", b"not a model", fitted.dump()[:-9]):
        with pytest.raises(UnreadableModel):
            boosting.Fitted.load(data)


def test_a_model_that_knows_what_it_may_not_is_not_read(fitted):
    knowing = replace(fitted, features=[*fitted.features[:-1], "gender"])
    with pytest.raises(ForbiddenFeature):
        boosting.Fitted.load(knowing.dump())


def candidates(chances, draws, eligible=True):
    return pl.DataFrame(
        [
            {
                "letter": f"l{n}",
                "record": f"r{n}-{k}",
                "_place": f"p{k}",
                "chance": c,
                "eligible": eligible,
                "draw": draw,
            }
            for n, draw in enumerate(draws)
            for k, c in enumerate(chances)
        ]
    )


def test_a_share_of_first_addresses_is_drawn_and_its_chance_is_logged():
    draws = np.random.default_rng(1).random(20_000).tolist()
    ranked = selection.rank(candidates([0.2, 0.9, 0.5, 0.4], draws), explore=0.12)
    first = ranked.filter(pl.col("n") == 1)
    shares = dict(first.group_by("_place").len().iter_rows())
    for place, share in (("p1", 0.88 + 0.03), ("p0", 0.03), ("p2", 0.03), ("p3", 0.03)):
        assert shares[place] / 20_000 == pytest.approx(share, abs=0.006)
        assert first.filter(pl.col("_place") == place)["propensity"].unique().to_list() == [pytest.approx(share)]
    # The others follow by their chances.
    one = ranked.filter(pl.col("letter") == "l0").sort("n")["chance"].to_list()
    assert one[1:] == sorted(one[1:], reverse=True)


def test_what_is_not_eligible_is_never_drawn_and_nothing_is_drawn_without_exploration():
    frame = candidates([0.2, 0.9], [0.0, 0.01, 0.5]).with_columns(eligible=pl.col("_place") == "p0")
    assert selection.rank(frame, explore=0.2)["_place"].unique().to_list() == ["p0"]
    first = selection.rank(candidates([0.2, 0.9], [0.0, 0.01, 0.5]), explore=0.0).filter(pl.col("n") == 1)
    assert first["_place"].to_list() == ["p1"] * 3
    assert first["propensity"].to_list() == [1.0] * 3


def test_the_rule_of_vitality_believes_fresh_and_agreeing_records_more():
    frame = place_features(
        records(
            ("a", "r1", "x", "contract", date(2026, 10, 1)),
            ("b", "r2", "x", "contract", date(2019, 10, 1)),
            ("c", "r3", "x", "contract", date(2026, 10, 1)),
            ("c", "r4", "x", "id_card", date(2015, 1, 1)),
        )
    )
    fresh, old, both, _ = vitality.rule(frame)
    assert both > fresh > old > 0


def test_a_chance_that_falls_with_age_has_a_half_life():
    frame, _, _ = learnt(rows=6000, seed=7)
    years = frame["years_since_latest"].to_numpy()
    alive = (np.random.default_rng(7).random(6000) < 0.9 * 0.5 ** (years / 4)).astype(np.int64)
    fitted = vitality.fit(frame, alive)
    fresh = frame.filter(pl.col("years_since_latest") < 1).head(50)
    assert np.median(vitality.half_life(fitted, fresh)) == pytest.approx(4, abs=1)


def test_ends_at_the_door_are_alive_dead_or_silent():
    assert vitality.labels(["signed_self", "refused", "moved", "nobody", "desk", None]) == [1, 1, 0, None, None, None]


def contact_rows(count=1500, seed=2):
    rng = np.random.default_rng(seed)
    fabricated = rng.random(count) < 0.15
    frame = pl.DataFrame(
        {
            "contact": [f"k{n}" for n in range(count)],
            "case": [f"c{n}" for n in range(count)],
            "number": ["agent" if bad and n % 3 == 0 else f"n{n}" for n, bad in enumerate(fabricated)],
            "relation": rng.choice(["parent", "friend"], count),
            "number_state": np.where(rng.random(count) < np.where(fabricated, 0.5, 0.1), "vacant", "alive"),
            "answer": np.where(rng.random(count) < np.where(fabricated, 0.4, 0.02), "denied", "unchecked"),
            "same_surname": rng.random(count) < 0.5,
            "known_region": rng.random(count) < np.where(fabricated, 0.1, 0.8),
        }
    )
    return contacts.contact_features(frame), fabricated


def test_fabricated_contacts_are_found_without_labels_and_with_reasons():
    from sklearn.metrics import roc_auc_score

    features, fabricated = contact_rows()
    fitted = contacts.fit(features)
    odd = contacts.score(fitted, features)
    assert roc_auc_score(fabricated, odd) > 0.85
    worst = int(np.argmax(odd))
    assert contacts.reasons(fitted, features[worst])[0]
    again = contacts.Filter.load(fitted.dump())
    assert (contacts.score(again, features) == odd).all()
    assert again.version == fitted.version


def test_a_forest_with_foreign_types_is_not_read():
    import skops.io
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    features, _ = contact_rows(300)
    fitted = contacts.fit(features)
    evil = skops.io.dumps(make_pipeline(FunctionTransformer(np.savetxt)))
    with pytest.raises(UnreadableModel):
        contacts.Filter.load(replace(fitted, forest=evil).dump())


def paying(effect, rows=4000, seed=1):
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame({name: rng.normal(size=rows) for name in sending.FEATURES})
    frame = frame.with_columns(reach=pl.Series(rng.uniform(0.4, 0.8, rows)))
    good = frame["repaid_share"].to_numpy() > 0
    sent = rng.random(rows) < 0.5
    chance = 0.10 + effect * sent * good
    return frame, sent, rng.random(rows) < chance, np.full(rows, 0.5)


def test_an_effect_is_found_where_there_is_one_and_none_where_there_is_none():
    there = sending.fit(*paying(0.3))
    frame, *_ = paying(0.3, rows=2000, seed=9)
    score = sending.rank(there, frame)
    assert there.found
    good = frame["repaid_share"].to_numpy() > 0
    assert score[good].mean() > score[~good].mean()
    assert not sending.fit(*paying(0.0, seed=2)).found
    assert (sending.rank(sending.Effect.load(there.dump()), frame) == score).all()


def test_the_budget_goes_to_the_greatest_value_and_guarantees_are_kept():
    value, cost = np.array([900.0, 800.0, 700.0, 50.0, 400.0]), np.array([100, 100, 100, 100, 100])
    chosen = sending.decide(value, cost, budget_fen=250, capacity=9)
    assert chosen.tolist() == [True, True, False, False, False]
    # Nobody whose value does not cover the cost, however much money there is.
    assert sending.decide(value, cost, budget_fen=10**6, capacity=9).tolist() == [True, True, True, False, True]
    tenants = ["a", "a", "a", "b", "b"]
    kept = sending.decide(value, cost, budget_fen=200, capacity=2, tenant=tenants, least={"b": 1})
    assert kept.tolist() == [True, False, False, False, True]
    assert not sending.decide(value, cost, budget_fen=0, capacity=2).any()


def test_a_scorecard_adds_up_and_keeps_its_direction():
    rng = np.random.default_rng(4)
    rows = 6000
    frame = pl.DataFrame(
        {
            "repaid_share": rng.random(rows),
            "days_overdue": pl.Series(np.where(rng.random(rows) < 0.1, np.nan, rng.integers(30, 700, rows))).fill_nan(
                None
            ),
            "cases": rng.integers(1, 4, rows),
        }
    )
    overdue = frame["days_overdue"].fill_null(300).to_numpy()
    chance = 1 / (1 + np.exp(-(-1.5 + 2 * frame["repaid_share"].to_numpy() - overdue / 400)))
    paid = (rng.random(rows) < chance).astype(np.int64)
    card = scorecard.fit(frame, paid, features=frame.columns, monotone={"repaid_share": 1, "days_overdue": -1})
    assert card.metrics["auc"] > 0.65
    assert np.corrcoef(card.predict(frame), chance)[0, 1] > 0.9
    woe = card.binned["repaid_share"].woe[:-1]
    assert woe == sorted(woe)
    points, chances = card.points(frame), card.predict(frame)
    # Twenty points double the odds.
    odds = chances / (1 - chances)
    assert np.abs(points - (600 + 20 * np.log2(odds * 19))).max() < 0.51
    assert scorecard.Scorecard.load(card.dump()) == card
    assert max(scorecard.drift(card, frame).values()) < 1e-6
    older = frame.with_columns(pl.col("days_overdue") + 400)
    assert scorecard.drift(card, older)["days_overdue"] > 0.25


def test_off_policy_estimates_hold_the_truth_in_their_intervals():
    rng = np.random.default_rng(8)
    held = {"ips": 0, "snips": 0, "dr": 0}
    for _ in range(40):
        rows = 3000
        x = rng.random(rows)
        propensity_one = 0.1 + 0.8 * (x > 0.5)
        did = rng.random(rows) < propensity_one
        reward_of = {True: 0.3 + 0.4 * x, False: np.full(rows, 0.4)}
        rewards = (rng.random(rows) < np.where(did, reward_of[True], reward_of[False])).astype(float)
        propensity = np.where(did, propensity_one, 1 - propensity_one)
        wanted = x > 0.3
        truth = np.where(wanted, reward_of[True], reward_of[False]).mean()
        agrees = did == wanted
        guess = np.full(rows, 0.5)
        for name, estimate in (
            ("ips", policy_value.ips(rewards, propensity, agrees)),
            ("snips", policy_value.snips(rewards, propensity, agrees)),
            ("dr", policy_value.dr(rewards, propensity, agrees, expected_done=guess, expected_new=guess)),
        ):
            held[name] += estimate.low <= truth <= estimate.high
    assert min(held.values()) >= 33
