"""Chance, in named streams: changing what one stream is asked for leaves every other as it was.

>>> streams = Streams(7)
>>> streams("moves").random() == Streams(7)("moves").random() != streams("records").random()
True
>>> fixed(7, "debtor", 3, 20260102) == fixed(7, "debtor", 3, 20260102)
True
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Streams:
    seed: int

    def __call__(self, name: str) -> np.random.Generator:
        """A fresh generator at the start of the stream `name`."""
        word = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, word])))


def fixed(seed: int, *key: str | int) -> float:
    """The uniform draw in [0, 1) that belongs to `key` for ever (common random numbers)."""
    return (number(seed, *key) >> 11) / 2**53


def number(seed: int, *key: str | int) -> int:
    """64 random bits that belong to `key` for ever."""
    message = "\x1f".join((str(seed), *map(str, key))).encode()
    return int.from_bytes(hashlib.blake2b(message, digest_size=8).digest(), "big")


def choice(uniforms: NDArray[np.float64], shares: Mapping[str, float] | Sequence[float]) -> NDArray[np.int64]:
    """For each uniform the number of the alternative that it falls on."""
    weights = np.array([*shares.values()] if isinstance(shares, Mapping) else shares, dtype=float)
    edges = np.cumsum(weights) / weights.sum()
    return np.minimum(np.searchsorted(edges, uniforms, side="right"), len(weights) - 1)
