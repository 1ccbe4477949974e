"""The models of an institution, from its own outcomes to the decision: trained, measured, read by a person, approved, used, retired.

    trained = train(engine, tenant, "address", by="ops-7", at=now)
    approve(engine, tenant, "address", trained.number, by="ops-2", at=now)
    retire(engine, tenant, "address", trained.number, by="ops-2", at=now)          # the rule decides again

What they learn from is in the ledger: grades of letters, what couriers said at the door, payments, what contacts said. Every step
stands in the audit log.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import polars as pl
from sqlalchemy import Connection, Engine, func, select

from songda.base.days import business_day
from songda.base.errors import SongdaError
from songda.carriers import load_mapping
from songda.dispatch import door_ends
from songda.feedback import (
    Listed,
    address_evidence,
    approved,
    contact_evidence,
    features_of,
    keep,
    read_model,
)
from songda.feedback import approve as put_in_force
from songda.feedback import retire as take_out
from songda.flow.audit import write_audit
from songda.flow.predictions import comparable, propensities
from songda.flow.tenants import Tenant
from songda.models import contacts, place_features, scorecard, selection, sending, signing, vitality
from songda.models.boosting import Fitted, measured
from songda.models.features import declared
from songda.store import tables

#: What each kind needs at least, and of what; for the page of how much there is.
NEEDS: Final = {
    "address": "已结案的投递，有效签收与未签收各 50 次",
    "vitality": "说明地址死活的投递，活与死各 50 次",
    "signing": "已结案的投递，每种结果各 50 次",
    "sending": "发函组与对照组，各 100 人还款（寄出 90 日之后）",
    "contacts": "200 名联系人",
    "score": "寄出 90 日之后的函件，还款与未还款各 50 人",
}
_CLIPPED: Final = 8.0
_HALF_LIVES: Final = 2000


class UnknownKind(SongdaError):
    zh = "没有名为 {kind} 的模型"
    remedy = "可用的模型：address、vitality、signing、sending、contacts、score"
    exit_code = 64


@dataclass(frozen=True, slots=True)
class Trained:
    kind: str
    number: int
    label: str
    card: dict[str, Any]


def train(engine: Engine, tenant: Tenant, kind: str, *, by: str, at: datetime, seed: int = 7) -> Trained:
    """Fits a model on the outcomes until `at` and keeps it; it decides nothing before another person approves it.

    Raises UnknownKind, TooLittleData.
    """
    if kind not in _FITS:
        raise UnknownKind(kind=kind)
    on = business_day(at)
    with engine.connect() as connection:
        fitted, rows = _FITS[kind](connection, tenant, on, seed)
    card = _card(kind, fitted, rows, on=on)
    with engine.begin() as connection:
        number = keep(connection, tenant.id, kind, fitted, card, by=by, at=at)
        details = {"kind": kind, "number": number, "label": fitted.version, "rows": card["rows"]}
        write_audit(connection, at=at, actor=by, action="model.trained", object_id=tenant.id, details=details)
    return Trained(kind, number, fitted.version, card)


def approve(engine: Engine, tenant: Tenant, kind: str, number: int, *, by: str, at: datetime) -> Listed:
    """Puts a model in force. Raises UnknownModel, WrongModelState, SamePerson."""
    with engine.begin() as connection:
        chosen = put_in_force(connection, tenant.id, kind, number, by=by, at=at)
        details = {"kind": kind, "number": number, "label": chosen.label}
        write_audit(connection, at=at, actor=by, action="model.approved", object_id=tenant.id, details=details)
    return chosen


def retire(engine: Engine, tenant: Tenant, kind: str, number: int, *, by: str, at: datetime) -> Listed:
    """Takes a model out of force. Raises UnknownModel, WrongModelState."""
    with engine.begin() as connection:
        chosen = take_out(connection, tenant.id, kind, number, at=at)
        details = {"kind": kind, "number": number, "label": chosen.label}
        write_audit(connection, at=at, actor=by, action="model.retired", object_id=tenant.id, details=details)
    return chosen


def data_of(connection: Connection, tenant: Tenant, *, on: date) -> dict[str, dict[str, int]]:
    """How much there is for each kind to learn from."""
    _, ends, signed = _ended(connection, tenant)
    alive = [label for label in vitality.labels(ends) if label is not None]
    groups = comparable(connection, tenant, until=on)
    k = tables.contact_record.c
    cases = tables.case.c
    known = connection.scalar(
        select(func.count())
        .select_from(tables.contact_record)
        .join(tables.case, cases.id == k.case_id)
        .where(cases.tenant_id == tenant.id)
    )
    paid, sent = (groups[name].to_numpy().astype(bool) for name in ("paid", "sent"))
    return {
        "address": {"signed": int(signed.sum()), "not_signed": int((1 - signed).sum())},
        "vitality": {"alive": sum(alive), "dead": len(alive) - sum(alive)},
        "signing": {end: ends.count(end) for end in signing.ENDS},
        "sending": {"paid_sent": int((paid & sent).sum()), "paid_held_out": int((paid & ~sent).sum())},
        "contacts": {"contacts": int(known or 0)},
        "score": {"paid": int((paid & sent).sum()), "not_paid": int((~paid & sent).sum())},
    }


def evaluate(connection: Connection, tenant: Tenant, kind: str, number: int) -> dict[str, float]:
    """The model on all outcomes that there are today, whether it has seen them or not, beside the one in force and the rule.

    Raises UnknownModel.
    """
    model = read_model(connection, tenant.id, kind, number)
    champion = approved(connection, tenant.id, kind)
    if kind not in ("address", "vitality") or not isinstance(model, Fitted):
        return dict(getattr(model, "metrics", {}))
    features, ends, signed = _ended(connection, tenant)
    labels: list[int | None] = [int(each) for each in signed] if kind == "address" else vitality.labels(ends)
    kept = np.array([label is not None for label in labels], dtype=bool)
    wanted = np.array([label for label in labels if label is not None], dtype=np.int64)
    chosen = features.filter(pl.Series(kept))
    if not len(wanted) or len(set(wanted.tolist())) < 2:
        return {}
    found = measured(model.predict(chosen), wanted)
    if isinstance(champion, Fitted):
        found |= {f"in_force_{name}": value for name, value in measured(champion.predict(chosen), wanted).items()}
    found |= {f"rule_{name}": value for name, value in measured(vitality.rule(chosen), wanted).items()}
    return found


def _ended(connection: Connection, tenant: Tenant) -> tuple[pl.DataFrame, list[str | None], Any]:
    """Features of the address of each ended attempt as of its day, how it ended at the door, and whether somebody who may signed."""
    persons = select(tables.letter.c.person_id).where(tables.letter.c.tenant_id == tenant.id)
    evidence = address_evidence(connection, tenant.id, persons)
    if evidence.is_empty():
        return pl.DataFrame(schema=dict.fromkeys(("person_id", "record", *place_features.PLACES))), [], np.zeros(0)
    features = features_of(evidence)
    whole = evidence.select("attempt", "letter", "n", "grade", "chosen", owner="person_id")
    both = pl.concat([features.drop("_place"), whole], how="horizontal").filter(pl.col("record") == pl.col("chosen"))
    both = both.unique("attempt", keep="first", maintain_order=True).sort("attempt")
    told = door_ends(connection, both["attempt"].to_list(), mapping=load_mapping())
    ends = [told.get(attempt) for attempt in both["attempt"].to_list()]
    signed = selection.labels(both["grade"].to_list())
    return both.with_columns(person_id=pl.col("owner"), weight=_counts(connection, tenant, both)), ends, signed


def _counts(connection: Connection, tenant: Tenant, attempts: pl.DataFrame) -> pl.Series:
    """How much each attempt counts: what was seldom chosen counts more, within bounds; what nobody drew counts once."""
    known = propensities(connection, tenant)
    return pl.Series(
        [
            min(1 / known.get((letter, record), 1.0), _CLIPPED) if n == 1 else 1.0
            for letter, record, n in attempts.select("letter", "record", "n").iter_rows()
        ],
        dtype=pl.Float64,
    )


def _fit_address(connection: Connection, tenant: Tenant, on: date, seed: int) -> tuple[Fitted, int]:
    features, _, signed = _ended(connection, tenant)
    return selection.fit(features, signed, weights=_weights(features), seed=seed), len(signed)


def _fit_vitality(connection: Connection, tenant: Tenant, on: date, seed: int) -> tuple[Fitted, int]:
    features, ends, _ = _ended(connection, tenant)
    labels = vitality.labels(ends)
    kept = np.array([label is not None for label in labels], dtype=bool)
    alive = np.array([label for label in labels if label is not None], dtype=np.int64)
    chosen = features.filter(pl.Series(kept))
    fitted = vitality.fit(chosen, alive, weights=_weights(chosen), seed=seed)
    # A sample: the chance of each address is asked for forty times.
    years = vitality.half_life(fitted, chosen.head(_HALF_LIVES))
    return replace(fitted, metrics=fitted.metrics | {"half_life_years": float(np.median(years))}), len(alive)


def _fit_signing(connection: Connection, tenant: Tenant, on: date, seed: int) -> tuple[Fitted, int]:
    features, ends, _ = _ended(connection, tenant)
    kept = np.array([end is not None for end in ends], dtype=bool)
    wanted = np.array([signing.ENDS.index(end) for end in ends if end is not None], dtype=np.int64)
    # Windows and calls are known where a courier's list has drawn them; elsewhere they are not stated.
    told = features.filter(pl.Series(kept)).with_columns(
        window=pl.lit(None, pl.String), weekend=pl.lit(None, pl.Boolean), phoned=pl.lit(None, pl.Boolean)
    )
    return signing.fit(told, wanted, weights=_weights(told), seed=seed), len(wanted)


def _weights(features: pl.DataFrame) -> Any:
    return features["weight"].to_numpy() if "weight" in features.columns else None


def _fit_sending(connection: Connection, tenant: Tenant, on: date, seed: int) -> tuple[sending.Effect, int]:
    # Only where it was left to chance whether a letter went.
    frame = comparable(connection, tenant, until=on).filter(pl.col("propensity") < 1)
    sent, paid = frame["sent"].to_numpy().astype(bool), frame["paid"].to_numpy().astype(np.int64)
    return sending.fit(frame, sent, paid, frame["propensity"].to_numpy(), seed=seed), frame.height


def _fit_contacts(connection: Connection, tenant: Tenant, on: date, seed: int) -> tuple[contacts.Filter, int]:
    evidence = contact_evidence(connection, tenant.id)
    return contacts.fit(contacts.contact_features(evidence), seed=seed), evidence.height


def _fit_score(connection: Connection, tenant: Tenant, on: date, seed: int) -> tuple[scorecard.Scorecard, int]:
    frame = comparable(connection, tenant, until=on).filter("sent")
    names = [name for name in sending.FEATURES if name not in ("reach", "letters_before")]
    directions = {"repaid_share": 1, "days_overdue": -1, "promises_kept_share": 1}
    paid = frame["paid"].to_numpy().astype(np.int64)
    return scorecard.fit(frame, paid, features=names, monotone=directions), frame.height


_FITS: Final[dict[str, Any]] = {
    "address": _fit_address,
    "vitality": _fit_vitality,
    "signing": _fit_signing,
    "sending": _fit_sending,
    "contacts": _fit_contacts,
    "score": _fit_score,
}


def _card(kind: str, fitted: Any, rows: int, *, on: date) -> dict[str, Any]:
    """What a person reads before approving: what it says, from what, how well, and what it must not be used for."""
    features = declared()
    told: dict[str, Any] = {
        "kind": kind,
        "label": fitted.version,
        "trained_until": on.isoformat(),
        "rows": rows,
        "data_sha256": getattr(fitted, "data_sha256", None),
        "metrics": getattr(fitted, "metrics", {}),
        "features": [
            {"name": name, **{part: getattr(features[name], part) for part in ("zh", "unit", "source", "basis")}}
            for name in fitted.features
        ],
    }
    if isinstance(fitted, sending.Effect):
        gain, error = fitted.values[fitted.learner]
        told["metrics"] = {
            "mean_effect": round(fitted.mean_effect[0], 5),
            "mean_effect_se": round(fitted.mean_effect[1], 5),
            "policy_gain": round(gain, 5),
            "policy_gain_se": round(error, 5),
        }
        told |= {"learner": fitted.learner, "effect_found": fitted.found}
    if isinstance(fitted, contacts.Filter):
        told["metrics"] = {"threshold": fitted.threshold}
    if isinstance(fitted, scorecard.Scorecard):
        told["parts"] = scorecard.parts(fitted)
    return told
