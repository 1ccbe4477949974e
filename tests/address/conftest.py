"""One text through the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from songda.address import standardize


@pytest.fixture(scope="session")
def one() -> Callable[[str | None], dict[str, Any]]:
    def read_one(text: str | None) -> dict[str, Any]:
        return standardize([text]).row(0, named=True)

    return read_one
