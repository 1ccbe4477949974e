"""A master key that a service keeps: the house asks a real HTTP server, and says plainly what is wrong when it cannot."""

from __future__ import annotations

import pickle
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from parties import Party
from program import Desk
from songda.base.settings import load
from songda.sim.key_service import Service, serving
from songda.vault import (
    KeyServiceFailed,
    LocalMasterKey,
    Unsealable,
    WrongMasterKey,
    load_master_key,
    new_data_key,
    open_data_key,
    rewrap_data_key,
    wrapped_by,
)
from songda.vault.key_service import KeyService

KEY = "songda-2026"


@pytest.fixture
def service() -> Iterator[Service]:
    with serving({KEY: ["k1"]}, token="secret-token") as found:
        yield found


@pytest.fixture
def master(service: Service) -> KeyService:
    return KeyService(service.url, key=KEY, token="secret-token")


def test_what_it_wraps_it_unwraps_and_nothing_of_it_lies_here(service: Service, master: KeyService) -> None:
    wrapped = master.wrap(b"a data key")
    assert master.unwrap(wrapped) == b"a data key"
    assert b"a data key" not in wrapped
    assert master.key_id == "k1"
    assert "secret-token" not in repr(master)
    # Refused: a master key must not travel to another process.
    with pytest.raises(TypeError):
        pickle.dumps(master)


def test_a_tenants_key_is_opened_once_in_a_while(service: Service, master: KeyService) -> None:
    wrapped = new_data_key(master)
    sealed = open_data_key(master, wrapped).seal(b"a person", context="x")
    for _ in range(20):
        assert open_data_key(master, wrapped).unseal(sealed, context="x") == b"a person"
    assert sum("unwrap" in each for each in service.asked) == 1


def test_the_service_rotates_its_key_and_the_old_one_is_useless_afterwards(
    service: Service, master: KeyService
) -> None:
    old = new_data_key(master)
    service.rotate(KEY, "k2")
    assert open_data_key(master, old)
    assert wrapped_by(old) != master.key_id
    new = rewrap_data_key(old, old=master, new=master)
    assert wrapped_by(new) == master.key_id
    service.destroy(KEY, "k1")
    fresh = KeyService(service.url, key=KEY, token="secret-token")
    sealed = open_data_key(fresh, new).seal(b"x", context="x")
    assert open_data_key(fresh, new).unseal(sealed, context="x") == b"x"
    with pytest.raises(WrongMasterKey) as caught:
        open_data_key(fresh, old)
    assert caught.value.data["sealed_by"] == "k1"


def test_a_house_moves_from_a_file_to_the_service(master: KeyService) -> None:
    local = LocalMasterKey(bytes(32))
    wrapped = new_data_key(local)
    sealed = open_data_key(local, wrapped).seal(b"x", context="x")
    with pytest.raises(WrongMasterKey):
        open_data_key(master, wrapped)
    moved = rewrap_data_key(wrapped, old=local, new=master)
    assert open_data_key(master, moved).unseal(sealed, context="x") == b"x"
    with pytest.raises((WrongMasterKey, Unsealable)):
        open_data_key(local, moved)


def test_what_was_changed_is_not_unwrapped(master: KeyService) -> None:
    wrapped = bytearray(master.wrap(b"a data key"))
    for place in range(len(wrapped)):
        changed = bytearray(wrapped)
        changed[place] ^= 1
        with pytest.raises((Unsealable, WrongMasterKey)):
            master.unwrap(bytes(changed))
    for length in range(0, len(wrapped), 7):
        with pytest.raises((Unsealable, WrongMasterKey)):
            master.unwrap(bytes(wrapped[:length]))


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_a_service_that_refuses_is_told_of_as_one(service: Service, master: KeyService, status: int) -> None:
    service.broken = status
    with pytest.raises(KeyServiceFailed, match=str(status)):
        master.wrap(b"x")


def test_one_that_does_not_answer_or_answers_nonsense_too(service: Service) -> None:
    with pytest.raises(KeyServiceFailed, match="没有应答"):
        KeyService("http://127.0.0.1:9", key=KEY).wrap(b"x")
    master = KeyService(service.url, key=KEY, token="secret-token")
    wrapped, service.broken = master.wrap(b"x"), 200
    # Answers of other calls among them, of which none serves for another.
    for service.nonsense in ({}, {"key_id": "k1"}, {"secret": "eA=="}, {"key_id": 1, "wrapped": [], "secret": 2}):
        with pytest.raises(KeyServiceFailed, match="无法解读"):
            master.wrap(b"x")
    for service.nonsense in ({}, {"key_id": "k1"}, {"key_id": "k1", "wrapped": "eA=="}, {"secret": "nonsense!"}):
        with pytest.raises(KeyServiceFailed, match="无法解读"):
            master.unwrap(wrapped)
    with pytest.raises(KeyServiceFailed, match="401"):
        KeyService(service.url, key=KEY, token="another").wrap(b"x")


def test_the_key_never_goes_over_a_line_in_the_clear(tmp_path: Path) -> None:
    for url in ("http://keys.example/songda", "ftp://127.0.0.1/x"):
        with pytest.raises(KeyServiceFailed, match="https"):
            KeyService(url, key=KEY)
    with pytest.raises(KeyServiceFailed, match="证书"):
        KeyService("https://keys.example", key=KEY, ca=tmp_path / "none.pem")


def test_it_is_named_by_the_environment_and_wins_over_a_file(service: Service, tmp_path: Path) -> None:
    environ = {
        "SONGDA_KEY_SERVICE": service.url,
        "SONGDA_KEY_SERVICE_KEY": KEY,
        "SONGDA_KEY_SERVICE_TOKEN": "secret-token",
    }
    settings = load(environ, home=tmp_path)
    assert "secret-token" not in repr(settings)
    master = load_master_key(settings)
    assert master.key_id == "k1"
    assert not settings.master_key_file.exists()


def test_the_whole_house_works_with_it_and_says_so_when_it_is_gone(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONGDA_KEY_SERVICE", service.url)
    monkeypatch.setenv("SONGDA_KEY_SERVICE_KEY", KEY)
    monkeypatch.setenv("SONGDA_KEY_SERVICE_TOKEN", "secret-token")
    desk = Desk(tmp_path / "home")
    desk.imports(tmp_path / "tenant.toml")
    assert desk.json("tenant", "processing")["principal"]
    assert not (tmp_path / "home" / "keys").exists()
    service.broken = 503
    assert "密钥服务不可用" in desk.songda("tenant", "processing", rc=69)


def test_over_tls_both_sides_show_who_they_are(tmp_path: Path) -> None:
    house = Party(tmp_path, "house")
    theirs = Party(tmp_path, "theirs")
    server, ours, strange = (
        Party(tmp_path, "server", theirs),
        Party(tmp_path, "client", house),
        Party(tmp_path, "stranger"),
    )
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=house.certificate)
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_cert_chain(server.certificate, server.private)
    shown = {"certificate": ours.certificate, "private_key": ours.private}
    with serving({KEY: ["k1"]}, token="t", tls=tls) as service:
        assert service.url.startswith("https://")
        master = KeyService(service.url, key=KEY, token="t", ca=theirs.certificate, **shown)
        assert master.unwrap(master.wrap(b"a data key")) == b"a data key"
        asked = len(service.asked)
        for wrong in (
            {"ca": theirs.certificate},
            {"ca": theirs.certificate, "certificate": strange.certificate, "private_key": strange.private},
            {"ca": strange.certificate, **shown},
        ):
            with pytest.raises(KeyServiceFailed, match="没有应答"):
                KeyService(service.url, key=KEY, token="t", **wrong).wrap(b"x")
        assert len(service.asked) == asked


def test_a_house_moves_to_the_service_without_stopping(service: Service, tmp_path: Path) -> None:
    before = load_master_key(load({}, home=tmp_path))
    wrapped = new_data_key(before)
    named = {"SONGDA_KEY_SERVICE": service.url, "SONGDA_KEY_SERVICE_KEY": KEY}
    settings = load(named | {"SONGDA_KEY_SERVICE_TOKEN": "secret-token"}, home=tmp_path)
    moving = load_master_key(settings)
    sealed = open_data_key(moving, wrapped).seal(b"x", context="x")
    assert wrapped_by(wrapped) == before.key_id != moving.key_id == "k1"
    moved = rewrap_data_key(wrapped, old=moving, new=moving)
    assert wrapped_by(moved) == "k1"
    settings.master_key_file.unlink()
    assert open_data_key(load_master_key(settings), moved).unseal(sealed, context="x") == b"x"
    with pytest.raises(WrongMasterKey):
        open_data_key(load_master_key(settings), wrapped)
