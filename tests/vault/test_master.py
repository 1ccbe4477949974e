"""The master key: where it may come from, and when it is refused."""

import base64
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from songda.base.settings import load
from songda.vault import (
    BadMasterKey,
    CannotWrite,
    KeyFileExposed,
    MasterKeyMissing,
    Unsealable,
    WrongMasterKey,
    load_master_key,
)

KEY_TEXT = base64.b64encode(bytes(range(32))).decode()


def _settings(home: Path, **environ: str):
    return load({f"SONGDA_{name}": value for name, value in environ.items()}, home=home)


def test_the_first_use_makes_a_file_that_only_its_owner_can_read(tmp_path: Path) -> None:
    old_umask = os.umask(0)
    try:
        load_master_key(_settings(tmp_path / "home"))
    finally:
        os.umask(old_umask)
    path = tmp_path / "home" / "keys" / "master.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [p.name for p in path.parent.iterdir()] == ["master.key"]


def test_the_second_use_finds_the_same_key(tmp_path: Path) -> None:
    wrapped = load_master_key(_settings(tmp_path)).wrap(b"secret")
    assert load_master_key(_settings(tmp_path), create=False).unwrap(wrapped) == b"secret"


def test_two_installations_never_make_the_same_key(tmp_path: Path) -> None:
    first, second = load_master_key(_settings(tmp_path / "a")), load_master_key(_settings(tmp_path / "b"))
    assert first.key_id != second.key_id


def test_many_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = list(pool.map(lambda _: load_master_key(_settings(tmp_path)).key_id, range(64)))
    assert len(set(keys)) == 1
    assert [p.name for p in (tmp_path / "keys").iterdir()] == ["master.key"]


@pytest.mark.parametrize("mode", [0o601, 0o604, 0o610, 0o620, 0o640, 0o644, 0o660, 0o666, 0o777])
def test_a_key_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    load_master_key(_settings(tmp_path))
    (tmp_path / "keys" / "master.key").chmod(mode)
    with pytest.raises(KeyFileExposed) as refusal:
        load_master_key(_settings(tmp_path))
    assert f"{mode:04o}" in refusal.value.message_zh
    assert "chmod 0600" in refusal.value.message_zh
    assert refusal.value.exit_code == 77


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o700])
def test_a_key_file_of_its_owner_alone_is_accepted(tmp_path: Path, mode: int) -> None:
    load_master_key(_settings(tmp_path))
    (tmp_path / "keys" / "master.key").chmod(mode)
    load_master_key(_settings(tmp_path))


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_in_which_others_could_replace_the_key_is_refused(tmp_path: Path, mode: int) -> None:
    load_master_key(_settings(tmp_path))
    (tmp_path / "keys").chmod(mode)
    with pytest.raises(KeyFileExposed, match="0700"):
        load_master_key(_settings(tmp_path))


@pytest.mark.parametrize(
    "text",
    ["", "password", KEY_TEXT[:-4], KEY_TEXT + KEY_TEXT, KEY_TEXT.replace("=", "!"), "密" * 44, "AA" * 32],
)
def test_a_key_of_the_wrong_length_or_alphabet_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadMasterKey) as from_environment:
        load_master_key(_settings(tmp_path, MASTER_KEY=text))
    (tmp_path / "keys").mkdir(mode=0o700)
    path = tmp_path / "keys" / "master.key"
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadMasterKey) as from_file:
        load_master_key(_settings(tmp_path))
    for refusal in (from_environment.value, from_file.value):
        assert not text or text not in str(refusal) + refusal.message_zh


def test_the_environment_wins_over_the_file_and_makes_none(tmp_path: Path) -> None:
    wrapped = load_master_key(_settings(tmp_path / "a", MASTER_KEY=KEY_TEXT)).wrap(b"secret")
    assert load_master_key(_settings(tmp_path / "b", MASTER_KEY=f" {KEY_TEXT}\n")).unwrap(wrapped) == b"secret"
    assert not (tmp_path / "a").exists()


def test_a_file_holds_what_the_environment_would(tmp_path: Path) -> None:
    wrapped = load_master_key(_settings(tmp_path)).wrap(b"secret")
    text = (tmp_path / "keys" / "master.key").read_text()
    assert load_master_key(_settings(tmp_path / "elsewhere", MASTER_KEY=text)).unwrap(wrapped) == b"secret"


def test_a_lost_key_file_is_reported_not_replaced_once_there_is_data(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyMissing, match=r"master\.key"):
        load_master_key(_settings(tmp_path), create=False)
    assert not (tmp_path / "keys").exists()


def test_a_folder_that_cannot_be_made_is_reported_in_chinese(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite) as refusal:
        load_master_key(_settings(tmp_path, MASTER_KEY_FILE=str(tmp_path / "file" / "keys" / "master.key")))
    assert "无法写入" in refusal.value.message_zh


def test_the_wrong_master_key_is_named_and_damage_is_told_apart_from_it(tmp_path: Path) -> None:
    ours, other = load_master_key(_settings(tmp_path / "a")), load_master_key(_settings(tmp_path / "b"))
    wrapped = ours.wrap(b"secret")
    with pytest.raises(WrongMasterKey) as refusal:
        other.unwrap(wrapped)
    assert refusal.value.data == {"sealed_by": ours.key_id, "present": other.key_id}
    for damaged in (wrapped[:-1], b"", wrapped[:30], wrapped[:-1] + bytes([wrapped[-1] ^ 1])):
        with pytest.raises(Unsealable):
            ours.unwrap(damaged)
