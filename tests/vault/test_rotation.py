"""Rotation of data keys and master keys: whoever holds the old one learns of the new one, and the old one ends as useless."""

from __future__ import annotations

import base64
import os
import threading
from pathlib import Path

import pytest

from songda.base.settings import Settings, load
from songda.vault import (
    LocalMasterKey,
    MasterKeyMissing,
    Unsealable,
    WrongMasterKey,
    add_master_key,
    drop_old_master_keys,
    drop_old_secrets,
    key_versions,
    keys,
    load_master_key,
    new_data_key,
    open_data_key,
    rewrap_data_key,
    rotate_data_key,
    wrapped_by,
)
from songda.vault.durable import held, replacing

MASTER = LocalMasterKey(bytes(range(32)))


@pytest.fixture(params=["AES-256-GCM", "SM4-GCM"])
def wrapped(request: pytest.FixtureRequest) -> bytes:
    return new_data_key(MASTER, suite=request.param)


def test_who_holds_the_old_key_opens_what_the_new_one_sealed(wrapped: bytes) -> None:
    lies = [wrapped]
    ours = open_data_key(MASTER, wrapped, reread=lambda: lies[-1])
    lies.append(rotate_data_key(MASTER, wrapped))
    theirs = open_data_key(MASTER, lies[-1])
    assert ours.unseal(theirs.seal(b"a person", context="c"), context="c") == b"a person"
    assert ours.version == 2
    with pytest.raises(Unsealable, match="key version 2"):
        open_data_key(MASTER, wrapped).unseal(theirs.seal(b"a person", context="c"), context="c")


def test_who_only_seals_learns_of_the_new_key_within_half_a_minute(
    wrapped: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [wrapped]

    def reread() -> bytes:
        asked.append(now)
        return now

    now = wrapped
    ours = open_data_key(MASTER, wrapped, reread=reread)
    now = rotate_data_key(MASTER, wrapped)
    head = ours.seal(b"x", context="c")[:4]
    assert len(asked) == 1
    later = keys.time.monotonic() + 31
    monkeypatch.setattr(keys.time, "monotonic", lambda: later)
    assert ours.seal(b"x", context="c")[:4] != head
    assert ours.seal(b"x", context="c")[:4] != head
    assert len(asked) == 2
    assert head in ours.old_heads


def test_a_dropped_secret_opens_nothing_and_what_is_derived_stays(wrapped: bytes) -> None:
    first = open_data_key(MASTER, wrapped)
    sealed = first.seal(b"a person", context="c")
    ring = rotate_data_key(MASTER, rotate_data_key(MASTER, wrapped, suite="SM4-GCM"), suite="AES-256-GCM")
    assert key_versions(MASTER, ring) == [1, 2, 3]
    # Programs of before can read it until then.
    assert MASTER.unwrap(ring).startswith(b"songda.dk/1\x00")
    alone = drop_old_secrets(MASTER, ring)
    assert key_versions(MASTER, alone) == [3]
    last = open_data_key(MASTER, alone)
    with pytest.raises(Unsealable, match="key version 1"):
        last.unseal(sealed, context="c")
    assert last.old_heads == ()
    for again in (last, open_data_key(MASTER, drop_old_secrets(MASTER, rotate_data_key(MASTER, alone)))):
        assert again.blind_index("id_number", "1") == first.blind_index("id_number", "1")
        assert again.token("letter", "ltr_1") == first.token("letter", "ltr_1")
        assert again.id_secret() == first.id_secret()
        assert again.audit_secret() == first.audit_secret()
        assert again.signing_seed() == first.signing_seed()
    # Nothing that was kept opens a record.
    assert first.id_secret() not in (first.audit_secret(), first.signing_seed())


def test_every_changed_or_cut_byte_of_the_second_form_is_refused(wrapped: bytes) -> None:
    alone = drop_old_secrets(MASTER, rotate_data_key(MASTER, wrapped))
    for place in range(len(alone)):
        with pytest.raises((Unsealable, WrongMasterKey)):
            open_data_key(MASTER, alone[:place] + bytes([alone[place] ^ 1]) + alone[place + 1 :])
    for kept in (b"songda.dk/2\x00", b"songda.dk/2\x00" + bytes(160), b"songda.dk/2\x00" + bytes(161)):
        with pytest.raises(Unsealable):
            open_data_key(MASTER, MASTER.wrap(kept))


def _settings(home: Path, **environ: str) -> Settings:
    return load({f"SONGDA_{name}": value for name, value in environ.items()}, home=home)


def test_a_new_master_key_in_the_file_is_known_to_who_loaded_it_before(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    ours, path = load_master_key(settings), settings.master_key_file
    old, wrapped, old_file = ours.key_id, new_data_key(ours), path.read_bytes()
    add_master_key(path)
    add_master_key(path)  # an exchange that is not over is not begun anew
    assert len(path.read_bytes().split()) == 2
    assert path.stat().st_mode & 0o777 == 0o600
    assert wrapped_by(wrapped) == old != ours.key_id
    moved = rewrap_data_key(wrapped, old=ours, new=ours)
    assert wrapped_by(moved) == ours.key_id
    drop_old_master_keys(path)
    assert len(path.read_bytes().split()) == 1
    assert open_data_key(load_master_key(settings), moved).version == 1
    assert open_data_key(ours, moved).version == 1

    # The old file is good for nothing.
    elsewhere = _settings(tmp_path / "old", MASTER_KEY=old_file.decode())
    with pytest.raises(WrongMasterKey):
        open_data_key(load_master_key(elsewhere), moved)
    with pytest.raises(WrongMasterKey):
        open_data_key(load_master_key(settings), wrapped)
    assert [each.name for each in path.parent.iterdir()] == ["master.key"]


def test_the_old_key_is_overwritten_where_it_lay(tmp_path: Path) -> None:
    path = _settings(tmp_path).master_key_file
    load_master_key(_settings(tmp_path))
    add_master_key(path)
    with path.open("rb") as before:
        drop_old_master_keys(path)
        assert not any(before.read())


def test_readers_of_the_file_never_fail_while_keys_are_exchanged(tmp_path: Path) -> None:
    settings, wrong, over = _settings(tmp_path), [], threading.Event()
    load_master_key(settings)

    def read() -> None:
        while not over.is_set():
            try:
                master = load_master_key(settings, create=False)
                assert master.unwrap(master.wrap(b"x")) == b"x"
            except Exception as error:
                wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for each in readers:
        each.start()
    for _ in range(60):
        add_master_key(settings.master_key_file)
        drop_old_master_keys(settings.master_key_file)
    over.set()
    for each in readers:
        each.join()
    # Between wrapping and unwrapping a key may have come and gone here, for which a rotation waits.
    assert [each for each in wrong if not isinstance(each, WrongMasterKey)] == []


def test_several_keys_of_the_environment_newest_first(tmp_path: Path) -> None:
    old, new = (base64.b64encode(os.urandom(32)).decode() for _ in range(2))
    wrapped = load_master_key(_settings(tmp_path, MASTER_KEY=old)).wrap(b"secret")
    both = load_master_key(_settings(tmp_path, MASTER_KEY=f"{new} {old}"))
    assert both.unwrap(wrapped) == b"secret"
    assert load_master_key(_settings(tmp_path, MASTER_KEY=new)).unwrap(both.wrap(b"secret")) == b"secret"


def test_a_file_that_went_away_is_told_of(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    master = load_master_key(settings)
    settings.master_key_file.unlink()
    with pytest.raises(MasterKeyMissing):
        master.wrap(b"x")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")

    def half() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise RuntimeError

    with held(tmp_path), pytest.raises(RuntimeError):
        half()
    assert path.read_bytes() == b"before"
    with held(tmp_path), replacing(path) as file:
        file.write(b"after")
    assert path.read_bytes() == b"after"
    assert {each.name for each in tmp_path.iterdir()} == {"file", "files.lock"}


def test_one_at_a_time_holds_the_files(tmp_path: Path) -> None:
    steps: list[str] = []

    def other() -> None:
        with held(tmp_path):
            steps.append("other")

    with held(tmp_path):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(0.2)
        steps.append("first")
    thread.join()
    assert steps == ["first", "other"]
