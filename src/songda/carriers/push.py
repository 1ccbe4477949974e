"""Pushes of whoever tells us events by himself, told apart by their shape, each proved by its own scheme.

    pushed = read_push(body, contract, accounts)
    pushed.traces, pushed.ack(now)

The scheme proves little in all three (see envelope, kuaidi100, kdniao): the door must also know the sender's network
address, client certificate or a secret path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from songda.carriers import kdniao_words, kuaidi100_words
from songda.carriers.aggregator import AggregatorAccount
from songda.carriers.contract import ContractConfig
from songda.carriers.errors import BadPush
from songda.carriers.posting_formats import read_line
from songda.carriers.tracking import Event, Reader, Trace, parse_push, push_ack, push_fields, read_item

#: A field that only one teller's events have → who reads them.
_READERS: tuple[tuple[str, Reader], ...] = (
    ("opTime", read_item),
    ("context", kuaidi100_words.read_item),
    ("AcceptTime", kdniao_words.read_item),
    ("code_prefix", read_line),
)


@dataclass(frozen=True, slots=True)
class Pushed:
    #: What counts are their words: of the carrier's own pushes the events are not read yet.
    traces: tuple[Trace, ...]
    #: What the pusher wants to read once the events are stored, by the instant of the answer.
    ack: Callable[[datetime], dict[str, Any]]
    #: Whether the carrier itself speaks, and no aggregator.
    first_hand: bool = False


def read_push(body: bytes, contract: ContractConfig, accounts: Sequence[AggregatorAccount] = ()) -> Pushed:
    """Reads one push of the carrier (040002), of 快递100 or of 快递鸟. Raises BadPush, BadEnvelope."""
    fields = push_fields(body)
    by_kind: dict[str, AggregatorAccount] = {account.kind: account for account in accounts}
    if "param" in fields and "sign" in fields:
        trace = kuaidi100_words.read_push(fields, _account(by_kind, "kuaidi100"))
        return Pushed((trace,), lambda _: dict(kuaidi100_words.ACK))
    if "RequestData" in fields:
        account = _account(by_kind, "kdniao")
        return Pushed(kdniao_words.read_push(fields, account), lambda at: kdniao_words.push_ack(account, at=at))
    push = parse_push(body, contract)
    trace = Trace(waybill_no=push.waybill_no, known=True, words=(push.raw,))
    return Pushed((trace,), lambda _: push_ack(push, contract), first_hand=True)


def read_words(words: bytes, *, waybill_no: str, addressee: str | None) -> Event | None:
    """The event that one teller's stored words tell, whoever he is; None when they cannot be read."""
    try:
        item = orjson.loads(words)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(item, dict):
        return None
    for field, reader in _READERS:
        if field in item:
            return reader(item, waybill_no=waybill_no, addressee=addressee)
    return None


def _account(by_kind: dict[str, AggregatorAccount], kind: str) -> AggregatorAccount:
    if kind not in by_kind:
        raise BadPush(reason="no_account")
    return by_kind[kind]
