"""How often one client address may ask: a token bucket each, in memory.

>>> limiter = Limiter(per_minute=30)
>>> sum(limiter.wait_s("192.0.2.7", now=0.0) == 0 for _ in range(40))
30
>>> limiter.wait_s("192.0.2.7", now=2.0)
0.0

Addresses stay in memory only and are never logged. One process, one set of buckets: several workers allow as many times
the rate, which still leaves a guesser of 128-bit tokens without hope.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from starlette.requests import Request

#: Buckets kept; the address that asked longest ago is forgotten first.
MAX_CLIENTS = 10_000


@dataclass(slots=True)
class Limiter:
    """Token buckets by client network. `now` is a monotonic clock in seconds."""

    per_minute: int
    max_clients: int = MAX_CLIENTS
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def wait_s(self, client: str, *, now: float, cost: int = 1) -> float:
        """0 and `cost` tokens taken, or the seconds until there are as many."""
        rate = self.per_minute / 60
        with self._lock:
            tokens = self._tokens(client, now)
            allowed = tokens >= cost
            self._keep(client, tokens - cost if allowed else tokens, now)
        return 0.0 if allowed else (cost - tokens) / rate

    def give_back(self, client: str, *, now: float, tokens: int) -> None:
        """Returns tokens for what turned out cheaper than was taken for it."""
        with self._lock:
            self._keep(client, self._tokens(client, now) + tokens, now)

    def _tokens(self, client: str, now: float) -> float:
        tokens, since = self._buckets.get(network(client), (float(self.per_minute), now))
        return min(float(self.per_minute), tokens + (now - since) * self.per_minute / 60)

    def _keep(self, client: str, tokens: float, now: float) -> None:
        key = network(client)
        self._buckets.pop(key, None)
        self._buckets[key] = (tokens, now)
        if len(self._buckets) > self.max_clients:
            self._buckets.popitem(last=False)


def slow_down(request: Request, limiter: Limiter) -> None:
    """One token of the client that asks. Raises HTTPException 429."""
    refuse_early(limiter, request.client.host if request.client else "")


def refuse_early(limiter: Limiter, client: str, *, cost: int = 1) -> None:
    """`cost` tokens of `client`. Raises HTTPException 429."""
    wait = limiter.wait_s(client, now=time.monotonic(), cost=cost)
    if wait:
        raise HTTPException(429, headers={"Retry-After": str(math.ceil(wait))})


def network(client: str) -> str:
    """The network that counts as one client: an IPv4 address, or the /64 that one IPv6 subscriber holds."""
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
