"""The residue scanner finds what is there, wherever it hides, and nothing that is not."""

import gzip
import os
import zipfile
from pathlib import Path

import pytest
import residue_plant
from hypothesis import given
from hypothesis import strategies as st
from residue import ENCODINGS, Hit, Searcher, main, scan

NAME, PHONE = "某甲", "13800138034"


@pytest.fixture
def _one_needle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control with a single needle: as complete in containers and spellings, and quick."""
    monkeypatch.setattr(residue_plant, "NEEDLES", (NAME,))


def test_every_planted_needle_is_found_in_every_container_and_spelling(tmp_path: Path) -> None:
    residue_plant.assert_scanner_works(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("_one_needle")
def test_the_control_fails_when_the_scanner_misses_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import residue_containers

    kinds = [kind for kind in residue_containers._KINDS if kind[0] != "xz"]
    monkeypatch.setattr(residue_containers, "_KINDS", kinds)
    with pytest.raises(AssertionError, match="in xz as utf-8"):
        residue_plant.assert_scanner_works(tmp_path)


@pytest.mark.usefixtures("_one_needle")
def test_the_control_fails_when_the_scanner_misses_a_spelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import residue

    plants = residue_plant.ENCODINGS
    monkeypatch.setattr(residue, "ENCODINGS", {k: v for k, v in plants.items() if k != "utf-16-be"})
    with pytest.raises(AssertionError, match="utf-16-be"):
        residue_plant.assert_scanner_works(tmp_path)


@given(
    before=st.binary(max_size=40),
    after=st.binary(max_size=40),
    encoding=st.sampled_from(sorted(set(ENCODINGS) - {"utf-16-le", "utf-16-be", "gb18030"})),
    needle=st.text(st.characters(categories=["L", "N"]), min_size=6, max_size=12),
)
def test_a_needle_is_found_between_any_bytes(before: bytes, after: bytes, encoding: str, needle: str) -> None:
    content = ENCODINGS[encoding](needle)
    found = Searcher([needle, "陪衬试样"]).search(before + content + after)
    assert needle in {name for name, _ in found}
    assert min(found.values()) <= len(before)


@given(st.binary(max_size=3000), st.lists(st.text(min_size=6, max_size=8), min_size=1, max_size=20))
def test_search_says_the_same_as_plain_search(data: bytes, needles: list[str]) -> None:
    data += needles[0].encode() + data
    found = Searcher(needles).search(data)
    for needle in needles:
        at = data.find(needle.encode())
        assert found.get((needle, "utf-8"), -1) == at


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    residue_plant.plant(tmp_path / "planted", NAME)
    assert scan(tmp_path, ["西门未植入", "13900139099"]) == []


def test_a_hit_says_where_it_is(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "demo.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/log.gz", gzip.compress(f"a,{NAME}".encode()))
    assert scan(tmp_path, [NAME]) == [Hit(tmp_path / "demo.xlsx", "xl/log.gz > gz", "utf-8", 2, NAME)]


@pytest.mark.parametrize("spelling", ["138 0013 8034", "138-0013-8034"])
def test_a_phone_number_is_found_as_people_write_it(tmp_path: Path, spelling: str) -> None:
    (tmp_path / "log").write_text(f"tel {spelling}.")
    assert [hit.needle for hit in scan(tmp_path, [PHONE])] == [PHONE]


def test_short_names_are_not_found_by_chance_in_sealed_data(tmp_path: Path) -> None:
    # 4 bytes of a name in GB18030 among 64 KiB of noise, without text around them: what sealed data gives by chance.
    (tmp_path / "sealed").write_bytes(
        os.urandom(32768) + b"\x00" + NAME.encode("gb18030") + b"\x00" + os.urandom(32768)
    )
    assert scan(tmp_path, [NAME]) == []
    (tmp_path / "sealed").write_bytes(b"\x00\x01" * 16384 + NAME.encode("gb18030") + b"\x00\x01" * 16384)
    assert [hit.encoding for hit in scan(tmp_path, [NAME])] == ["gb18030"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("broken.zip", b"PK\x03\x04 and nothing of it"),
        ("broken.gz", b"\x1f\x8b\x08 and nothing of it"),
        ("broken.db", b"SQLite format 3\x00 and nothing of it"),
        ("broken.pdf", b"%PDF-1.7 and nothing of it"),
        ("broken.parquet", b"PAR1 and nothing of it"),
    ],
)
def test_a_container_that_cannot_be_opened_counts_as_a_hit(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert [(hit.path.name, hit.encoding) for hit in scan(tmp_path, [NAME])] == [(name, "unopened")]


def test_an_endless_nest_counts_as_a_hit(tmp_path: Path) -> None:
    content = NAME.encode()
    for _ in range(20):
        content = gzip.compress(content)
    (tmp_path / "nest.gz").write_bytes(content)
    assert [hit.encoding for hit in scan(tmp_path, [NAME])] == ["unopened"]


def test_files_to_skip_are_skipped_and_links_not_followed(tmp_path: Path) -> None:
    (tmp_path / "rejected.csv").write_text(NAME)
    (tmp_path / "link").symlink_to(tmp_path / "rejected.csv")
    assert len(scan(tmp_path, [NAME])) == 1
    assert scan(tmp_path, [NAME], skip=[tmp_path / "rejected.csv"]) == []


def test_a_needle_that_chance_would_find_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 6 bytes"):
        Searcher(["甲"])


@pytest.mark.usefixtures("_one_needle")
def test_the_command_ends_with_1_when_something_is_found_and_0_when_not(tmp_path: Path, capsys) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "needles.txt").write_text(f"{NAME}\n{PHONE}\n", encoding="utf-8")
    assert main(str(tmp_path / "out"), str(tmp_path / "needles.txt")) == 0
    (tmp_path / "out" / "log").write_text(PHONE)
    assert main(str(tmp_path / "out"), str(tmp_path / "needles.txt")) == 1
    assert PHONE in capsys.readouterr().out


def test_four_letters_are_no_name_in_utf_16_but_a_name_among_text_is() -> None:
    chance = next(a + b for a in "丽好水清" for b in "華本文生" if (a + b).encode("utf-16-be").isascii())
    ascii_text = b'{"id":"' + chance.encode("utf-16-be") + b'","kind":"piece","version":12,"state":"open"}'
    assert Searcher([chance]).search(b"x" * 40 + ascii_text) == {}
    written = ("记录为：" + chance + "，到此为止。").encode("utf-16-be")
    assert (chance, "utf-16-be") in Searcher([chance]).search(b"\0" * 40 + written)
