"""The record behind permits to contact."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from songda.base.errors import SongdaError
from songda.contacts import Answer, Ask, Settled
from songda.flow.contacts import ask_permits, report_outcomes, shown
from songda.flow.shared_secrets import tenant_of_key
from songda.flow.tenants import Tenant
from songda.web.contacts import ContactsDoor, PermitAsk

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from songda.vault import MasterKey

T = TypeVar("T")
#: What a door answers.
Told = dict[str, Any] | SongdaError | None


def contacts_door(engine: Engine, master: MasterKey, *, clock: Callable[[], datetime]) -> ContactsDoor:
    """The door over the record in `engine`."""

    def ask(asked: Sequence[tuple[str, str, PermitAsk]]) -> list[Told]:
        def answer(tenant: Tenant, own: Sequence[tuple[str, str, PermitAsk]], at: datetime) -> list[Told]:
            questions = [Ask(key=key, **dict(question)) for _, key, question in own]
            return [_shown(tenant, each, at) for each in ask_permits(engine, tenant, questions, at=at)]

        return _by_tenant(asked, answer)

    def tell(told: Sequence[tuple[str, str, str]]) -> list[Told]:
        def answer(tenant: Tenant, own: Sequence[tuple[str, str, str]], at: datetime) -> list[Told]:
            outcomes = [(permit, outcome) for _, permit, outcome in own]
            settled = report_outcomes(engine, tenant, outcomes, at=at, by="api")
            return [_shown(tenant, each, at) for each in settled]

        return _by_tenant(told, answer)

    def _by_tenant(
        items: Sequence[tuple[str, str, T]],
        answer: Callable[[Tenant, Sequence[tuple[str, str, T]], datetime], list[Told]],
    ) -> list[Told]:
        """Each tenant's items in one transaction; None for those under nobody's key."""
        at, answers = clock(), dict[int, Told]()
        by_key: dict[str, list[int]] = defaultdict(list)
        for index, item in enumerate(items):
            by_key[item[0]].append(index)
        for key, indexes in by_key.items():
            tenant = tenant_of_key(engine, master, key, at=at, name="contacts")
            own = [items[index] for index in indexes]
            answers |= zip(indexes, [None] * len(own) if tenant is None else answer(tenant, own, at), strict=True)
        return [answers[index] for index in range(len(items))]

    return ContactsDoor(ask=ask, tell=tell)


def _shown(tenant: Tenant, answer: Answer | Settled | SongdaError, at: datetime) -> Told:
    return answer if isinstance(answer, SongdaError) else shown(tenant, answer.permit, at=at)
