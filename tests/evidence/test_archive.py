"""Hostile archives are refused in words before anything in them is opened."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songda.evidence import BadBundle, read_archive, write_archive
from songda.evidence.archive import MAX_FILES

FILES = {"README.txt": b"read me", "letters/A/record.json": b"{}"}


def zipped(
    files: list[tuple[str, bytes]], *, method: int = zipfile.ZIP_STORED, comment: bytes = b"", **settings: int
) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files:
            entry = zipfile.ZipInfo(name)
            entry.compress_type = method
            for field, value in settings.items():
                setattr(entry, field, value)
            archive.writestr(entry, content)
        archive.comment = comment
    return out.getvalue()


def refused(data: bytes) -> str:
    with pytest.raises(BadBundle) as caught:
        read_archive(data)
    return caught.value.message_zh


def test_what_is_written_is_read_and_any_program_opens_it() -> None:
    data = write_archive(FILES)
    assert read_archive(data) == FILES
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100600}
    assert write_archive(dict(reversed(FILES.items()))) == data


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_lead_out_or_stand_twice_are_refused() -> None:
    for name in ("../out.txt", "/etc/passwd", "a/../b", "a\\b", "C:x", ".hidden", "a//b", "名字.txt", "a/", "x" * 90):
        assert "文件名" in refused(zipped([(name, b"")])), name
    assert "重复" in refused(zipped([("a.txt", b"1"), ("a.txt", b"2")]))
    assert "重复" in refused(zipped([("a.txt", b"1"), ("A.txt", b"2")]))


def test_nothing_that_could_grow_is_opened() -> None:
    bomb = zipped([("a.txt", bytes(50_000_000))], method=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 100_000
    assert "压缩" in refused(bomb)
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        assert "压缩" in refused(zipped([("a.txt", bytes(100))], method=method))
    # Two entries of the directory that share the bytes of one file.
    data = write_archive({"a.txt": bytes(1000), "b.txt": bytes(1000)})
    directory = data.index(b"PK\x01\x02")
    size = 46 + len("a.txt")
    overlapping = data[: directory - 1035] + data[directory : directory + size] + data[directory + size : -22]
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 2, 2, 2 * size, directory - 1035, 0)
    refused(overlapping + end)


def test_a_directory_that_claims_millions_is_refused_unread() -> None:
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 65_535, 65_535, 0xFFFFFFF0, 0, 0)
    assert "过多" in refused(bytes(1000) + end)
    assert "过多" in refused(bytes(1000) + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 2, 60, 0, 0))


def test_bytes_before_after_and_between_are_refused() -> None:
    data = write_archive(FILES)
    for changed in (b"x" + data, data + b"x", b"MZ" * 100 + data, data + data):
        refused(changed)
    assert "附加" in refused(zipped(list(FILES.items()), comment=b"hello"))


def test_dates_modes_and_order_cannot_differ() -> None:
    assert "可能被改动" in refused(zipped([("a.txt", b"1")], external_attr=0o120777 << 16))
    other = zipfile.ZipInfo("a.txt", date_time=(2026, 1, 1, 0, 0, 0))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(other, b"1")
    assert "可能被改动" in refused(out.getvalue())
    assert "可能被改动" in refused(zipped([("b.txt", b"1"), ("a.txt", b"2")]))


def test_encrypted_entries_are_refused() -> None:
    data = bytearray(write_archive({"a.txt": b"1"}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert "加密" in refused(bytes(data))


def test_too_much_is_refused_on_writing_too() -> None:
    with pytest.raises(ValueError, match="too much"):
        write_archive({f"f{number}": b"" for number in range(MAX_FILES + 1)})
    with pytest.raises(ValueError, match="not a name"):
        write_archive({"../x": b""})


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_anything_else_is_no_bundle(data: bytes) -> None:
    refused(data)
    refused(data + write_archive(FILES)[-22:])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_spliced_archive_is_never_read(data: st.DataObject) -> None:
    sound = write_archive(FILES)
    first = data.draw(st.integers(0, len(sound)))
    last = data.draw(st.integers(first, len(sound)))
    spliced = sound[:first] + data.draw(st.binary(max_size=40)) + sound[last:]
    if spliced != sound:
        refused(spliced)
