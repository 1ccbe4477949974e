"""A stand-in for the China Post / EMS open platform: the published format on loopback HTTP, a virtual clock, and a
menu of faults.

    with StandIn(SimContract(orders_idempotent=False)) as post:
        post.hand_over(["1100000000001"], at=posted_at)
        post.advance(to=posted_at + timedelta(days=3))

A letter may order its own outcome or fault: its receiver's mobile is 1990000 and a number of chains.toml (`19900000743`:
signed by mistake, corrected, signed) or faults.toml (`19900009003`: the order is taken and its answer lost). 快递100 and
快递鸟 answer beside the carrier about the same items (`account("kuaidi100")`). `Counter` is a carrier by files.

What the platform's document leaves open (codes of refusals, idempotency of orders, the time window) is a setting of
`SimContract`.
"""

from songda.sim.carrier.chains import magic_outcomes
from songda.sim.carrier.contract import SimContract
from songda.sim.carrier.counter import Counter
from songda.sim.carrier.events import Courier, PlannedEvent, ShippedLetter
from songda.sim.carrier.faults import fault_kinds, magic_faults
from songda.sim.carrier.standin import StandIn, StandInFailed


def magic_numbers() -> list[tuple[str, str]]:
    """(mobile, what a letter to it orders), outcomes and then faults."""
    return magic_outcomes() + magic_faults()


__all__ = [
    "Counter",
    "Courier",
    "PlannedEvent",
    "ShippedLetter",
    "SimContract",
    "StandIn",
    "StandInFailed",
    "fault_kinds",
    "magic_numbers",
]
