"""The registry of an institution's models: trained by one person, approved by another, one of a kind in force, none ever forgotten."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, func, insert, select, update

from songda.base import ids
from songda.base.errors import SongdaError
from songda.models.boosting import Fitted
from songda.models.contacts import Filter
from songda.models.errors import UnreadableModel
from songda.models.scorecard import Scorecard
from songda.models.sending import Effect
from songda.store import move, tables

#: Kinds of models, in the order in which a letter meets them.
KINDS: Final = ("address", "vitality", "signing", "sending", "contacts", "score")
Model: TypeAlias = Fitted | Filter | Effect | Scorecard
_m = tables.model.c


class UnknownModel(SongdaError):
    zh = "没有 {kind} 模型 {number}"
    remedy = "用 songda models list 查看已有的模型"
    exit_code = 64


class WrongModelState(SongdaError):
    zh = "{kind} 模型 {number} 的状态是“{state_zh}”，不能再{act_zh}"
    remedy = "用 songda models list 查看已有的模型"
    exit_code = 65


class SamePerson(SongdaError):
    zh = "{kind} 模型 {number} 须由训练者以外的人批准"
    remedy = "请另一人阅读 songda models card 后批准"
    exit_code = 77


STATES_ZH = {"trained": "待批准", "approved": "使用中", "retired": "已停用"}


@dataclass(frozen=True, slots=True)
class Listed:
    id: str
    kind: str
    number: int
    state: str
    version: int
    label: str
    card: dict[str, Any]
    trained_at: datetime
    trained_by: str
    approved_at: datetime | None
    approved_by: str | None


def keep(
    connection: Connection, tenant_id: str, kind: str, fitted: Model, card: dict[str, Any], *, by: str, at: datetime
) -> int:
    """Keeps a fitted model, which decides nothing yet; its number among those of its kind."""
    # Who trains at the same time waits for this number.
    connection.execute(select(tables.tenant.c.id).where(tables.tenant.c.id == tenant_id).with_for_update())
    last = connection.scalar(select(func.max(_m.number)).where(_m.tenant_id == tenant_id, _m.kind == kind)) or 0
    row = {
        "id": ids.new("mod"),
        "tenant_id": tenant_id,
        "kind": kind,
        "number": last + 1,
        "state": "trained",
        "version": 0,
        "label": fitted.version,
        "body": fitted.dump(),
        "card": card,
        "trained_at": at,
        "trained_by": by,
    }
    connection.execute(insert(tables.model).values(row))
    return int(last) + 1


def listed(connection: Connection, tenant_id: str, kind: str | None = None) -> list[Listed]:
    """All models, the newest of each kind first."""
    columns = [getattr(_m, name) for name in Listed.__slots__]
    query = select(*columns).where(_m.tenant_id == tenant_id).order_by(_m.kind, _m.number.desc())
    rows = connection.execute(query if kind is None else query.where(_m.kind == kind)).all()
    found = [Listed(*row) for row in rows]
    return sorted(found, key=lambda each: (KINDS.index(each.kind), -each.number))


def _one(connection: Connection, tenant_id: str, kind: str, number: int) -> Listed:
    found = next((each for each in listed(connection, tenant_id, kind) if each.number == number), None)
    if found is None:
        raise UnknownModel(kind=kind, number=number)
    return found


def approve(connection: Connection, tenant_id: str, kind: str, number: int, *, by: str, at: datetime) -> Listed:
    """Puts a model in force and retires the one before. Raises UnknownModel, WrongModelState, SamePerson, and what reading it raises."""
    chosen = _one(connection, tenant_id, kind, number)
    if chosen.state != "trained":
        raise WrongModelState(kind=kind, number=number, state_zh=STATES_ZH[chosen.state], act_zh="批准")
    if by == chosen.trained_by:
        raise SamePerson(kind=kind, number=number)
    read_model(connection, tenant_id, kind, number)
    before = [each for each in listed(connection, tenant_id, kind) if each.state == "approved"]
    for each in before:
        _retire(connection, each, reason="replaced", at=at)
    connection.execute(update(tables.model).where(_m.id == chosen.id).values(approved_by=by, approved_at=at))
    moving = [(chosen.id, chosen.version)]
    move(connection, "model", moving, source="trained", target="approved", actor="reviewer", reason="approved", at=at)
    return chosen


def retire(connection: Connection, tenant_id: str, kind: str, number: int, *, at: datetime) -> Listed:
    """Takes a model out of force; the rule decides again. Raises UnknownModel, WrongModelState."""
    chosen = _one(connection, tenant_id, kind, number)
    if chosen.state == "retired":
        raise WrongModelState(kind=kind, number=number, state_zh=STATES_ZH[chosen.state], act_zh="停用")
    _retire(connection, chosen, reason="withdrawn", at=at)
    return chosen


def _retire(connection: Connection, chosen: Listed, *, reason: str, at: datetime) -> None:
    moving = [(chosen.id, chosen.version)]
    move(connection, "model", moving, source=chosen.state, target="retired", actor="reviewer", reason=reason, at=at)


def approved(connection: Connection, tenant_id: str, kind: str) -> Model | None:
    """The model of a kind in force; None when there is none."""
    query = select(_m.id).where(_m.tenant_id == tenant_id, _m.kind == kind, _m.state == "approved")
    model_id = connection.scalar(query)
    return None if model_id is None else _read(connection, model_id, kind)


def read_model(connection: Connection, tenant_id: str, kind: str, number: int) -> Model:
    """Raises UnknownModel, UnreadableModel, ForbiddenFeature."""
    return _read(connection, _one(connection, tenant_id, kind, number).id, kind)


def _read(connection: Connection, model_id: str, kind: str) -> Model:
    body = connection.scalar(select(_m.body).where(_m.id == model_id))
    return _opened(kind, bytes(body or b""))


@lru_cache(maxsize=16)
def _opened(kind: str, body: bytes) -> Model:
    # Reading the trees takes longer than many a decision.
    loaders: dict[str, Any] = {"sending": Effect.load, "contacts": Filter.load, "score": Scorecard.load}
    try:
        model: Model = loaders.get(kind, Fitted.load)(body)
    except (io.UnsupportedOperation, EOFError) as error:
        raise UnreadableModel(what=type(error).__name__) from error
    return model
