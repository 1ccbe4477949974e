"""What stands around the house in bench/letter_faults.py: its web door, a receiver of its events, a database server."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from songda.base import days
from songda.sim.carrier import SimContract

#: What the door needs to read pushes with: the stand-in's contract, which holds no secret.
_SIM = SimContract()
SECRETS = {"SONGDA_EMS_AUTHORIZATION": _SIM.authorization, "SONGDA_EMS_SIGN_KEY": _SIM.sign_key or ""}
#: Days on which the receiver of events is down.
DOWN = range(10, 13)


class Receiver:
    """Takes webhooks on loopback; one in two hundred fails, and all do on the days when it is down."""

    def __init__(self, seed: int, *, first: date) -> None:
        #: Event ids in the order in which they were taken first, by letter; and how often any was taken.
        self.taken: dict[str, dict[str, None]] = defaultdict(dict)
        self.calls = Counter[str]()
        draw, lock, receiver = random.Random(seed), threading.Lock(), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                told = self.rfile.read(length := int(self.headers["content-length"]))
                if len(told) < length:
                    # The sender was killed in the middle of its sentence.
                    self.close_connection = True
                    return
                body = json.loads(told)
                now = int(self.headers["webhook-timestamp"]) - days.at(first, 0).timestamp()
                down = int(now // 86_400) in DOWN
                with lock:
                    fails = down or draw.random() < 1 / 200
                    receiver.calls["failed" if fails else "taken"] += 1
                    if not fails:
                        receiver.taken[body["data"]["letter_id"]][self.headers["webhook-id"]] = None
                self.send_response(503 if fails else 204)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()


class Door:
    """The house's web door in a process of its own, killed after a random time and opened again."""

    def __init__(self, paper: Path, port: int, *, kill_every: float, draw: random.Random) -> None:
        self._paper, self._port, self._kill_every, self._draw = paper, port, kill_every, draw
        self._over = threading.Event()
        self.kills = 0
        self._thread = threading.Thread(target=self._keep_open, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    def _keep_open(self) -> None:
        while not self._over.is_set():
            process = subprocess.Popen(
                [sys.executable, "-m", "bench.letter_faults_door", str(self._paper), str(self._port)],
                cwd=Path(__file__).resolve().parents[1],
                env=os.environ | SECRETS,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            patience = self._draw.expovariate(1 / self._kill_every) if self._kill_every else None
            # It takes some seconds to open: killed before that, it would never be open at all.
            self._over.wait(None if patience is None else 5 + patience)
            self.kills += not self._over.is_set()
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def postgresql(folder: Path, *, settings: Sequence[str] = (), log: Path | None = None) -> Iterator[str]:
    """URL of a database on a throw-away server on loopback, as safe as it comes (fsync on). `log`: where its words go."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if not programs:
        raise SystemExit("PostgreSQL is not installed")
    folder.mkdir(mode=0o700)
    become: list[str] = []
    if os.geteuid() == 0:
        # The server refuses to run as root.
        for parent in (folder.parent, folder.parent.parent):
            parent.chmod(0o711)
        shutil.chown(folder, "postgres")
        become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    port = str(free_port())
    data = str(folder / "data")
    make = [*become, str(programs[0] / "initdb"), "-D", data, "-U", "songda", "-A", "trust", "-E", "UTF8"]
    subprocess.run(make, check=True, capture_output=True)
    serve = [*become, str(programs[0] / "postgres"), "-D", data, "-p", port, "-k", str(folder)]
    more = [word for setting in ("listen_addresses=127.0.0.1", *settings) for word in ("-c", setting)]
    with (log or Path(os.devnull)).open("ab") as words:
        server = subprocess.Popen([*serve, *more], stderr=words)
    try:
        ready = [str(programs[0] / "pg_isready"), "-h", "127.0.0.1", "-p", port, "-t", "30"]
        for _ in range(60):
            if subprocess.run(ready, check=False, capture_output=True).returncode == 0:
                break
            time.sleep(0.5)
        make = [str(programs[0] / "createdb"), "-h", "127.0.0.1", "-p", port, "-U", "songda", "letters"]
        subprocess.run(make, check=True)
        yield f"postgresql+psycopg://songda@127.0.0.1:{port}/letters"
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait(60)
