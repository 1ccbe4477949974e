"""Every test of the store runs on SQLite and on a real PostgreSQL server (fixture of tests/conftest.py)."""

from __future__ import annotations
