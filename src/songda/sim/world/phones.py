"""The debtors' numbers die one after another once they are overdue, and with them the chance to be called back.

A number that has died is never told of in the file: the institution learns of it by calling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from songda.sim.world.config import Config
from songda.sim.world.persons import Debtors, Flags, Ints
from songda.sim.world.streams import Streams

_DAYS_A_MONTH = 30.4375
#: Beyond every horizon.
NEVER = 10**6


@dataclass(frozen=True, slots=True)
class Phones:
    #: Day from 1970-01-01 on which each number stops answering, shape (debtors, 3); entries beyond the debtor's numbers are 0.
    lost_on: Ints
    #: Some number is alive on the day of the file, and is answered when a courier calls.
    answers: Flags


def make_phones(debtors: Debtors, *, first_overdue: Ints, today: int, config: Config, streams: Streams) -> Phones:
    rng, shares = streams("phones die"), config.phones
    most = len(config.persons.phones)
    months = rng.exponential(1 / shares.monthly_loss, (len(debtors), most))
    lost = first_overdue[:, None] + np.minimum(months * _DAYS_A_MONTH, NEVER).astype(np.int64)
    kept = np.array([len(numbers) for numbers in debtors.phones])
    lost[np.arange(most) >= kept[:, None]] = 0
    answers = (lost > today).any(axis=1) & (streams("answers the phone").random(len(debtors)) < shares.answered)
    return Phones(lost, answers)
