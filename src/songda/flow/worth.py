"""Who is worth a letter: the approved model's value within budget and capacity, or the rule (largest amounts first), beside a share
held out.

Whoever is held out belongs to the hold-out for ever and is never written to by a run: without them nobody could say what a letter
does. A model that has found no effect decides nothing; the rule does.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import numpy as np
import polars as pl
from sqlalchemy import Connection

from songda.feedback import approved, debtor_evidence
from songda.flow.choosing import uniform
from songda.flow.tenants import Tenant
from songda.models import sending
from songda.planning import SEND_VERSION, Limits, decide_send

#: Letters that the rule would send and that are not sent, so that their debtors can be compared.
HOLD_OUT: Final = "hold_out"
#: The value of a letter does not cover its cost, or another letter is worth more.
BELOW_VALUE: Final = "below_value"


def decide_worth(
    connection: Connection, tenant: Tenant, letters: pl.DataFrame, limits: Limits, *, cases: Any, on: date
) -> tuple[pl.DataFrame, str]:
    """Adds `send` (bool), `reason`, `value_fen` and `value_why` to one row a letter; and the label of what decided.

    In: letter, person_id, amount_fen, price_fen, chance (of a signature; null by the rule). `cases`: condition on the table `case`.
    """
    share = tenant.profile.learning.hold_out or 0.0
    model = approved(connection, tenant.id, sending.KIND)
    if isinstance(model, sending.Effect):
        share = max(share, sending.HOLD_OUT)
    secret = tenant.key.id_secret()
    held = [uniform(secret, HOLD_OUT, person) < share for person in letters["person_id"].to_list()]
    known = letters.with_columns(_held=pl.Series(held, dtype=pl.Boolean))
    free = known.filter(~pl.col("_held"))
    if not isinstance(model, sending.Effect) or not model.found or limits.budget_fen is None or limits.capacity is None:
        decided = decide_send(free, limits).with_columns(
            value_fen=pl.lit(None, pl.Int64), value_why=pl.lit(None, pl.List(pl.List(pl.String())))
        )
        label = SEND_VERSION
    else:
        decided = _by_value(connection, tenant, free, limits, model, cases=cases, on=on)
        label = model.version
    out = known.filter("_held").with_columns(
        send=pl.lit(value=False),
        reason=pl.lit(HOLD_OUT),
        value_fen=pl.lit(None, pl.Int64),
        value_why=pl.lit(None, pl.List(pl.List(pl.String()))),
    )
    both = pl.concat([decided, out.select(decided.columns)])
    order = letters.select("letter").with_row_index("_row")
    return both.join(order, on="letter", how="left").sort("_row").drop("_row", "_held"), label


def _by_value(
    connection: Connection,
    tenant: Tenant,
    letters: pl.DataFrame,
    limits: Limits,
    model: sending.Effect,
    *,
    cases: Any,
    on: date,
) -> pl.DataFrame:
    """The set of greatest value within budget and capacity; amounts below the tenant's minimum are never worth it."""
    reach = dict(letters.select("person_id", "chance").drop_nulls().iter_rows())
    evidence = debtor_evidence(connection, tenant.id, cases, on=on, reach=reach)
    features = letters.select("letter", "person_id").join(evidence, on="person_id", how="left", maintain_order="left")
    effect = sending.predict(model, features)
    value = effect * letters["amount_fen"].to_numpy()
    least = limits.min_amount_fen if limits.min_amount_fen is not None else 1 << 62
    allowed = (letters["amount_fen"] >= least).to_numpy()
    send = sending.decide(
        np.where(allowed, value, 0.0),
        letters["price_fen"].to_numpy(),
        budget_fen=limits.budget_fen or 0,
        capacity=limits.capacity or 0,
    )
    why = [
        [["effect", f"{each:+.4f}"], ["amount_yuan", f"{fen / 100:.0f}"]]
        for each, fen in zip(effect.tolist(), letters["amount_fen"].to_list(), strict=True)
    ]
    reason = (
        pl.when(pl.col("send"))
        .then(pl.lit("chosen"))
        .when(pl.col("amount_fen") < least)
        .then(pl.lit("below_minimum"))
        .otherwise(pl.lit(BELOW_VALUE))
    )
    return letters.with_columns(
        send=pl.Series(send),
        value_fen=pl.Series(np.rint(value).astype(np.int64)),
        value_why=pl.Series(why, dtype=pl.List(pl.List(pl.String()))),
    ).with_columns(reason=reason)
