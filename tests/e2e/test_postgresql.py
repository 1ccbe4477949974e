"""The same way with the record on a PostgreSQL server: one setting, nothing else."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.postgres
def test_one_setting_moves_the_record_to_postgresql(desk: Any, postgres_server: str) -> None:
    import psycopg

    with psycopg.connect(f"{postgres_server.replace('+psycopg', '')}/postgres", autocommit=True) as admin:
        admin.execute("CREATE DATABASE whole_way")
    desk.environ["SONGDA_DATABASE_URL"] = f"{postgres_server}/whole_way"
    desk.profile(desk.key())
    drill = ("--out", "out", "--carrier", "sim", "--json")
    run = desk.songda("run", desk.cases(12), *drill, "--as-of", "2026-11-24").json
    desk.songda("letters", "approve", run["batch"], "--key", "lawyer.pem", "--yes", "--as-of", "2026-11-24", "--json")
    posted = desk.songda("run", "--resume", *drill, "--as-of", "2026-11-24").json
    assert posted["posted"] == posted["waybills"] == posted["letters"] > 5
    later = desk.songda("run", "--resume", *drill, "--as-of", "2026-12-06").json
    assert later["settled"] + later["tasks"] > 0
    assert desk.songda("audit", "verify", "--json").json["breaks"] == []
    assert not list((desk.folder / "home").glob("songda.db*"))
