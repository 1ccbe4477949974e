"""The examples in the modules are true."""

from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module

import pytest

import songda.address

MODULES = [
    "songda.address",
    *(f"songda.address.{module.name}" for module in pkgutil.iter_modules(songda.address.__path__)),
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    assert doctest.testmod(import_module(name)).failed == 0
