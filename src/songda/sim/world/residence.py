"""Where the debtors live and work, day by day: homes one after another as a point process, and two jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from songda.sim.world.config import Config
from songda.sim.world.persons import Debtors, Flags, Floats, Ints
from songda.sim.world.places import FIRST_HOME, HOME, HOMES, WORK
from songda.sim.world.streams import Streams


@dataclass(frozen=True, slots=True)
class Residences:
    """Per debtor five homes and two work places. Days count from 1970-01-01; `until` is the first day away."""

    #: Slot of the place, shape (debtors, 5); homes after the last one have since = until.
    slot: Ints
    since: Ints
    until: Ints
    #: First day of the second job, beyond the horizon when there is none.
    job_changed: Ints
    #: Last day that the history covers.
    horizon: int

    def home_slot(self, debtor: Ints, day: Ints) -> Ints:
        """Slot of the home in which each `debtor` lives on each `day`."""
        inside = (self.since[debtor] <= day[:, None]) & (day[:, None] < self.until[debtor])
        # Before the history begins they live where it begins.
        chosen: Ints = self.slot[debtor, np.argmax(inside, axis=1)]
        return chosen

    def work_slot(self, debtor: Ints, day: Ints) -> Ints:
        return WORK + (day >= self.job_changed[debtor])


def make_residences(
    debtors: Debtors, *, first_loan: Ints, first_overdue: Ints, as_of: date, config: Config, streams: Streams
) -> Residences:
    """`first_loan`, `first_overdue`: day of the first loan and of the first overdue day, one a debtor."""
    moves, rng = config.residence, streams("moves")
    people = len(debtors)
    start = first_loan - round(moves.years_before * 365.25)
    horizon = int(np.datetime64(as_of, "D").astype(np.int64)) + moves.days_ahead
    frailty = rng.gamma(moves.frailty_shape, 1 / moves.frailty_shape, people)
    rate = np.where(debtors.tenant, moves.tenant_moves, moves.owner_moves) * frailty / 365.25
    jumps = _jumps(rng.exponential(size=(people, HOMES - 1)), rate, start, first_overdue, moves.overdue_factor)
    since = np.minimum(np.column_stack([start, jumps]), horizon)
    until = np.column_stack([since[:, 1:], np.full(people, horizon)])
    # The last home keeps the person when more moves were drawn than homes.
    job = start + rng.exponential(365.25 / moves.job_changes, people).astype(np.int64)
    return Residences(
        slot=_slots(debtors, rng.random((people, HOMES)) < moves.back_home),
        since=since,
        until=until,
        job_changed=job,
        horizon=horizon,
    )


def _jumps(gaps: Floats, rate: Floats, start: Ints, overdue: Ints, factor: float) -> Ints:
    """Days of the moves: a process of `rate` a day until `overdue`, `factor` times that afterwards."""
    due = np.cumsum(gaps, axis=1) / rate[:, None]
    calm = (overdue - start)[:, None]
    days = np.where(due <= calm, due, calm + (due - calm) / factor)
    # Far beyond any horizon is as good as never, and keeps the sum within 64 bits.
    return start[:, None] + np.minimum(days, 10**6).astype(np.int64)


def _slots(debtors: Debtors, back: Flags) -> Ints:
    slot = np.tile(np.arange(FIRST_HOME, FIRST_HOME + HOMES), (len(debtors), 1))
    slot[debtors.settled_at_home, 0] = HOME
    return np.where(back & debtors.tenant[:, None] & (np.arange(HOMES) > 0), HOME, slot)
