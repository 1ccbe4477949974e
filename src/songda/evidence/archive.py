"""The file that a bundle is: a ZIP with one possible spelling, so that not one byte of it can differ unseen.

    data = write_archive({"README.txt": b"..."})
    read_archive(data)                      # {"README.txt": b"..."}; raises BadBundle

Files are stored as they are, in the order of their names, with one date and one mode and nothing else: any program can
open the archive, nothing in it can grow when it is opened, and what is read is written again and compared. Deflating
would save a tenth of what is mostly PDF and make the bytes depend on the version of a library.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Final

from songda.evidence.errors import BadBundle

#: A case of one debtor with many letters is some 10 MB.
MAX_BYTES: Final = 256 * 1024 * 1024
MAX_FILES: Final = 20_000
#: An entry has at most 92 bytes of its own, and its name twice.
MAX_ARCHIVE_BYTES: Final = MAX_BYTES + MAX_FILES * 1024

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}(/[A-Za-z0-9][A-Za-z0-9._-]{0,79}){0,4}")
#: Version 2.0, no flags, stored, 1980-01-01 00:00.
_FIXED = struct.pack("<HHHHH", 20, 0, 0, 0, 0x21)
_END_MARK = 0x06054B50
#: End of the central directory: mark, disks, entries here and in all, bytes of the directory, where it begins, comment.
_END = struct.Struct("<IHHHHIIH")
_MADE_BY_UNIX = 3 << 8 | 20
_ATTRIBUTES = 0o100600 << 16


def write_archive(files: Mapping[str, bytes]) -> bytes:
    """The archive of `files` (name → content). Raises ValueError for a name or an amount that may not be."""
    if len(files) > MAX_FILES or sum(map(len, files.values())) > MAX_BYTES:
        raise ValueError("too much for a bundle")
    if strange := [name for name in files if not _NAME.fullmatch(name)]:
        raise ValueError(f"not a name for a file of a bundle: {strange[0]}")
    out, directory = bytearray(), bytearray()
    for name in sorted(files):
        data, encoded = files[name], name.encode("ascii")
        sizes = struct.pack("<III", zlib.crc32(data), len(data), len(data))
        directory += b"PK\x01\x02" + struct.pack("<H", _MADE_BY_UNIX) + _FIXED + sizes
        directory += struct.pack("<HHHHHII", len(encoded), 0, 0, 0, 0, _ATTRIBUTES, len(out)) + encoded
        out += b"PK\x03\x04" + _FIXED + sizes + struct.pack("<HH", len(encoded), 0) + encoded + data
    end = _END.pack(_END_MARK, 0, 0, len(files), len(files), len(directory), len(out), 0)
    return bytes(out + directory + end)


def read_archive(data: bytes) -> dict[str, bytes]:
    """The files of an archive that `write_archive` made. Raises BadBundle, with what is strange about it."""
    if len(data) > MAX_ARCHIVE_BYTES:
        raise BadBundle(reason="文件过大")
    _check_end(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check(archive.infolist(), len(data))
            files = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError, EOFError, RuntimeError, struct.error):
        raise BadBundle(reason="不是 ZIP 文件，或文件已损坏") from None
    if write_archive(files) != data:
        raise BadBundle(reason="压缩包的结构、日期、属性或首尾字节不是本系统写出的样子，可能被改动过")
    return files


def _check_end(data: bytes) -> None:
    """The last 22 bytes say how much there is to read: asked before anything is read. Raises BadBundle."""
    not_ours = BadBundle(reason="不是 ZIP 文件，或者末尾被截断、附加了内容")
    if len(data) < _END.size:
        raise not_ours
    mark, _, _, count, total, directory, offset, comment = _END.unpack(data[-_END.size :])
    if mark != _END_MARK:
        raise not_ours
    if count != total or total > MAX_FILES or directory > total * 1024:
        raise BadBundle(reason="文件数量过多，或者目录与数量不符")
    if comment or offset + directory + _END.size != len(data):
        raise BadBundle(reason="首尾附加了内容")


def _check(entries: list[zipfile.ZipInfo], size: int) -> None:
    """Before anything is opened. Raises BadBundle."""
    names = [entry.filename for entry in entries]
    if any(not _NAME.fullmatch(name) for name in names):
        raise BadBundle(reason="含有不允许的文件名（例如指向其他目录的路径）")
    if len({name.casefold() for name in names}) != len(names):
        raise BadBundle(reason="含有重复的文件名")
    if any(entry.flag_bits or entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise BadBundle(reason="含有压缩或加密的文件")
    # Entries that overlap could together be larger than the archive they stand in.
    if sum(entry.file_size for entry in entries) > size:
        raise BadBundle(reason="声称的内容比文件本身还大")
