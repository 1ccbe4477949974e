"""After a demonstration no file holds a person in the clear, but for the two that are a person's own data."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pytest
import residue_plant
from residue import SHORTEST_NEEDLE, scan

from songda.address import standardize
from songda.sim.world import generate, people

DAY, CASES, SEED = date(2026, 11, 24), 160, 7
#: An address down to here finds a person; a town or a road alone does not.
DOORS = ("building", "unit", "floor", "room")
OWN_DATA = ("input/cases.xlsx", "rejected.xlsx")


@dataclass(frozen=True)
class Demo:
    root: Path
    needles: list[str]

    @property
    def out(self) -> Path:
        return self.root / "out"

    def found(self, *, skip: tuple[str, ...] = OWN_DATA) -> list[str]:
        hits = scan(self.root, self.needles, skip=[self.out / name for name in skip])
        return sorted({f"{hit.path.relative_to(self.root)} {hit.container_path} {hit.encoding}" for hit in hits})


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    root = tmp_path_factory.mktemp("demo")
    (root / "tmp").mkdir()
    arguments = ("--cases", CASES, "--days", 8, "--seed", SEED, "--as-of", DAY, "--out", root / "out", "--json")
    done = subprocess.run(
        [sys.executable, "-c", "from songda.cli import main; main()", "demo", *map(str, arguments)],
        env=os.environ | {"TMPDIR": str(root / "tmp")},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout)["posted"] > 20
    (root / "stdout").write_bytes(done.stdout)
    (root / "stderr").write_bytes(done.stderr)
    world = generate(cases=CASES, seed=SEED, as_of=DAY)
    texts = set(world.records.text)
    standard = standardize([*texts])
    near = standard.filter(pl.col("level").is_in(DOORS))
    vague = texts - set(near["text"])
    needles = [*(text for text in people(world) if text not in vague), *near["standard"]]
    return Demo(root, sorted({needle for needle in needles if len(needle.encode()) >= SHORTEST_NEEDLE}))


def test_no_file_of_a_demonstration_holds_a_person(demo: Demo) -> None:
    assert len(demo.needles) > 300
    assert demo.found() == []


def test_the_scan_finds_the_people_where_they_may_be(demo: Demo) -> None:
    found = demo.found(skip=())
    assert {line.split()[0].removeprefix("out/") for line in found} == set(OWN_DATA)


def test_the_scan_finds_a_person_planted_in_each_kind_of_file_that_a_demonstration_writes(
    demo: Demo, tmp_path: Path
) -> None:
    person = demo.needles[len(demo.needles) // 2]
    with sqlite3.connect(tmp_path / "songda.db") as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE letter (reasons TEXT)")
        database.execute("INSERT INTO letter VALUES (?)", (json.dumps([person]),))
        database.commit()
        assert (tmp_path / "songda.db-wal").stat().st_size
        pl.DataFrame({"road": [person]}).write_parquet(tmp_path / "places.parquet", compression="zstd")
        (tmp_path / "carrier.jsonl").write_text(json.dumps({"receiver": person}))
        (tmp_path / "decisions.csv").write_text(f"a,{person}\r\n", "utf-8-sig")
        (tmp_path / "report.html").write_text(f"<p>{person}</p>", "utf-8")
        (tmp_path / "log.gz").write_bytes(gzip.compress(person.encode("gb18030")))
        (tmp_path / "stderr").write_bytes(person.encode("utf-16-le"))
        hits = {hit.path.name for hit in scan(tmp_path, [person])}
    written = {"songda.db", "places.parquet", "carrier.jsonl", "decisions.csv", "report.html", "log.gz", "stderr"}
    assert hits >= written
    residue_plant.assert_scanner_works(tmp_path / "planted")


def test_only_the_owner_reads_what_is_a_persons_own(demo: Demo) -> None:
    assert (demo.out / "rejected.xlsx").stat().st_mode & 0o777 == 0o600
    assert (demo.out / "home").stat().st_mode & 0o777 == 0o700
    assert (demo.out / "home" / "keys" / "master.key").stat().st_mode & 0o777 == 0o600


def test_a_refusal_of_the_database_names_no_row(tmp_path: Path) -> None:
    from sqlalchemy import text

    from songda.base.settings import load
    from songda.store import open_database

    engine = open_database(load({}, home=tmp_path))
    with engine.begin() as connection, pytest.raises(Exception) as caught:  # noqa: PT011 - whatever the driver says
        connection.execute(text("INSERT INTO nowhere VALUES (:name)"), {"name": "柳如烟"})
    assert "柳如烟" not in str(caught.value)
    engine.dispose()
