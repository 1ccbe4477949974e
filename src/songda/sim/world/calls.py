"""What the institution's own calls have left in its file: promises made and kept, and the day on which the debtor last answered.

They say something about willingness and ability, as they do in life, and nothing for certain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from songda.sim.world.config import Config
from songda.sim.world.persons import Debtors, Ints
from songda.sim.world.phones import Phones
from songda.sim.world.streams import Streams


@dataclass(frozen=True, slots=True)
class Calls:
    """Parallel columns, one entry a debtor."""

    promises: Ints
    kept: Ints
    #: Day from 1970-01-01; -1: never since the first overdue day.
    last_answered: Ints


def make_calls(
    debtors: Debtors, phones: Phones, *, first_overdue: Ints, today: int, config: Config, streams: Streams
) -> Calls:
    rng, shares, people = streams("calls"), config.calls, len(debtors)
    promises = np.minimum(rng.poisson(shares.promises * np.exp(shares.promises_willing * debtors.willing)), 9)
    odds = shares.kept + shares.kept_willing * debtors.willing + shares.kept_able * debtors.able
    kept = rng.binomial(promises, 1 / (1 + np.exp(-odds)))
    silent = rng.exponential(shares.silence_days * np.exp(-shares.silence_willing * debtors.willing), people)
    last = np.minimum(phones.lost_on.max(axis=1), today) - silent.astype(np.int64)
    return Calls(promises, kept, np.where(last > first_overdue, last, -1))
