"""The 73 behaviours of a letter's life: each has tests that bear its number (`test_49_…`, `test_18_36_…`), or stands here.

The list is that of the project's research on letter services; the first line of each numbered test tells the behaviour.
"""

from __future__ import annotations

import re
from pathlib import Path

COUNT = 73
#: What waits for a part of the product that does not exist yet, by that part.
LATER = {
    "creating letters by the API, with an idempotency key": (1, 2, 7),
    "registers and vendors as sources of addresses": (21, 23),
    "documents of proof, fetched from the carrier": (56,),
    "the API's test keys and rate limits": (65, 67),
    "retention": (68,),
    "the models: hold-out group, fall-back to rules": (72, 73),
}
_NAMED = re.compile(r"^def test_((?:[0-9]{1,2}_)+)", re.MULTILINE)


def named() -> set[int]:
    """Numbers that tests bear."""
    texts = (path.read_text("utf-8") for path in Path(__file__).parents[1].rglob("test_*.py"))
    found = {int(number) for text in texts for group in _NAMED.findall(text) for number in group.strip("_").split("_")}
    # Other rooms' tests may begin with a count of things.
    return {number for number in found if 1 <= number <= COUNT}


def test_every_behaviour_has_a_test_or_a_part_for_which_it_waits() -> None:
    later = {number for numbers in LATER.values() for number in numbers}
    assert named() | later == set(range(1, COUNT + 1)), "neither tested nor listed"
    assert not named() & later, "tested by now: take it off the list"
