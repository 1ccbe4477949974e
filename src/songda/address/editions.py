"""Editions of the divisions: yearly lists kept with what each changes, and the dictionary of the one in force.

    >>> chosen(Path("/nowhere"))
    'shipped'

An edition is a folder SONGDA_HOME/address/editions/YEAR: divisions.csv, diff.csv (songda.address.changes), edition.json, and
lexicon-DIGEST.npz, the dictionary that is built from the shipped tables, carried on by this edition and those that it was compared
with. The digest is of all that it is made of: a newer songda, or a diff.csv that somebody completed, has it built anew at the next start.
The file `in_force` beside the folders names the edition by which addresses are read; without it, it is the list that ships.
A process reads one dictionary all its life.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import polars as pl

from songda.address.changes import counted, read_diff
from songda.address.listing import DIVISIONS
from songda.base.errors import SongdaError
from songda.base.settings import home_folder

if TYPE_CHECKING:
    from songda.address.compiled.lexicon import Lexicon

#: The shipped list, which is no imported edition.
SHIPPED = "shipped"
_IN_FORCE = "in_force"
#: What a dictionary is made of, beside the edition's files: the tables, and the code that builds it.
_TABLES = (
    "divisions.csv.zst",
    "former.csv.zst",
    "renamed.csv",
    "former_towns.csv.zst",
    "postcodes.csv.zst",
    "traditional.csv.zst",
)
_CODE = ("building.py", "naming.py", "succession.py", "class_words.toml", "compiled/lexicon.py", "compiled/trie.py")
_BUILDING = Lock()


class EditionExists(SongdaError):
    zh = "{year} 年的区划已经导入过"
    remedy = "要用这份文件替换它，请加 --replace"
    exit_code = 73


class NoSuchEdition(SongdaError):
    zh = "没有 {name} 年的区划（有：{known}）"
    remedy = "请运行 songda address editions use 换用已有的一版，或重新导入"
    exit_code = 66


class CannotKeepEdition(SongdaError):
    zh = "无法写入 {folder}"
    remedy = "请检查目录权限和磁盘空间"
    exit_code = 73


class DamagedEdition(SongdaError):
    zh = "{folder} 里的区划读不出"
    remedy = "请用 --replace 重新导入这一年的清单，或先运行 songda address editions use shipped"
    exit_code = 65


def shipped() -> pl.DataFrame:
    """The official divisions that songda ships: DIVISIONS."""
    import zstandard

    packed = files("songda.address").joinpath("data/divisions.csv.zst").read_bytes()
    rows = pl.read_csv(zstandard.ZstdDecompressor().decompressobj().decompress(packed), infer_schema=False)
    rows = rows.with_columns(pl.col("parent").fill_null(""))
    # Zones that are no divisions stay where towns are listed below them.
    holds = pl.col("code").is_in(rows["parent"].unique().implode())
    rows = rows.filter((pl.col("official") == "1") | holds)
    return rows.select(DIVISIONS.names()).cast(DIVISIONS).sort("code")


def folder(home: Path | None = None) -> Path:
    """Where editions lie."""
    return (home or home_folder()) / "address" / "editions"


def years(home: Path | None = None) -> list[int]:
    """The years of the imported editions, in order."""
    return sorted(int(path.parent.name) for path in folder(home).glob("[0-9][0-9][0-9][0-9]/edition.json"))


def chosen(home: Path | None = None) -> str:
    """Name of the edition in force: its year, or SHIPPED. Raises DamagedEdition."""
    try:
        return (folder(home) / _IN_FORCE).read_text("utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return SHIPPED
    except (OSError, ValueError) as error:
        raise DamagedEdition(folder=str(folder(home))) from error


def base_of(year: int, home: Path | None = None) -> str:
    """What a list of that year is compared with: the edition in force, or the one below it that is earlier than the year."""
    name = chosen(home)
    while name != SHIPPED and int(name) >= year:
        name = about(edition(name, home))["against"]
    return name


def edition(name: str, home: Path | None = None) -> Path:
    """Folder of an imported edition. Raises NoSuchEdition."""
    known = [str(year) for year in years(home)]
    if name not in known:
        raise NoSuchEdition(name=name, known="、".join([SHIPPED, *known]))
    return folder(home) / name


def read(name: str, home: Path | None = None) -> pl.DataFrame:
    """The divisions of an edition, or those that ship: DIVISIONS. Raises NoSuchEdition, DamagedEdition."""
    return shipped() if name == SHIPPED else _divisions(edition(name, home))


def about(edition: Path) -> dict[str, Any]:
    """What edition.json says: year, source, sha256, imported_at, against, divisions a level, changes. Raises DamagedEdition."""
    try:
        told: dict[str, Any] = json.loads((edition / "edition.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DamagedEdition(folder=str(edition)) from error
    return told


def use(name: str, home: Path | None = None) -> None:
    """Read addresses by this edition, or by the list that ships, from the next start on.

    Raises NoSuchEdition, DamagedEdition, WrongSuccessor, CannotKeepEdition.
    """
    _of(name, home)
    target = folder(home) / _IN_FORCE
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, f"{name}\n".encode())
    except OSError as error:
        raise CannotKeepEdition(folder=str(target)) from error


def keep(
    divisions: pl.DataFrame,
    diff: pl.DataFrame,
    *,
    year: int,
    against: str,
    source: str,
    sha256: str,
    at: datetime,
    replace: bool = False,
    home: Path | None = None,
) -> Path:
    """Writes the edition's folder, whole or not at all, and puts it in force. Raises EditionExists, NoSuchEdition, CannotKeepEdition."""
    target = folder(home) / str(year)
    if target.exists() and not replace:
        raise EditionExists(year=year)
    counts = divisions.group_by("level").len().sort("level")
    told = {
        "year": year,
        "source": source,
        "sha256": sha256,
        "imported_at": at.isoformat(timespec="seconds"),
        "against": against,
        "divisions": {str(level): count for level, count in counts.iter_rows()},
        "changes": counted(diff),
    }
    draft, before = target.with_name(f".{year}-{os.getpid()}"), target.with_name(f".{year}-{os.getpid()}-before")
    try:
        draft.mkdir(parents=True)
        divisions.write_csv(draft / "divisions.csv")
        diff.write_csv(draft / "diff.csv")
        (draft / "edition.json").write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        _dictionary(_line(draft, home))
        if target.exists():
            target.rename(before)
        draft.rename(target)
    except OSError as error:
        if before.exists() and not target.exists():
            before.rename(target)
        raise CannotKeepEdition(folder=str(target)) from error
    finally:
        for rest in (draft, before):
            shutil.rmtree(rest, ignore_errors=True)
    use(str(year), home)
    return target


def dictionary(home: Path | None = None) -> Lexicon:
    """The dictionary in force. One that is missing, damaged or made of other tables is built anew, which takes some seconds.

    Raises NoSuchEdition, DamagedEdition, WrongSuccessor.
    """
    return _of(chosen(home), home)


def _of(name: str, home: Path | None) -> Lexicon:
    if name == SHIPPED:
        from songda.address.compiled.lexicon import load

        with files("songda.address").joinpath("data/lexicon.npz").open("rb") as packed:
            return load(packed)
    folder = edition(name, home)
    try:
        return _dictionary(_line(folder, home))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DamagedEdition(folder=str(folder)) from error


def _line(last: Path, home: Path | None) -> list[Path]:
    """The editions that lead from the shipped list to `last`, each compared with the one before."""
    line = [last]
    while (name := about(line[0])["against"]) != SHIPPED:
        line.insert(0, edition(name, home))
    return line


def _dictionary(line: Sequence[Path]) -> Lexicon:
    """The dictionary of the last edition of a line, read from its folder or built into it."""
    import zipfile
    import zlib

    from songda.address.compiled.lexicon import load

    path = line[-1] / f"lexicon-{_made_of(line)}.npz"
    # Threads of one process do not build it twice; processes may, and write the same bytes.
    with _BUILDING:
        with (
            suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error),
            path.open("rb") as packed,
        ):
            return load(packed)
        return _built(line, path)


def _built(line: Sequence[Path], path: Path) -> Lexicon:
    from songda.address.building import build, packed
    from songda.address.compiled.lexicon import load
    from songda.address.gazetteer import shipped_tables
    from songda.address.succession import after

    tables = shipped_tables()
    for each in line:
        divisions = _divisions(each)
        tables = after(tables, divisions, read_diff(each / "diff.csv", divisions), year=about(each)["year"])
    content = packed(build(tables))
    # Where nobody may write, it is built at every start.
    with suppress(OSError):
        _write(path, content)
        for other in path.parent.glob("lexicon-*.npz"):
            if other != path:
                other.unlink()
    # As from the file: kernels are compiled for arrays as they are loaded.
    return load(io.BytesIO(content))


def _made_of(line: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    here = files("songda.address")
    for name in (*(f"data/{table}" for table in _TABLES), *_CODE):
        digest.update(here.joinpath(name).read_bytes())
    for each in line:
        for name in ("divisions.csv", "diff.csv"):
            digest.update((each / name).read_bytes())
    return digest.hexdigest()[:16]


def _divisions(edition: Path) -> pl.DataFrame:
    try:
        return pl.read_csv(edition / "divisions.csv", schema=DIVISIONS).with_columns(pl.col("parent").fill_null(""))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DamagedEdition(folder=str(edition)) from error


def _write(path: Path, content: bytes) -> None:
    """The whole file or none."""
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)
