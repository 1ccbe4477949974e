"""How an attempt ended at the door, as models learn it: the last event that says something of the door."""

from __future__ import annotations

from typing import Any

import pytest

from songda.carriers import load_mapping
from songda.dispatch import door_ends


@pytest.mark.parametrize(
    ("told", "end"),
    [
        ([(2, 10, "704:10")], "signed_self"),
        ([(2, 10, "704:20", {"signer": "家人"})], "signed_family"),
        ([(2, 10, "704:70")], "desk"),
        ([(2, 10, "747")], "locker"),
        ([(2, 10, "705:7")], "refused"),
        ([(2, 10, "705:5")], "moved"),
        ([(2, 10, "705:3")], "unknown_person"),
        ([(2, 10, "705:2")], "wrong_address"),
        ([(2, 10, "705:4"), (3, 10, "705:4")], "nobody"),
        ([(2, 10, "705:4"), (3, 10, "704:10")], "signed_self"),
        ([(1, 9, "203"), (2, 8, "306")], None),
    ],
)
def test_the_last_word_of_the_door_decides(house: Any, told: list[Any], end: str | None) -> None:
    house.posted(1)
    house.tell(1, *told)
    house.settle(4)
    with house.database.connect() as connection:
        assert door_ends(connection, ["att_001"], mapping=load_mapping()).get("att_001") == end
