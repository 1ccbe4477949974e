"""`songda serve` and `songda press link` as an operator meets them: processes that share a folder and nothing else."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from web_house import NAME, Office

from songda.flow.press import open_file

PROGRAM = [sys.executable, "-c", "from songda.cli import main; main()"]


def environment(home: Path) -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("SONGDA_")} | {
        "SONGDA_HOME": str(home)
    }


def songda(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *words], capture_output=True, text=True, timeout=60, check=False, env=environment(home)
    )


def press_link(office: Office, *words: str) -> subprocess.CompletedProcess[str]:
    return songda(office.house.home, "press", "link", "--tenant", NAME, *words)


@contextmanager
def serve(home: Path, log: Path) -> Iterator[str]:
    """`songda serve` on a free port; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("w") as output:
        words = [*PROGRAM, "serve", "--port", str(port)]
        process = subprocess.Popen(words, stdout=output, stderr=output, env=environment(home))
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, "the server did not start"
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)


def test_an_operator_serves_and_hands_out_a_link(office: Office, tmp_path: Path) -> None:
    home, log = office.house.home, tmp_path / "log"
    with serve(home, log) as base, httpx.Client(trust_env=False) as browser:
        assert browser.get(f"{base}/healthz").json()["status"] == "ok"
        token = office.token(office.letters("active", "closed")[0].id)
        assert "本函真实" in browser.get(f"{base}/c/{token}").text
        made = press_link(office, office.run_id, "--holder", "factory-2", "--base", f"{base}/", "--json")
        link = json.loads(made.stdout)
        answer = browser.get(link["url"])
        pushed = browser.post(base + office.push_path(), content=b"{}")
    sealed = b"".join(open_file(office.house.tenant, office.run_id, link["file"], home=home))
    assert answer.content == sealed
    assert ("operator", office.run_id) in [entry[:2] for entry in office.audited("press.link")]
    assert office.audited("press.open")[-1][:2] == ("factory-2", office.run_id)
    assert pushed.status_code == 422
    text = log.read_text()
    assert json.loads(next(line for line in text.splitlines() if "push_refused" in line))["kind"] == "BadPush"
    for hidden in (token, link["url"].partition("=")[2], office.push_path().rpartition("/")[2], "/c/"):
        assert hidden not in text


def test_the_link_alone_goes_to_stdout(office: Office) -> None:
    made = press_link(office, office.run_id, "--hours", "1")
    assert made.stdout.startswith(f"http://127.0.0.1:8000/press/{office.run_id}/1?t=")
    assert made.stdout.count("\n") == 1
    assert "持有人 operator" in made.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("run_x",), 65),
        (("@run", "--file", "7"), 66),
        (("@run", "--holder", "张三"), 64),
        (("@run", "--holder", "zhang@example.cn"), 64),
    ],
)
def test_a_link_that_cannot_work_is_not_made(office: Office, words: tuple[str, ...], code: int) -> None:
    before = office.audited("press.link")
    asked = [office.run_id if word == "@run" else word for word in words]
    answer = press_link(office, *asked)
    assert (answer.returncode, answer.stdout) == (code, "")
    assert answer.stderr.startswith("错误：")
    assert office.audited("press.link") == before


def test_the_push_addresses_are_shown_on_request(office: Office) -> None:
    shown = songda(office.house.home, "serve", "--show-push-urls", "--base", "https://letters.example.cn")
    assert f"{NAME}\thttps://letters.example.cn{office.push_path()}" in shown.stdout.splitlines()


def test_a_lost_master_key_is_reported_and_not_replaced(tmp_path: Path) -> None:
    from importlib import resources

    profile = resources.files("songda.sim").joinpath("tenant.toml").read_text(encoding="utf-8")
    (tmp_path / "tenant.toml").write_text(profile.replace("@endpoint@", "https://carrier.invalid"), encoding="utf-8")
    home = tmp_path / "home"
    assert songda(home, "tenant", "import", str(tmp_path / "tenant.toml"), "--tenant", "bank").returncode == 0
    key = home / "keys" / "master.key"
    kept = key.read_bytes()
    key.unlink()
    assert songda(home, "serve", "--port", "1").returncode == 78
    assert not key.exists()
    key.write_bytes(b"A" * 43 + b"=\n")
    key.chmod(0o600)
    wrong = songda(home, "serve", "--port", "1")
    assert (wrong.returncode, "主密钥与数据不符" in wrong.stderr) == (78, True)
    assert key.read_bytes() != kept
