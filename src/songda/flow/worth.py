"""Who is worth a letter: the approved model's value within budget and capacity, or the rule (largest amounts first); of those, a share is
held out.

Whoever is held out belongs to the hold-out for ever and is never written to by a run: without them nobody could say what a letter
does. Only letters that would have gone are withheld, so that both groups differ by nothing but the draw. A model that has found no
effect decides nothing; the rule does.
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

#: A letter that would have gone, and is withheld so that its debtor can be compared.
HOLD_OUT: Final = "hold_out"
#: The value of a letter does not cover its cost, or other letters are worth more.
BELOW_VALUE: Final = "below_value"
#: What is added to a letter that nobody weighs.
UNWEIGHED: Final = {
    "value_fen": pl.lit(None, pl.Int64),
    "sending": pl.lit(None, pl.Float64),
    "inputs": pl.lit(None, pl.Struct(dict.fromkeys(sending.FEATURES, pl.Float64))),
}


def decide_worth(
    connection: Connection, tenant: Tenant, letters: pl.DataFrame, limits: Limits, *, cases: Any, on: date
) -> tuple[pl.DataFrame, str]:
    """Adds to one row a letter what was decided, and the label of what decided.

    In: letter, person_id, amount_fen, price_fen, chance (of a signature; null by the rule). `cases`: condition on the table `case`.
    Out: send (bool), reason, value_fen (null by the rule), sending (the chance with which a letter that is worth it was to be sent; null
    for the others), inputs (songda.models.sending.FEATURES as they stand).
    """
    model = approved(connection, tenant.id, sending.KIND)
    decides = isinstance(model, sending.Effect) and model.found
    share = max(tenant.profile.learning.hold_out or 0.0, sending.HOLD_OUT if decides else 0.0)
    reach = dict(letters.select("person_id", "chance").drop_nulls().iter_rows())
    evidence = debtor_evidence(connection, tenant.id, cases, on=on, reach=reach)
    inputs = pl.struct(pl.col(sending.FEATURES).cast(pl.Float64).round(6))
    known = letters.join(evidence.select("person_id", inputs=inputs), on="person_id", how="left", maintain_order="left")
    unset = None in (limits.budget_fen, limits.capacity, limits.min_amount_fen)
    if isinstance(model, sending.Effect) and decides and not unset:
        decided, label = _by_value(known, limits, model), model.version
    else:
        decided, label = decide_send(known, limits).with_columns(value_fen=UNWEIGHED["value_fen"]), SEND_VERSION
    secret = tenant.key.id_secret()
    drawn = pl.Series(
        [uniform(secret, HOLD_OUT, person) < share for person in decided["person_id"].to_list()], dtype=pl.Boolean
    )
    return (
        decided.with_columns(sending=pl.when("send").then(1 - share), _held=pl.col("send") & drawn)
        .with_columns(
            send=pl.col("send") & ~pl.col("_held"),
            reason=pl.when("_held").then(pl.lit(HOLD_OUT)).otherwise("reason"),
        )
        .drop("_held"),
        label,
    )


def _by_value(letters: pl.DataFrame, limits: Limits, model: sending.Effect) -> pl.DataFrame:
    """The set of greatest value within budget and capacity; amounts below the tenant's minimum are never worth it."""
    value = sending.predict(model, letters["inputs"].struct.unnest()) * letters["amount_fen"].to_numpy()
    worth = (letters["amount_fen"] >= (limits.min_amount_fen or 0)).to_numpy()
    send = sending.decide(
        np.where(worth, value, 0.0),
        letters["price_fen"].to_numpy(),
        budget_fen=limits.budget_fen or 0,
        capacity=limits.capacity or 0,
    )
    reason = (
        pl.when("send")
        .then(pl.lit("chosen"))
        .when(pl.Series(worth))
        .then(pl.lit(BELOW_VALUE))
        .otherwise(pl.lit("below_minimum"))
    )
    return letters.with_columns(
        send=pl.Series(send, dtype=pl.Boolean), value_fen=pl.Series(np.rint(value), dtype=pl.Float64).cast(pl.Int64)
    ).with_columns(reason=reason)
