"""Sealed files: whole and on the disk, or not there."""

import errno
import io
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from songda.vault import (
    CannotWrite,
    DiskFull,
    LocalMasterKey,
    SegmentDamaged,
    SegmentExists,
    SegmentWriter,
    Unsealable,
    new_data_key,
    open_data_key,
    read_sealed,
    read_segment,
    sweep,
    write_sealed,
)

MASTER = LocalMasterKey(bytes(32))
KEY = open_data_key(MASTER, new_data_key(MASTER))


def test_each_blob_is_found_again_at_its_slot(tmp_path: Path) -> None:
    blobs = [KEY.seal(bytes([n]) * n * 1000, context=f"letter:{n}") for n in range(20)]
    with SegmentWriter(tmp_path / "seg") as segment:
        slots = [segment.append(blob) for blob in blobs]
    assert [read_segment(tmp_path / "seg", slot.offset, slot.length) for slot in slots] == blobs
    assert sum(slot.length for slot in slots) == (tmp_path / "seg").stat().st_size


def test_a_segment_is_readable_by_its_owner_only_and_so_is_a_folder_made_for_it(tmp_path: Path) -> None:
    with SegmentWriter(tmp_path / "new" / "seg") as segment:
        segment.append(b"sealed")
    assert stat.S_IMODE((tmp_path / "new" / "seg").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_nothing_appears_under_the_name_before_close(tmp_path: Path) -> None:
    segment = SegmentWriter(tmp_path / "seg")
    segment.append(b"sealed")
    assert not (tmp_path / "seg").exists()
    segment.close()
    segment.close()
    assert (tmp_path / "seg").read_bytes() == b"sealed"
    assert [p.name for p in tmp_path.iterdir()] == ["seg"]


def test_a_failure_inside_the_block_leaves_nothing(tmp_path: Path) -> None:
    def write_half() -> None:
        with SegmentWriter(tmp_path / "seg") as segment:
            segment.append(b"sealed")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_a_segment_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "seg").write_bytes(b"first")
    with pytest.raises(SegmentExists):
        SegmentWriter(tmp_path / "seg")
    late = SegmentWriter(tmp_path / "other")
    (tmp_path / "other").write_bytes(b"first")
    with pytest.raises(SegmentExists):
        late.close()
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"seg": b"first", "other": b"first"}


def test_data_and_name_are_synced_before_close_returns_and_once_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    fsync, rename = os.fsync, Path.rename
    monkeypatch.setattr(
        os,
        "fsync",
        lambda fd: (events.append("folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "data"), fsync(fd))[1],
    )
    monkeypatch.setattr(Path, "rename", lambda self, to: (events.append("rename"), rename(self, to))[1])
    with SegmentWriter(tmp_path / "seg") as segment:
        for _ in range(100):
            segment.append(b"sealed")
    assert events == ["data", "rename", "folder"]


@pytest.mark.parametrize(("offset", "length"), [(0, 7), (6, 1), (100, 1)])
def test_reading_past_the_end_is_reported_as_damage(tmp_path: Path, offset: int, length: int) -> None:
    (tmp_path / "seg").write_bytes(b"sealed")
    with pytest.raises(SegmentDamaged):
        read_segment(tmp_path / "seg", offset, length)


def test_a_missing_segment_is_reported_as_damage(tmp_path: Path) -> None:
    with pytest.raises(SegmentDamaged, match="seg"):
        read_segment(tmp_path / "seg", 0, 1)
    with pytest.raises(SegmentDamaged, match="seg"):
        list(read_sealed(tmp_path / "seg", key=KEY, context="c"))


def test_a_large_file_is_sealed_and_read_back_in_pieces(tmp_path: Path) -> None:
    content = os.urandom(1_000_000)
    write_sealed(tmp_path / "print.pdf.sealed", io.BytesIO(content), key=KEY, context="run:1")
    assert content[:64] not in (tmp_path / "print.pdf.sealed").read_bytes()
    assert b"".join(read_sealed(tmp_path / "print.pdf.sealed", key=KEY, context="run:1")) == content
    with pytest.raises(Unsealable):
        list(read_sealed(tmp_path / "print.pdf.sealed", key=KEY, context="run:2"))


def test_a_source_that_fails_leaves_no_half_sealed_file(tmp_path: Path) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_sealed(tmp_path / "print", Failing(), key=KEY, context="run:1")
    assert list(tmp_path.iterdir()) == []


# Disks that fill, folders that refuse

LIMITED = """
import resource, signal, sys
from pathlib import Path
from songda.vault import DiskFull, SegmentWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
folder = Path(sys.argv[1])
try:
    with SegmentWriter(folder / "seg") as segment:
        for _ in range(100):
            segment.append(bytes(100_000))
except DiskFull as error:
    print(error.message_zh)
    sys.exit(error.exit_code)
"""


def test_a_file_that_the_system_lets_grow_no_further_leaves_nothing_and_says_what_to_do(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=False)
    assert run.returncode == 74, run.stderr
    assert "磁盘空间不足" in run.stdout
    assert "清理磁盘" in run.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full_at_the_sync_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def full(fd: int) -> None:
        raise OSError(code, os.strerror(code))

    segment = SegmentWriter(tmp_path / "seg")
    segment.append(b"sealed")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull):
        segment.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_refused_in_chinese(tmp_path: Path) -> None:
    (tmp_path / "folder").touch()
    with pytest.raises(CannotWrite) as refusal:
        SegmentWriter(tmp_path / "folder" / "seg")
    assert "无法写入" in refusal.value.message_zh
    assert refusal.value.exit_code == 73


# Writers that die

ENDLESS = """
import sys, time
from pathlib import Path
from songda.vault import SegmentWriter
segment = SegmentWriter(Path(sys.argv[1]) / "seg")
segment.append(bytes(5_000_000))
print("written", flush=True)
time.sleep(60)
"""


def test_a_killed_writer_leaves_only_a_part_file_that_sweep_removes_and_a_living_ones_stays(tmp_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", ENDLESS, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"written\n"
        assert sweep(tmp_path) == 0
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
    assert [p.suffix for p in tmp_path.iterdir()] == [".part"]
    for _ in range(50):  # the kernel gives the lock back soon after the process is gone
        if sweep(tmp_path):
            break
        time.sleep(0.1)
    assert list(tmp_path.iterdir()) == []
