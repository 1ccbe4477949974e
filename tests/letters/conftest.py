"""Lets the tests of this folder import the letters that are written beside them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from sample_letters import letter

from songda.letters import Kind, Rendered, Renderer, house_template


@pytest.fixture(scope="session")
def lawyer_letters() -> Renderer:
    return Renderer(house_template("lawyer_letter"))


@pytest.fixture(scope="session")
def records() -> list[Rendered]:
    """PDFs of record of one sheet and of two."""
    kinds: tuple[Kind, ...] = ("lawyer_letter", "reminder")
    renderers = {kind: Renderer(house_template(kind)) for kind in kinds}
    letters = [letter(number, kind=kinds[number % 2], lines=6 if number == 3 else 1) for number in range(1, 5)]
    return [renderers[content.kind].render(content) for content in letters]
