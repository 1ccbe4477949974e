"""Two runs at once would deal the same letters: the second is told to wait."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from songda.flow.run import AnotherRunAtWork, House, alone


def house(engine: Any, home: Path, tenant: str = "ten_1") -> House:
    return House(engine, SimpleNamespace(id=tenant, name="bank"), home, workers=1)  # type: ignore[arg-type]


def test_one_run_at_a_time_in_a_home(database: Any, tmp_path: Path) -> None:
    with alone(house(database, tmp_path)), pytest.raises(AnotherRunAtWork), alone(house(database, tmp_path, "ten_2")):
        pass
    with alone(house(database, tmp_path)):
        pass


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_one_run_at_a_time_for_an_institution_whatever_the_home(database: Any, tmp_path: Path) -> None:
    first, second, other = (house(database, tmp_path / name, f"ten_{n}") for name, n in (("a", 1), ("b", 1), ("c", 2)))
    with alone(first):
        with pytest.raises(AnotherRunAtWork), alone(second):
            pass
        with alone(other):
            pass
    with alone(second):
        pass
