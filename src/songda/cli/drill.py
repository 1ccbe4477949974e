"""Drills: a stand-in carrier beside the house, and the demonstration with invented people."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from songda.flow.post import Carrier
    from songda.flow.run import House
    from songda.sim.carrier import Courier, StandIn

#: Numbers that the stand-in hands out in advance, so that a lost answer can be settled by a query.
NUMBER_RANGE = ("1100000000001", "1100009999999")


@contextmanager
def stand_in(
    house: House, *, seed: int, courier: Courier | None = None, starts_at: datetime | None = None
) -> Iterator[Carrier]:
    """A stand-in carrier that keeps its orders sealed under the house's folder, and a connection to it."""
    with open_stand_in(house, seed=seed, courier=courier, starts_at=starts_at) as post, join(post) as carrier:
        yield carrier


@contextmanager
def open_stand_in(
    house: House, *, seed: int, courier: Courier | None = None, starts_at: datetime | None = None
) -> Iterator[StandIn]:
    from songda.sim.carrier import SimContract, StandIn
    from songda.sim.carrier.chains import courier as mixed

    folder = house.home / "drill" / house.tenant.id
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = hashlib.sha256(house.tenant.key.token("drill.state").encode()).digest()
    contract = SimContract(number_range=NUMBER_RANGE, starts_at=starts_at)
    with StandIn(contract, courier=courier or mixed, state_dir=folder, state_key=key, seed=seed) as post:
        yield post


@contextmanager
def join(post: StandIn) -> Iterator[Carrier]:
    """The product's own client, connected to the stand-in; pieces are handed over by word of mouth."""
    from songda.carriers import ContractConfig
    from songda.flow.post import open_carrier

    def take(waybills: object, at: datetime) -> None:
        post.advance(to=at)
        post.hand_over(list(waybills), at=at)  # type: ignore[call-overload]

    with open_carrier(ContractConfig(**post.settings()), drill=True, take=take) as carrier:
        yield carrier


def invented_profile(*, letters_per_day: int = 100_000, learning: str = "") -> tuple[str, bytes, str]:
    """The profile of an invented institution and law firm, and the key of its lawyer with its password.

    `learning`: what its section `[learning]` says (TOML); nothing is left to chance where it is empty.
    """
    import secrets
    from importlib import resources

    from songda.letters import new_lawyer_key

    password = secrets.token_urlsafe(16)
    private, public = new_lawyer_key(password)
    text = resources.files("songda.sim").joinpath("tenant.toml").read_text(encoding="utf-8")
    for name, value in (
        ("@public_key@", public.decode()),
        ("@endpoint@", "http://127.0.0.1/stand-in"),
        ("@sender_no@", "1100000000000"),
        ("@product@", "1"),
        ("max_letters_per_day = 100000", f"max_letters_per_day = {letters_per_day}"),
    ):
        text = text.replace(name, value)
    if learning:
        text += f"\n[learning]\n{learning}\n"
    return text, private, password
