"""A world of invented debtors with known truth: the case file that an institution would hand over, and the couriers
who then meet, or do not meet, the people in it. Every figure from it is simulated.

    world = generate(cases=2000, seed=7, as_of=date(2026, 11, 24))
    world.write_seen(Path("cases.xlsx"))        # what may be known
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songda.sim.world.config import BadConfig, UnknownConfig
    from songda.sim.world.seen import UnknownFormat
    from songda.sim.world.world import World, generate, people

_HOMES = {
    "BadConfig": "config",
    "UnknownConfig": "config",
    "UnknownFormat": "seen",
    "World": "world",
    "generate": "world",
    "people": "world",
}

__all__ = ["BadConfig", "UnknownConfig", "UnknownFormat", "World", "generate", "people"]


def __getattr__(name: str) -> Any:
    """NumPy loads with the first use, not with the command line."""
    if name in _HOMES:
        return getattr(import_module(f"songda.sim.world.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
