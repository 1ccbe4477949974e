"""The scanner's positive control: hides a needle in every container and spelling that it claims to open, and fails if
it misses one.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import os
import shutil
import sqlite3
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from residue import ENCODINGS, scan

#: Invented: no such people, numbers or doors.
NEEDLES = ("某甲", "𡋾验一", "13800138034", "虚构市样例区试验路12号3幢2单元501室")
_DECOY = "西门未植入"
#: Containers in which the needle is to be found without opening anything.
_OPEN = {"log", "log across two chunks", "noise", "sqlite blob", "sqlite deleted row", "file name"}


@dataclass(frozen=True, slots=True)
class Planted:
    path: Path
    needle: str
    container: str
    encoding: str


def plant(root: Path, needle: str) -> list[Planted]:
    """Writes a file below `root` for each container x spelling; what was planted where."""
    planted: list[Planted] = []

    def new(container: str, encoding: str, suffix: str = "") -> Path:
        path = root / f"{len(planted):03d}-{container}-{encoding}{suffix}".replace(" ", "-")
        planted.append(Planted(path, needle, container, encoding))
        return path

    root.mkdir(parents=True)
    for encoding in ENCODINGS:
        content = _document(needle, encoding)
        for container, (suffix, wrap) in _BYTES.items():
            new(container, encoding, suffix).write_bytes(wrap(content))
        for container, write_file in _FILES.items():
            write_file(new(container, encoding, ".db"), content)
    for container, write_text in _TEXTS.items():
        write_text(new(container, "utf-8"), needle)
    if needle.isdecimal():
        _sqlite(new("sqlite integer", "utf-8", ".db"), int(needle))
        _parquet(new("parquet integer", "utf-8", ".parquet"), [int(needle)])
    name = root / f"letter-{needle}.txt"
    name.touch()
    planted.append(Planted(name, needle, "file name", "file name"))
    return planted


def assert_scanner_works(folder: Path) -> None:
    """Plants needles below `folder` (removed again), scans, and raises AssertionError that lists each one missed."""
    root = folder / "planted"
    try:
        planted = [item for number, needle in enumerate(NEEDLES) for item in plant(root / str(number), needle)]
        hits = scan(root, [*NEEDLES, _DECOY])
        found = {
            key
            for hit in hits
            for key in [(hit.path, hit.needle, hit.encoding), (hit.path, hit.needle, bool(hit.container_path))]
        }
        missed = [
            f"{item.needle} in {item.container} as {item.encoding}"
            for item in planted
            # Small contents can lie in a compressed file as they are: only a hit inside shows that it was opened.
            if (item.path, item.needle, item.container not in _OPEN) not in found
            # A text of ASCII alone looks the same in several spellings, and counts as the first of them.
            or (not item.needle.isascii() and (item.path, item.needle, _first_alike(item)) not in found)
        ]
        assert not missed, f"{len(missed)} of {len(planted)} planted needles missed:\n" + "\n".join(missed)
        assert not [hit for hit in hits if hit.needle == _DECOY], "found what was never planted"
        assert not [hit for hit in hits if hit.encoding == "unopened"], "could not open what it planted"
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _first_alike(item: Planted) -> str:
    if item.encoding not in ENCODINGS:
        return item.encoding
    wanted = ENCODINGS[item.encoding](item.needle)
    return next(name for name, encode in ENCODINGS.items() if encode(item.needle) == wanted)


def _document(needle: str, encoding: str) -> bytes:
    """The needle between other text, as a writer of that spelling would put it."""
    if encoding.startswith("base64"):
        encode = base64.urlsafe_b64encode if "url" in encoding else base64.b64encode
        return b'{"body": "' + encode(b"x" * (int(encoding[-1]) + 3) + needle.encode() + b" and more") + b'"}'
    codec = encoding if encoding.startswith(("utf", "gb")) else "ascii"
    before, after = ("row=", ", end of row") if codec == "ascii" else ("记录为:", ",到此为止。")
    return before.encode(codec) + ENCODINGS[encoding](needle) + after.encode(codec)


# Containers of bytes


def _zip(content: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", content)
    return target.getvalue()


def _tar(content: bytes) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        info = tarfile.TarInfo("log/app.log")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


def _zstd(content: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor().compress(content)


def _parquet_binary(content: bytes) -> bytes:
    import polars as pl

    target = io.BytesIO()
    pl.DataFrame({"blob": [b"x", content]}).write_parquet(target)
    return target.getvalue()


def _pdf(content: bytes) -> bytes:
    import pikepdf

    target = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.Root.Data = pdf.make_stream(content)
        pdf.save(target, compress_streams=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return target.getvalue()


def _cut(content: bytes, compress: Callable[[bytes], bytes]) -> bytes:
    # Noise after the content, so that the cut takes the end of the stream but not the content.
    whole = compress(content + os.urandom(4096))
    return whole[: len(whole) - 2048]


#: Container -> (suffix, content -> file). Names tell nothing to the scanner, which goes by content.
_BYTES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "log": (".log", lambda content: content),
    "noise": (".bin", lambda content: os.urandom(5000) + b"row 1, " * 4 + content + b" row 2" * 4 + os.urandom(5000)),
    "zip": (".zip", _zip),
    "zip stored": (".zip", lambda content: _zip(content, zipfile.ZIP_STORED)),
    "zip cut off": (".zip", lambda content: _zip(content)[:-60]),
    "gz": (".gz", gzip.compress),
    "gz of two members": (".gz", lambda content: gzip.compress(b"first") + gzip.compress(content)),
    "gz cut off": (".gz", lambda content: _cut(content, gzip.compress)),
    "zlib": (".z", zlib.compress),
    "bz2": (".bz2", bz2.compress),
    "xz": (".xz", lzma.compress),
    "zstd": (".zst", _zstd),
    "tar": (".tar", _tar),
    "tar.gz": (".tgz", lambda content: gzip.compress(_tar(content))),
    "zip in gz in zip": (".zip", lambda content: _zip(gzip.compress(_zip(content)))),
    "parquet binary": (".parquet", _parquet_binary),
    "gz in parquet": (".parquet", lambda content: _parquet_binary(gzip.compress(content))),
    "pdf stream": (".pdf", _pdf),
    "pdf in a segment": (".seg", lambda content: os.urandom(999) + _pdf(b"other") + _pdf(content) + os.urandom(999)),
    "gz in a segment": (".seg", lambda content: os.urandom(999) + gzip.compress(content) + os.urandom(999)),
    "zip in a segment": (".seg", lambda content: os.urandom(999) + _zip(content) + os.urandom(999)),
    "zstd in a segment": (".seg", lambda content: os.urandom(999) + _zstd(content) + os.urandom(999)),
    "pdf in html": (
        ".html",
        lambda content: b'<a href="data:application/pdf;base64,' + base64.b64encode(_pdf(content)) + b'">',
    ),
    "pdf in json": (".json", lambda content: json.dumps({"pdf": base64.b64encode(_pdf(content)).decode()}).encode()),
}


# Containers that are files


def _sqlite(path: Path, value: Any) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE t (a)")
        database.execute("INSERT INTO t VALUES (?)", (value,))


def _sqlite_deleted(path: Path, content: bytes) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript("PRAGMA secure_delete = OFF; CREATE TABLE t (a)")
        database.execute("INSERT INTO t VALUES (?)", (content,))
        database.commit()
        database.execute("DELETE FROM t")
        database.commit()


def _sqlite_wal(path: Path, content: bytes) -> None:
    """A database whose writer was killed: the row is in the WAL alone."""
    live = path.with_name("live.db")
    with closing(sqlite3.connect(live)) as database:
        database.executescript("PRAGMA journal_mode = WAL; CREATE TABLE t (a)")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("INSERT INTO t VALUES (?)", (gzip.compress(content),))
        database.commit()
        shutil.copy(live, path)
        shutil.copy(live.with_name("live.db-wal"), path.with_name(path.name + "-wal"))
    live.unlink()


_FILES: dict[str, Callable[[Path, bytes], None]] = {
    "sqlite blob": _sqlite,
    "sqlite deleted row": _sqlite_deleted,
    "gz in sqlite": lambda path, content: _sqlite(path, gzip.compress(content)),
    "gz in sqlite-wal": _sqlite_wal,
}


# Containers of text


def _sqlite_overflow(path: Path, needle: str) -> None:
    """A long text that lies in pieces, with the needle across the border of two pages: not in the file as it is."""
    for before in range(1024):
        with closing(sqlite3.connect(":memory:")) as database:
            database.executescript("PRAGMA page_size = 512; CREATE TABLE t (a)")
            database.execute("INSERT INTO t VALUES (?)", ("y" * before + needle + "z" * 3000,))
            database.commit()
            image = database.serialize()
        if needle.encode() not in image:
            path.write_bytes(image)
            return
    raise AssertionError("no page border cuts the needle")


def _across_chunks(path: Path, needle: str) -> None:
    path.write_bytes(b"x" * ((4 << 20) - 3) + needle.encode() + b"x" * 100)


def _sqlite_utf16(path: Path, needle: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript("PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (a)")
        database.execute("INSERT INTO t VALUES (?)", (needle,))


def _xlsx(path: Path, needle: str) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(path) as book:
        bold = book.add_format({"bold": True})
        sheet = book.add_worksheet()
        sheet.write_rich_string(0, 0, "记录", bold, needle[:2], needle[2:] or "。", "完")


def _parquet(path: Path, values: list[Any]) -> None:
    import polars as pl

    pl.DataFrame({"a": values}).write_parquet(path, compression="zstd")


def _arrow(path: Path, needle: str) -> None:
    import polars as pl

    pl.DataFrame({"a": [needle]}).write_ipc(path, compression="zstd")


def _pdf_string(path: Path, needle: str) -> None:
    import pikepdf

    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.docinfo["/Subject"] = f"致 {needle}"
        pdf.save(path, object_stream_mode=pikepdf.ObjectStreamMode.generate)


def _pdf_text(path: Path, needle: str, *, ranges: bool = False, form: bool = False) -> None:
    """A page whose glyph numbers only the ToUnicode map explains; the needle is broken over two text operators."""
    import pikepdf

    characters = sorted(set(needle))
    codes = {character: 0x0100 + number for number, character in enumerate(characters)}
    targets = [character.encode("utf-16-be").hex() for character in characters]
    if ranges:
        last = 0x0100 + len(characters) - 1
        mapping = f"1 beginbfrange <0100> <{last:04x}> [{' '.join(f'<{t}>' for t in targets)}] endbfrange"
    else:
        pairs = "\n".join(f"<{codes[c]:04x}> <{t}>" for c, t in zip(characters, targets, strict=True))
        mapping = f"{len(characters)} beginbfchar\n{pairs}\nendbfchar"
    cmap = f"1 begincodespacerange <0000> <ffff> endcodespacerange\n{mapping}\n"
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page()
        font = pikepdf.Dictionary(
            Type=pikepdf.Name.Font,
            Subtype=pikepdf.Name.Type0,
            Encoding=pikepdf.Name("/Identity-H"),
            ToUnicode=pdf.make_stream(cmap.encode()),
        )
        glyphs = [f"<{codes[c]:04x}>" for c in needle]
        half = len(glyphs) // 2
        drawn = f"BT /F1 12 Tf [{' -20 '.join(glyphs[:half])}] TJ 0 -14 Td {' Tj '.join(glyphs[half:])} Tj ET".encode()
        resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
        if form:
            shape = pdf.make_stream(drawn, Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form, BBox=[0, 0, 99, 99])
            shape.Resources = resources
            page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(X1=shape))
            drawn = b"/X1 Do"
        else:
            page.Resources = resources
        page.Contents = pdf.make_stream(drawn)
        pdf.save(path, compress_streams=True)


def _html_split(path: Path, needle: str) -> None:
    path.write_text(f"<!doctype html><td>{needle[:2]}<wbr><b>{needle[2:]}</b></td>", encoding="utf-8")


def _zip_name(path: Path, needle: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{needle}.pdf", "")


_TEXTS: dict[str, Callable[[Path, str], None]] = {
    "log across two chunks": _across_chunks,
    "sqlite text over two pages": _sqlite_overflow,
    "sqlite in UTF-16": _sqlite_utf16,
    "xlsx rich text": _xlsx,
    "parquet text": lambda path, needle: _parquet(path, [needle]),
    "parquet list": lambda path, needle: _parquet(path, [["x"], [needle, "y"]]),
    "parquet struct": lambda path, needle: _parquet(path, [{"name": needle, "n": 1}]),
    "parquet list of struct": lambda path, needle: _parquet(path, [[{"name": needle}]]),
    "arrow": _arrow,
    "pdf string": _pdf_string,
    "pdf text": _pdf_text,
    "pdf text by ranges": lambda path, needle: _pdf_text(path, needle, ranges=True),
    "pdf text in a form": lambda path, needle: _pdf_text(path, needle, form=True),
    "html between tags": _html_split,
    "zip member name": _zip_name,
}
