"""Real servers for the tests, each a subprocess on a free port of the loopback interface."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
START_S = 60
"""Room for a slow, shared machine; a healthy one needs a fraction of it."""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def find(program: str, *more_folders: str) -> str:
    """The path of a program; skips the test that needs it where it is not installed."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", *more_folders])
    found = shutil.which(program, path=path)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def wait_for_port(port: int, process: subprocess.Popen[str] | None = None) -> None:
    """Returns once something accepts connections; fails when the process ends or time runs out."""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if process is not None and process.poll() is not None:
            raise AssertionError(f"{process.args} ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"nothing listens on {port}")


class Server:
    """A subprocess that listens on `port`. It can be stopped, killed and started again."""

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_port()
        self.process: subprocess.Popen[str] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command(),
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
        )
        wait_for_port(self.port, self.process)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends it with a signal and returns its exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(number)
        try:
            code = self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait(timeout=5)
        self.process = None
        return code

    def kill(self) -> None:
        self.stop(signal.SIGKILL)


class Mosquitto(Server):
    """Mosquitto with the password file and ACL that devices meet in production."""

    def __init__(self, folder: Path, accounts: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.folder = folder
        self.accounts = dict(accounts or {})
        """Username -> `$7$` hash. `bridge` may touch everything, all others their own topics."""

    def command(self) -> list[str]:
        acl = self.folder / "acl"
        acl.write_text("user bridge\ntopic readwrite #\npattern readwrite devices/%u/#\n")
        passwords = self.folder / "passwords"
        passwords.write_text("".join(f"{name}:{hashed}\n" for name, hashed in self.accounts.items()))
        for file in (acl, passwords):
            file.chmod(0o644)  # Mosquitto gives up root and reads them as its own user
        config = self.folder / "mosquitto.conf"
        config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\nacl_file {acl}\n"
            "max_queued_messages 100000\nmax_inflight_messages 200\nset_tcp_nodelay true\n"
            + ("user root\n" if os.getuid() == 0 else "")
        )
        return [find("mosquitto"), "-c", str(config)]

    def url(self, username: str = "", password: str = "") -> str:
        login = f"{username}:{password}@" if username else ""
        return f"mqtt://{login}127.0.0.1:{self.port}"


class Redis(Server):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def command(self) -> list[str]:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        return [find("redis-server"), *options]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"


class HubServer(Server):
    """The whole hub: `manage.py runhub` in a data folder of its own. `output` holds what it has printed."""

    PASSWORD = "correct horse battery"

    def __init__(self, folder: Path, **settings: str) -> None:
        super().__init__()
        self.folder = folder
        self.mqtt_port = free_port()
        self.settings = settings
        self.log = folder / "hub.log"

    def command(self) -> list[str]:
        return [sys.executable, "manage.py", "runhub"]

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PORT": str(self.port),
            "MQTT_PORT": str(self.mqtt_port),
            "DATA_DIR": str(self.folder / "data"),
            "DEMO_PASSWORD": self.PASSWORD,
            "DEMO": "0",
            **self.settings,
        }

    def start(self) -> None:
        """Returns once the hub has said that it is up."""
        with self.log.open("a") as log:
            seen = log.tell()
            self.process = subprocess.Popen(
                self.command(), env=self.environment(), stdout=log, stderr=subprocess.STDOUT, text=True, cwd=ROOT
            )
        end = time.monotonic() + START_S
        while "Ctrl-C stops it" not in self.log.read_text()[seen:]:
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"the hub did not start:\n{self.log.read_text()[seen:]}")
            time.sleep(0.05)

    @property
    def output(self) -> str:
        return self.log.read_text()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def manage(self, *arguments: str) -> str:
        """What `manage.py` prints for these arguments, with the hub's settings."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            env=self.environment(),
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
            timeout=START_S,
        )
        return done.stdout
