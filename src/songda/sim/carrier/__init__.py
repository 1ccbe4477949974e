"""A stand-in for the China Post / EMS open platform: the published format on loopback HTTP, a virtual clock, and a
menu of faults.

    with StandIn(SimContract(orders_idempotent=False)) as post:
        post.hand_over(["1100000000001"], at=posted_at)
        post.advance(to=posted_at + timedelta(days=3))

What the platform's document leaves open (codes of refusals, idempotency of orders, the time window) is a setting of
`SimContract`.
"""

from songda.sim.carrier.contract import SimContract
from songda.sim.carrier.events import Courier, PlannedEvent, ShippedLetter
from songda.sim.carrier.standin import StandIn, StandInFailed

__all__ = ["Courier", "PlannedEvent", "ShippedLetter", "SimContract", "StandIn", "StandInFailed"]
