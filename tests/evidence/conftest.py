"""A bundle about an invented letter, with every key that belongs to it."""

from __future__ import annotations

import random

import pytest
from bench.evidence_forgeries import Files, Keys, bundle, letter_files, new_keys

PDF = b"%PDF-1.7 pdfaid:part 2\n" + random.Random(5).randbytes(4000) + b"\n%%EOF\n"


@pytest.fixture(scope="session")
def keys() -> Keys:
    return new_keys()


@pytest.fixture(scope="session")
def files(keys: Keys) -> Files:
    return letter_files(keys, PDF)


@pytest.fixture(scope="session")
def data(keys: Keys, files: Files) -> bytes:
    return bundle(keys, files)
