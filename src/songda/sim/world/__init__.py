"""A world of invented debtors with known truth: the case file that an institution would hand over, and the couriers
who then meet, or do not meet, the people in it. Every figure from it is simulated.

    world = generate(cases=2000, seed=7, as_of=date(2026, 11, 24))
    world.write_seen(Path("cases.xlsx"))        # what may be known
    world.write_truth(Path("truth"))            # what is true; only the stand-in carrier and benchmarks read it
    with StandIn(courier=load(Path("truth")).courier()) as post:
        ...
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songda.sim.world.config import BadConfig, UnknownConfig
    from songda.sim.world.courier import WorldCourier
    from songda.sim.world.seen import UnknownFormat
    from songda.sim.world.truth import NoTruth, Truth, load
    from songda.sim.world.world import World, generate, people

_HOMES = {
    "BadConfig": "config",
    "NoTruth": "truth",
    "Truth": "truth",
    "UnknownConfig": "config",
    "UnknownFormat": "seen",
    "World": "world",
    "WorldCourier": "courier",
    "generate": "world",
    "load": "truth",
    "people": "world",
}

__all__ = [
    "BadConfig",
    "NoTruth",
    "Truth",
    "UnknownConfig",
    "UnknownFormat",
    "World",
    "WorldCourier",
    "generate",
    "load",
    "people",
]


def __getattr__(name: str) -> Any:
    """NumPy loads with the first use, not with the command line."""
    if name in _HOMES:
        return getattr(import_module(f"songda.sim.world.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
