"""Telling tenants what became of their letters, and the secrets by which they and their carriers know us.

    with engine.begin() as connection:
        webhook_id = add_receiver(connection, key, tenant_id, "https://bank.example/hook", at=now)
    deliver(engine, tenant_id=tenant, key=key, http=http, clock=days.now)       # at least once, each letter in order
    page = read_page(engine, tenant_id, after=0, limit=100)                     # the same events, for who asks

An event is written with the transition that it tells of (songda.store.events) and is never deleted by a delivery: a receiver
has a cursor, and what it did not take stays before it. Webhooks are signed by Standard Webhooks 1.0.0. Payloads hold ids,
codes and instants, nothing about a person.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songda.notices.feed import Page, as_json, cursor_before, read_page
    from songda.notices.receivers import (
        BadAddress,
        Receiver,
        UnknownEventType,
        UnknownReceiver,
        add_receiver,
        alarms,
        enable,
        read_receivers,
        remove_receiver,
        set_cursor,
        waiting,
    )
    from songda.notices.secrets import Valid, holds, rotate, token, valid_generations
    from songda.notices.sending import Delivered, Tried, deliver, open_http, try_out
    from songda.notices.signing import purpose_of, secret_text, sign, signing_secret

_HOMES = {
    "feed": ("Page", "as_json", "cursor_before", "read_page"),
    "receivers": (
        "BadAddress",
        "Receiver",
        "UnknownEventType",
        "UnknownReceiver",
        "add_receiver",
        "alarms",
        "enable",
        "read_receivers",
        "remove_receiver",
        "set_cursor",
        "waiting",
    ),
    "secrets": ("Valid", "holds", "rotate", "token", "valid_generations"),
    "sending": ("Delivered", "Tried", "deliver", "open_http", "try_out"),
    "signing": ("purpose_of", "secret_text", "sign", "signing_secret"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "BadAddress",
    "Delivered",
    "Page",
    "Receiver",
    "Tried",
    "UnknownEventType",
    "UnknownReceiver",
    "Valid",
    "add_receiver",
    "alarms",
    "as_json",
    "cursor_before",
    "deliver",
    "enable",
    "holds",
    "open_http",
    "purpose_of",
    "read_page",
    "read_receivers",
    "remove_receiver",
    "rotate",
    "secret_text",
    "set_cursor",
    "sign",
    "signing_secret",
    "token",
    "try_out",
    "valid_generations",
    "waiting",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
