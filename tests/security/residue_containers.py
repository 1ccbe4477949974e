"""Opens what files may hide text in: archives, compressed data, Parquet, SQLite, PDF, markup, data URIs; by content,
never by name.

    for name, content in members(Path("demo.xlsx").read_bytes()): ...

Also *carves*: a PDF, archive or compressed stream that starts somewhere inside other data (a segment, a memory dump,
half a file) is opened where it starts.
"""

from __future__ import annotations

import base64
import bz2
import io
import lzma
import re
import sqlite3
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from residue_pdf import pdf_members

#: (name inside the container, content)
Member = tuple[str, bytes]

#: More than this out of one stream is refused: a bomb, or nothing of ours.
_LARGEST = 2 << 30
_PIECE = 1 << 20
#: Smallest blob that an SQLite page border may cut.
_PAGE = 400
#: Data URIs, and what is plainly a PDF, ZIP, gz or zstd in base64 (their first bytes look so).
_BASE64 = re.compile(rb"(?:;base64,|(?=JVBERi0|UEsDB|H4sIA|KLUv/[QS]))([A-Za-z0-9+/]{16,}={0,2})")
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<[!?/A-Za-z]")
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_CARVED = re.compile(rb"%PDF-1|%PDF-2|PK\x03\x04|\x1f\x8b\x08|\x28\xb5\x2f\xfd")


class Unopened(Exception):
    """A container that should open and does not."""


def members(data: bytes, *, wal: bytes = b"") -> Iterator[Member]:
    """What `data` contains, if it is a container or holds containers. `wal`: the write-ahead log that belongs to an
    SQLite file.

    Raises Unopened, at the latest after the last member that could be read.
    """
    for name, is_one, opener in _KINDS:
        if is_one(data):
            yield from _opened(name, opener, data, wal)
            return
    if _MARKUP.match(data) and not _BINARY.search(data, 0, 256):
        text = re.sub(rb"<[^>]*>", b"", data)
        if text != data:
            yield "text between tags", text
    for found in _BASE64.finditer(data):
        whole = found[1].rstrip(b"=")
        # One character over a multiple of four carries no byte.
        whole = whole[: len(whole) - (len(whole) % 4 == 1)]
        yield f"base64 at {found.start()}", base64.b64decode(whole + b"=" * (-len(whole) % 4))
    yield from _carved(data)


def _opened(name: str, opener: Callable[..., Iterator[Member]], data: bytes, wal: bytes) -> Iterator[Member]:
    try:
        yield from opener(data, wal) if name == "sqlite" else opener(data)
    except Unopened:
        raise
    except Exception as error:  # whatever the library's failure is, it means: not read
        raise Unopened(name) from error


# Compressed streams


def _decompressed(data: bytes | memoryview, new: Callable[[], Any]) -> bytes:
    """All that can be read of one or several concatenated streams; a broken end gives what came before it."""
    out, rest = bytearray(), memoryview(data)
    while rest:
        decoder, start = new(), 0
        try:
            while start < len(rest) and not decoder.eof:
                out += decoder.decompress(rest[start : start + _PIECE])
                start += _PIECE
                if len(out) > _LARGEST:
                    raise Unopened("too large")
            out += decoder.flush() if hasattr(decoder, "flush") else b""
        except Unopened:
            raise
        except Exception as error:  # each library has its own
            if not out:
                raise Unopened("damaged") from error
            break
        if not out and not decoder.eof:
            raise Unopened("cut off")
        unused = decoder.unused_data
        rest = rest[len(rest) - (len(unused) + max(0, len(rest) - start)) :] if decoder.eof else rest[:0]
    return bytes(out)


def _zstd(data: bytes | memoryview) -> bytes:
    import zstandard

    return _decompressed(data, zstandard.ZstdDecompressor().decompressobj)


_STREAMS: dict[str, Callable[[bytes | memoryview], bytes]] = {
    "gz": lambda data: _decompressed(data, lambda: zlib.decompressobj(31)),
    "zlib": lambda data: _decompressed(data, zlib.decompressobj),
    "bz2": lambda data: _decompressed(data, bz2.BZ2Decompressor),
    "xz": lambda data: _decompressed(data, lzma.LZMADecompressor),
    "zstd": _zstd,
}


def _stream(name: str) -> Callable[[bytes], Iterator[Member]]:
    def opener(data: bytes) -> Iterator[Member]:
        yield name, _STREAMS[name](data)

    return opener


def _is_zlib(data: bytes) -> bool:
    # The header is too short to prove anything: it must also decompress.
    if len(data) < 8 or data[0] != 0x78 or (data[0] << 8 | data[1]) % 31:
        return False
    try:
        return bool(zlib.decompressobj().decompress(data[:4096]))
    except zlib.error:
        return False


# Archives


def _zip(data: bytes) -> Iterator[Member]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile:
        # No central directory: cut off while it was written. Each local header still tells where a member starts.
        rescued = [member for found in re.finditer(rb"PK\x03\x04", data) for member in _local(data, found.start())]
        if not rescued:
            raise Unopened("zip") from None
        yield from rescued
        return
    with archive:
        for info in archive.infolist():
            if info.flag_bits & 1:
                raise Unopened("encrypted member")
            yield info.filename, archive.read(info)
        yield "comment", archive.comment


def _local(data: bytes, start: int) -> Iterator[Member]:
    """The member whose local header is at `start`, as far as it can be read."""
    if len(data) < start + 30:
        return
    method, name_length, extra_length = struct.unpack_from("<H16xHH", data, start + 8)
    begin = start + 30 + name_length + extra_length
    name = data[start + 30 : start + 30 + name_length].decode("utf-8", "replace")
    if method == 8:  # stored members lie open and are found by the plain search
        try:
            yield name, zlib.decompressobj(-15).decompress(memoryview(data)[begin:], _LARGEST)
        except zlib.error:
            return


def _tar(data: bytes) -> Iterator[Member]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for info in archive:
            file = archive.extractfile(info) if info.isfile() else None
            yield info.name, file.read() if file else info.linkname.encode()


# Tables


def _frame(read: str) -> Callable[[bytes], Iterator[Member]]:
    def opener(data: bytes) -> Iterator[Member]:
        import polars as pl

        frame = getattr(pl, read)(io.BytesIO(data))
        for series in frame.iter_columns():
            yield from _column(series.name, series)

    return opener


def _column(name: str, series: Any) -> Iterator[Member]:
    import polars as pl

    series = series.drop_nulls()
    if isinstance(series.dtype, pl.List | pl.Array):
        yield from _column(name, series.explode())
    elif isinstance(series.dtype, pl.Struct):
        for field in series.struct.fields:
            yield from _column(f"{name}.{field}", series.struct.field(field))
    elif series.dtype == pl.Binary:
        yield from ((f"{name}[{row}]", value) for row, value in enumerate(series.to_list()))
    else:
        yield name, "\n".join(series.cast(pl.String, strict=False).drop_nulls().to_list()).encode()


class _Text(bytes):
    """A TEXT value, told apart from a BLOB."""


def _sqlite(data: bytes, wal: bytes) -> Iterator[Member]:
    """Every value of every table: text that overflows over several pages lies in pieces in the file, and numbers lie
    in binary.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "copy.db")
        copy.write_bytes(data)
        if wal:
            copy.with_name("copy.db-wal").write_bytes(wal)
        with closing(sqlite3.connect(copy)) as database:
            database.text_factory = _Text
            tables = [
                row[0].decode() for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            for table in tables:
                texts = io.BytesIO()
                quoted = table.replace('"', '""')
                for row in database.execute(f'SELECT * FROM "{quoted}"'):
                    for value in row:
                        if isinstance(value, bytes) and any(is_one(value) for _, is_one, _ in _KINDS):
                            yield f"{table} value", value
                        # Other blobs lie in the file as they are, but for page borders; sealed ones are most of a
                        # database.
                        elif not isinstance(value, bytes) or isinstance(value, _Text) or len(value) > _PAGE:
                            texts.write((value if isinstance(value, bytes) else str(value).encode()) + b"\n")
                yield table, texts.getvalue()


# Carving


def _carved(data: bytes) -> Iterator[Member]:
    view = memoryview(data)
    for found in _CARVED.finditer(data):
        start, magic = found.start(), found[0]
        try:
            if magic.startswith(b"%PDF"):
                if b" obj" not in data[start : start + 1024]:
                    continue  # a text that speaks of PDF
                following = data.find(b"%PDF-", start + 5)
                end = data.rfind(b"%%EOF", start, following if following > 0 else len(data))
                yield f"PDF at {start}", data[start : end + 5] if end > 0 else data[start:]
            elif magic.startswith(b"PK"):
                yield from ((f"{name} at {start}", content) for name, content in _local(data, start))
            else:
                name = "gz" if magic.startswith(b"\x1f") else "zstd"
                yield f"{name} at {start}", _STREAMS[name](view[start:])
        except Unopened:
            # Three or four bytes stand there by chance now and then.
            continue


_KINDS: list[tuple[str, Callable[[bytes], bool], Callable[..., Iterator[Member]]]] = [
    ("zip", lambda data: data.startswith((b"PK\x03\x04", b"PK\x05\x06")), _zip),
    ("gz", lambda data: data.startswith(b"\x1f\x8b\x08"), _stream("gz")),
    ("bz2", lambda data: data.startswith(b"BZh") and data[4:10] == b"1AY&SY", _stream("bz2")),
    ("xz", lambda data: data.startswith(b"\xfd7zXZ\x00"), _stream("xz")),
    ("zstd", lambda data: data.startswith(b"\x28\xb5\x2f\xfd"), _stream("zstd")),
    ("zlib", _is_zlib, _stream("zlib")),
    ("tar", lambda data: data[257:262] == b"ustar", _tar),
    ("parquet", lambda data: data.startswith(b"PAR1"), _frame("read_parquet")),
    ("arrow", lambda data: data.startswith(b"ARROW1"), _frame("read_ipc")),
    ("sqlite", lambda data: data.startswith(b"SQLite format 3\x00"), _sqlite),
    ("pdf", lambda data: data.startswith(b"%PDF-"), pdf_members),
]
