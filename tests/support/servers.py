"""Real servers for the tests, each a subprocess on a free port of the loopback interface."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, Self, TypeVar

import pytest

from bridges.mosquitto.accounts import acl
from bridges.mosquitto.conf import ListenAddress, Listeners, MosquittoPaths, SavePolicy, render
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
START_S = 90
"""Room for a slow, shared machine; a healthy one needs a fraction of it."""


def find(program: str, *more_folders: str) -> str:
    """The path of a program; skips the test that needs it where it is not installed."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", *more_folders])
    found = shutil.which(program, path=path)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def _accepts_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class Server:
    """A subprocess that can be stopped, killed and started again. `output` is all that it has printed."""

    READY = ""
    """What it prints once it is up; empty: it is up when its port accepts connections."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.process: subprocess.Popen[str] | None = None
        self._log = folder / f"{type(self).__name__.lower()}-{self.port}.log"
        self._forgotten = 0

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    @property
    def output(self) -> str:
        return self._log.read_text()[self._forgotten :] if self._log.exists() else ""

    def forget_output(self) -> None:
        """For the next test that shares the server."""
        self._forgotten += len(self.output)

    def start(self) -> None:
        """Returns once it is up."""
        seen = len(self.output)
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                self.command(), env=self.environment(), stdout=log, stderr=subprocess.STDOUT, text=True, cwd=ROOT
            )
        end = time.monotonic() + START_S
        while not (self.READY in self.output[seen:] if self.READY else _accepts_connections(self.port)):
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"{self.process.args} did not start:\n{self.output[seen:]}")
            time.sleep(0.02)

    def wait_for(self, text: str, seen: int = 0, within_s: float = START_S) -> None:
        """Returns once it has printed `text` after the first `seen` characters of its output."""
        end = time.monotonic() + within_s
        while text not in self.output[seen:]:
            if time.monotonic() > end:
                raise AssertionError(f"{text!r} was not printed in {within_s} s:\n{self.output[seen:]}")
            time.sleep(0.02)

    def freeze(self) -> None:
        """Stops it where it is: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

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


S = TypeVar("S", bound=Server)


class SharedServers(Generic[S]):
    """One server of each kind for many tests, started when the first of them asks for it; left, all stop."""

    def __init__(self, make: Callable[[str], S]) -> None:
        self._make = make
        self._started: dict[str, S] = {}

    def __call__(self, kind: str) -> S:
        """It runs, and its `output` is empty."""
        if kind not in self._started:
            self._started[kind] = self._make(kind)
        server = self._started[kind]
        if server.process is None or server.process.poll() is not None:
            server.start()
        server.forget_output()
        return server

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._started.values():
            server.stop()


def keep_root(paths: MosquittoPaths) -> None:
    """Mosquitto gives up root, and could not enter a folder of the tests as its own user."""
    (paths.additions / "user.conf").write_text("user root\n" if os.getuid() == 0 else "")


class Mosquitto(Server):
    """Mosquitto with the configuration, password file and ACL of production, but one port for devices and bridges."""

    def __init__(self, folder: Path, accounts: Mapping[str, str] | None = None) -> None:
        super().__init__(folder)
        self.accounts = dict(accounts or {})
        """Username -> `$7$` hash. `bridge` may touch all of `devices/`, all others their own topics."""
        self.gateways: list[str] = []
        self.save = SavePolicy.SECONDS  # saving on every change costs most of the speed (docs/deployment/mosquitto.md)

    def command(self) -> list[str]:
        paths = MosquittoPaths(self.folder, self.folder / "mosquitto")
        paths.data.mkdir(exist_ok=True)
        paths.additions.mkdir(exist_ok=True)
        paths.acl.write_text(acl("bridge", gateways=self.gateways))
        paths.passwords.write_text("".join(f"{name}:{hashed}\n" for name, hashed in self.accounts.items()))
        listeners = Listeners(ListenAddress("127.0.0.1", self.port), is_shared=True)
        paths.conf.write_text(render(paths, listeners, self.save))
        keep_root(paths)
        return [find("mosquitto"), "-c", str(paths.conf)]

    def url(self, username: str = "", password: str = "") -> str:
        login = f"{username}:{password}@" if username else ""
        return f"mqtt://{login}127.0.0.1:{self.port}"


class Redis(Server):
    def command(self) -> list[str]:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        return [find("redis-server"), *options]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"


class Part(Server):
    """A process of Hubbub: `python …` with the settings given."""

    def __init__(self, folder: Path, command: list[str], settings: Mapping[str, str], port: int | None = None) -> None:
        super().__init__(folder, port)
        self._command = command
        self.settings = dict(settings)

    def command(self) -> list[str]:
        return [sys.executable, *self._command]

    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.settings}

    def manage(self, *arguments: str) -> str:
        """What `manage.py` prints for these arguments, with the same settings."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            env=self.environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=START_S,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


class Bridge(Part):
    READY = "has granted all subscriptions"

    def __init__(self, folder: Path, settings: Mapping[str, str], *arguments: str) -> None:
        super().__init__(folder, ["manage.py", "runbridge", *arguments], settings)


class HubServer(Part):
    """The whole hub: `manage.py runhub` in a data folder of its own, without simulated devices unless asked for."""

    PASSWORD = "correct horse battery"
    READY = "Ctrl-C stops it"

    def __init__(self, folder: Path, **settings: str) -> None:
        self.mqtt_port = free_port()
        port = free_port()
        super().__init__(
            folder,
            ["manage.py", "runhub"],
            {
                "PORT": str(port),
                "MQTT_PORT": str(self.mqtt_port),
                "DATA_DIR": str(folder / "data"),
                "DEMO_PASSWORD": self.PASSWORD,
                "DEMO": "0",
                **settings,
            },
            port,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Together:
    """Servers that start in order and stop in the reverse one."""

    @property
    def servers(self) -> list[Server]:
        raise NotImplementedError

    def __enter__(self) -> Self:
        try:
            for server in self.servers:
                server.start()
        except BaseException:  # one that does not come up must not leave the others behind
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for server in reversed(self.servers):
            server.stop()
            if isinstance(server, Part):  # of the others, only what did not start is of interest
                print(server.output[-5_000:])
