"""After a demonstration no file holds a person in the clear, but for the two that are a person's own data.

Two characters of a name (6 bytes) stand in ordinary text by chance only where the text happens to use them. The names of
seed 7 do not: they are searched like all others, and any hit fails.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pytest
import residue_plant
import zstandard
from residue import SHORTEST_NEEDLE, scan

from songda.address import standardize
from songda.sim.world import generate, people

DAY, CASES, SEED = date(2026, 11, 24), 160, 7
#: An address down to here finds a person; a town or a road alone does not.
DOORS = ("building", "unit", "floor", "room")
OWN_DATA = ("input/cases.xlsx", "rejected.xlsx")
PROGRAM = (sys.executable, "-c", "from songda.cli import main; main()")
#: Nobody in the world is called so.
PLANTED = "柳如烟霜"


@dataclass(frozen=True)
class Demo:
    root: Path
    needles: list[str]
    #: A letter of record, opened by `songda letters show` outside of `root`.
    letter: Path

    @property
    def out(self) -> Path:
        return self.root / "out"

    def found(self, *, skip: tuple[str, ...] = OWN_DATA) -> list[str]:
        hits = scan(self.root, self.needles, skip=[self.out / name for name in skip])
        return sorted({f"{hit.path.relative_to(self.root)} {hit.container_path} {hit.encoding}" for hit in hits})


def demonstration(root: Path) -> list[str]:
    """The command that writes its demonstration to `root`/out."""
    arguments = ("--cases", CASES, "--days", 8, "--seed", SEED, "--as-of", DAY, "--out", root / "out")
    return [*PROGRAM, "demo", *map(str, arguments)]


def environment(root: Path) -> dict[str, str]:
    (root / "tmp").mkdir(exist_ok=True)
    return os.environ | {"TMPDIR": str(root / "tmp"), "SONGDA_HOME": str(root / "out" / "home")}


def said(root: Path, name: str, *command: str) -> None:
    """Runs a command and keeps what it says in `root`."""
    done = subprocess.run(command, env=environment(root), capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (root / f"{name}.stdout").write_bytes(done.stdout)
    (root / f"{name}.stderr").write_bytes(done.stderr)


@pytest.fixture(scope="module")
def needles() -> list[str]:
    world = generate(cases=CASES, seed=SEED, as_of=DAY)
    texts = set(world.records.text)
    standard = standardize([*texts])
    near = standard.filter(pl.col("level").is_in(DOORS))
    vague = texts - set(near["text"])
    found = [*(text for text in people(world) if text not in vague), *near["standard"]]
    return sorted({needle for needle in found if len(needle.encode()) >= SHORTEST_NEEDLE})


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, needles: list[str]) -> Demo:
    root, apart = tmp_path_factory.mktemp("demo"), tmp_path_factory.mktemp("letter")
    said(root, "demo", *demonstration(root))
    manifest = (root / "out" / "runs" / "000001" / "manifest.csv").read_text("utf-8-sig")
    pieces = list(csv.DictReader(io.StringIO(manifest)))
    assert len(pieces) > 20
    said(root, "show", *PROGRAM, "letters", "show", pieces[0]["letter_no"], "--to", str(apart / "letter.pdf"))
    batch = next((root / "out" / "home" / "letters").iterdir()).name
    said(root, "list", *PROGRAM, "letters", "list", batch)
    return Demo(root, needles, apart / "letter.pdf")


def test_no_file_of_a_demonstration_holds_a_person(demo: Demo) -> None:
    assert len(demo.needles) > 300
    assert len([needle for needle in demo.needles if len(needle) == 2]) > 20
    assert demo.found() == []


def test_the_scan_finds_the_people_where_they_may_be(demo: Demo) -> None:
    found = demo.found(skip=())
    assert {line.split()[0].removeprefix("out/") for line in found} == set(OWN_DATA)
    # The addressee of a letter is found in its PDF, as glyphs in a compressed stream, once the seal is off.
    assert {hit.path for hit in scan(demo.letter.parent, demo.needles)} == {demo.letter}


def test_a_demonstration_that_was_killed_leaves_no_person(needles: list[str], tmp_path: Path) -> None:
    process = subprocess.Popen(
        demonstration(tmp_path),
        env=environment(tmp_path),
        stdout=(tmp_path / "stdout").open("wb"),
        stderr=(tmp_path / "stderr").open("wb"),
    )
    home, until = tmp_path / "out" / "home", time.monotonic() + 400
    try:
        while not list(home.glob("runs/*/*.pdf")):
            assert process.poll() is None, (tmp_path / "stderr").read_text("utf-8")
            assert time.monotonic() < until
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    assert (home / "songda.db-wal").stat().st_size > 10_000
    demo = Demo(tmp_path, needles, tmp_path)
    assert demo.found(skip=OWN_DATA[:1]) == []


# Positive controls: a person planted in a copy of each kind of file that was written

AMID = f"记录为:{PLANTED},到此为止。".encode()


def _text(encoding: str) -> Callable[[bytes], bytes]:
    return lambda data: data + f"\n记录为:{PLANTED},到此为止。\n".encode(encoding)


def _amid(wrap: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def plant(data: bytes) -> bytes:
        middle = len(data) // 2
        return data[:middle] + wrap(AMID) + data[middle:]

    return plant


def _zip_member(data: bytes) -> bytes:
    target = io.BytesIO(data)
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/comments1.xml", f"<comments><t>{PLANTED}</t></comments>")
    return target.getvalue()


def _zipped(content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", content)
    return target.getvalue()


def _parquet_row(data: bytes) -> bytes:
    target = io.BytesIO()
    pl.read_parquet(io.BytesIO(data)).with_columns(road=pl.lit(PLANTED)).write_parquet(target, compression="zstd")
    return target.getvalue()


def _pdf_stream(data: bytes) -> bytes:
    import pikepdf

    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as pdf:
        pdf.Root.Planted = pdf.make_stream(zlib.compress(AMID), Filter=pikepdf.Name.FlateDecode)
        pdf.save(target)
    return target.getvalue()


TEXT = {encoding: _text(encoding) for encoding in ("utf-8", "utf-16-le", "gb18030")}
CONTAINERS = {"gz": _amid(gzip.compress), "zstd": _amid(zstandard.compress), "zip": _amid(_zipped)}
#: Suffix of a file → ways to plant a person in a copy of it. The print files are sealed like the letters (.bin).
PLANTS: dict[str, dict[str, Callable[[bytes], bytes]]] = {
    **dict.fromkeys((".csv", ".json", ".jsonl", ".html", ".toml", ".stdout", ".stderr", ".lock", ".key"), TEXT),
    ".bin": CONTAINERS,
    ".pdf": CONTAINERS,
    ".parquet": {"row": _parquet_row},
    ".xlsx": {"member": _zip_member},
}


def _plant_in_database(source: Path, folder: Path) -> list[tuple[Path, bool]]:
    """A text in a row of a copy; and a copy whose last writer was killed, so that the row stands in the WAL alone."""
    row, killed, live = folder / "row.db", folder / "killed.db", folder / "live.db"
    for path in (row, live):
        shutil.copy(source, path)
    with closing(sqlite3.connect(row)) as database, database:
        database.execute("UPDATE decision SET reasons = ?", (json.dumps([PLANTED], ensure_ascii=False),))
    with closing(sqlite3.connect(live)) as database:
        database.executescript("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0")
        database.execute("UPDATE decision SET reasons = ?", (json.dumps([PLANTED]),))
        database.commit()
        shutil.copy(live, killed)
        shutil.copy(folder / "live.db-wal", folder / "killed.db-wal")
    live.unlink()
    return [(row, False), (folder / "killed.db-wal", False)]


def test_a_person_planted_in_a_copy_of_each_kind_of_file_is_found(demo: Demo, tmp_path: Path) -> None:
    written: dict[str, Path] = {}
    for path in sorted(demo.root.rglob("*")):
        # Small ones first: a control need not be long.
        if path.is_file() and (path.suffix not in written or path.stat().st_size < written[path.suffix].stat().st_size):
            written[path.suffix] = path
    # A kind of file that has no control here fails the test.
    assert set(written) == {*PLANTS, ".db"}
    planted = _plant_in_database(written.pop(".db"), tmp_path)
    copies = [(path, name, plant) for suffix, path in written.items() for name, plant in PLANTS[suffix].items()]
    copies.append((demo.letter, "stream", _pdf_stream))
    for number, (path, name, plant) in enumerate(copies):
        copy = tmp_path / f"{number:02}-{name}{path.suffix}"
        copy.write_bytes(plant(path.read_bytes()))
        planted.append((copy, name not in TEXT))
    hits = scan(tmp_path, [PLANTED])
    # Small contents may lie in a container as they are: only a hit inside shows that it was opened.
    found = {(hit.path, opened) for hit in hits for opened in (False, bool(hit.container_path))}
    assert set(planted) - found == set()
    # None of it was there before.
    assert scan(demo.root, [PLANTED]) == []


def test_the_scanner_opens_every_container_and_spelling(tmp_path: Path) -> None:
    residue_plant.assert_scanner_works(tmp_path / "planted")


def test_only_the_owner_reads_what_is_a_persons_own(demo: Demo) -> None:
    assert (demo.out / "rejected.xlsx").stat().st_mode & 0o777 == 0o600
    assert (demo.out / "home").stat().st_mode & 0o777 == 0o700
    assert (demo.out / "home" / "keys" / "master.key").stat().st_mode & 0o777 == 0o600
    assert demo.letter.stat().st_mode & 0o777 == 0o600


def test_a_refusal_of_the_database_names_no_row(tmp_path: Path) -> None:
    from sqlalchemy import text

    from songda.base.settings import load
    from songda.store import open_database

    engine = open_database(load({}, home=tmp_path))
    with engine.begin() as connection, pytest.raises(Exception) as caught:  # noqa: PT011 - whatever the driver says
        connection.execute(text("INSERT INTO nowhere VALUES (:name)"), {"name": "柳如烟"})
    assert "柳如烟" not in str(caught.value)
    engine.dispose()
