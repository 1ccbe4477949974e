"""The examples in the docstrings of the room run as they stand."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest


@pytest.mark.parametrize("name", ["", ".cells", ".fields", ".headers", ".identity", ".problems"])
def test_the_examples_of_a_module_are_true(name):
    result = doctest.testmod(import_module(f"songda.intake{name}"))
    assert result.attempted > 0
    assert result.failed == 0
