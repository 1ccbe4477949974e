"""The models of an institution, from its own outcomes to the decision: trained, measured, read by a person, approved, used, retired.

    trained = train(engine, tenant, "address", by="ops-7", at=now)
    approve(engine, tenant, "address", trained.number, by="ops-2", at=now)
    retire(engine, tenant, "address", trained.number, by="ops-2", at=now)          # the rule decides again

What they learn from is in the ledger: grades of letters, what couriers said at the door, payments, what contacts said. Every step
stands in the audit log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
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
    debtor_evidence,
    features_of,
    keep,
    listed,
    read_model,
)
from songda.feedback import approve as put_in_force
from songda.feedback import retire as take_out
from songda.flow.audit import write_audit
from songda.flow.choosing import uniform
from songda.flow.tenants import Tenant
from songda.flow.worth import HOLD_OUT
from songda.models import contacts, place_features, scorecard, selection, sending, signing, vitality
from songda.models.boosting import Fitted
from songda.models.features import declared
from songda.store import tables

#: Days after a letter within which a payment counts.
PAYS_WITHIN: Final = 90
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


def models_of(connection: Connection, tenant: Tenant) -> list[Listed]:
    return listed(connection, tenant.id)


def data_of(connection: Connection, tenant: Tenant, *, on: date) -> dict[str, dict[str, int]]:
    """How much there is for each kind to learn from."""
    _, ends, signed = _ended(connection, tenant)
    alive = [label for label in vitality.labels(ends) if label is not None]
    groups = _sent_and_held_out(connection, tenant, on)
    k = tables.contact_record.c
    cases = tables.case.c
    known = connection.scalar(
        select(func.count())
        .select_from(tables.contact_record)
        .join(tables.case, cases.id == k.case_id)
        .where(cases.tenant_id == tenant.id)
    )
    paid = groups["paid"].to_numpy().astype(bool) if groups.height else np.zeros(0, dtype=bool)
    sent = groups["sent"].to_numpy().astype(bool) if groups.height else np.zeros(0, dtype=bool)
    return {
        "address": {"signed": int(signed.sum()), "not_signed": int((1 - signed).sum())},
        "vitality": {"alive": sum(alive), "dead": len(alive) - sum(alive)},
        "signing": {end: ends.count(end) for end in signing.ENDS},
        "sending": {"paid_sent": int((paid & sent).sum()), "paid_held_out": int((paid & ~sent).sum())},
        "contacts": {"contacts": int(known or 0)},
        "score": {"paid": int((paid & sent).sum()), "not_paid": int((~paid & sent).sum())},
    }


def evaluate(connection: Connection, tenant: Tenant, kind: str, number: int, *, on: date) -> dict[str, float]:
    """The model on all outcomes that there are today, whether it has seen them or not, beside the one in force and the rule.

    Raises UnknownModel, UnknownKind.
    """
    from songda.models.boosting import measured

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
    weights = _propensities(connection, tenant, both)
    signed = selection.labels(both["grade"].to_list())
    return both.with_columns(person_id=pl.col("owner"), weight=weights), ends, signed


def _propensities(connection: Connection, tenant: Tenant, attempts: pl.DataFrame) -> pl.Series:
    """How much each attempt counts: what was seldom chosen counts more, within bounds; second attempts as they are."""
    p, t = tables.prediction.c, tables.letter.c
    query = (
        select(p.letter_id, p.propensity)
        .join(tables.letter, t.id == p.letter_id)
        .where(t.tenant_id == tenant.id, p.kind == selection.KIND, p.propensity.is_not(None))
    )
    known = {row.letter_id: row.propensity for row in connection.execute(query)}
    return pl.Series(
        [
            min(1 / max(known.get(letter, 1.0), 1e-9), _CLIPPED) if n == 1 else 1.0
            for letter, n in attempts.select("letter", "n").iter_rows()
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
    return vitality.fit(chosen, alive, weights=_weights(chosen), seed=seed), len(alive)


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


def _sent_and_held_out(connection: Connection, tenant: Tenant, on: date) -> pl.DataFrame:
    """One row a letter that was sent or held out and whose time to pay is over: person_id, batch_id, day, sent, paid."""
    t, n = tables.letter.c, tables.attempt.c
    posted = select(n.letter_id, func.min(n.posted_on).label("posted_on")).group_by(n.letter_id).subquery()
    query = (
        select(t.person_id, t.batch_id, t.letter_date, t.reasons, posted.c.posted_on)
        .outerjoin(posted, posted.c.letter_id == t.id)
        .where(t.tenant_id == tenant.id, t.letter_date <= on - timedelta(days=PAYS_WITHIN))
        .order_by(t.id)
    )
    rows = [
        (row.person_id, row.batch_id, row.letter_date, row.posted_on is not None)
        for row in connection.execute(query)
        if row.posted_on is not None or row.reasons == [HOLD_OUT]
    ]
    schema = {"person_id": pl.String(), "batch_id": pl.String(), "day": pl.Date(), "sent": pl.Boolean()}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    p, c = tables.payment.c, tables.case.c
    paid = connection.execute(
        select(c.person_id, p.paid_on)
        .join(tables.case, c.id == p.case_id)
        .where(p.tenant_id == tenant.id, p.amount_fen > 0)
    ).all()
    days: dict[str, list[date]] = {}
    for person, day in paid:
        days.setdefault(person, []).append(day)
    hits = [
        any(day < each <= day + timedelta(days=PAYS_WITHIN) for each in days.get(person, ()))
        for person, day in frame.select("person_id", "day").iter_rows()
    ]
    return frame.with_columns(paid=pl.Series(hits, dtype=pl.Boolean))


def _debtors(connection: Connection, tenant: Tenant, groups: pl.DataFrame) -> pl.DataFrame:
    """Features of the debtors of `groups`, as of the days of their letters."""
    reach = _reach(connection, tenant)
    parts = []
    for (batch_id, day), rows in groups.group_by("batch_id", "day", maintain_order=True):
        evidence = debtor_evidence(connection, tenant.id, tables.case.c.batch_id == batch_id, on=day, reach=reach)
        parts.append(rows.join(evidence, on="person_id", how="inner", maintain_order="left"))
    return pl.concat(parts) if parts else groups


def _reach(connection: Connection, tenant: Tenant) -> dict[str, float]:
    """Person → the chance of a signature that was said of their letter."""
    p, t = tables.prediction.c, tables.letter.c
    query = (
        select(t.person_id, p.chance)
        .join(tables.letter, t.id == p.letter_id)
        .where(t.tenant_id == tenant.id, p.kind == selection.KIND, p.chance.is_not(None))
    )
    return {row.person_id: row.chance for row in connection.execute(query)}


def _fit_sending(connection: Connection, tenant: Tenant, on: date, seed: int) -> tuple[sending.Effect, int]:
    frame = _debtors(connection, tenant, _sent_and_held_out(connection, tenant, on))
    share = max(tenant.profile.learning.hold_out or 0.0, 0.0) or sending.HOLD_OUT
    sent = frame["sent"].to_numpy().astype(bool)
    paid = frame["paid"].to_numpy().astype(int)
    fitted = sending.fit(frame, sent, paid, np.full(frame.height, 1 - share), seed=seed)
    return fitted, frame.height


def _fit_contacts(connection: Connection, tenant: Tenant, on: date, seed: int) -> tuple[contacts.Filter, int]:
    evidence = contact_evidence(connection, tenant.id)
    return contacts.fit(contacts.contact_features(evidence), seed=seed), evidence.height


def _fit_score(connection: Connection, tenant: Tenant, on: date, seed: int) -> tuple[scorecard.Scorecard, int]:
    groups = _sent_and_held_out(connection, tenant, on).filter("sent")
    frame = _debtors(connection, tenant, groups)
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


def explain_case(connection: Connection, tenant: Tenant, *, person_id: str) -> list[dict[str, Any]]:
    """What models, or the rules in their place, have said of the letters of a person; no name, no address."""
    p, t = tables.prediction.c, tables.letter.c
    query = (
        select(t.letter_no, p.kind, p.model, p.record_id, p.chance, p.propensity, p.explored, p.reasons, p.on_day)
        .join(tables.letter, t.id == p.letter_id)
        .where(t.tenant_id == tenant.id, t.person_id == person_id)
        .order_by(p.on_day, p.id)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def is_held_out(tenant: Tenant, person_id: str) -> bool:
    """Whether a person belongs to the permanent hold-out at the share that the profile states."""
    return uniform(tenant.key.id_secret(), HOLD_OUT, person_id) < (tenant.profile.learning.hold_out or 0.0)
