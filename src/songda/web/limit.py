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
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

#: Buckets kept; the address that asked longest ago is forgotten first.
MAX_CLIENTS = 10_000


@dataclass(slots=True)
class Limiter:
    """Token buckets by client network. `now` is a monotonic clock in seconds."""

    per_minute: int
    max_clients: int = MAX_CLIENTS
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def wait_s(self, client: str, *, now: float) -> float:
        """0 and one token taken, or the seconds until the next token."""
        key, rate = network(client), self.per_minute / 60
        with self._lock:
            tokens, since = self._buckets.pop(key, (float(self.per_minute), now))
            tokens = min(float(self.per_minute), tokens + (now - since) * rate)
            allowed = tokens >= 1
            self._buckets[key] = (tokens - 1 if allowed else tokens, now)
            if len(self._buckets) > self.max_clients:
                self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / rate


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
