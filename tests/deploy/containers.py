"""docker-compose.yml without an engine: each container is a process here, on a loopback address of its own.

Commands, environment, health checks, secrets and templates are those of the file. Addresses (0.0.0.0 and 127.0.0.1 by
the container's own, names of services by theirs) and paths of volumes (by folders of the test) are replaced.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil

from tests.deploy import compose
from tests.deploy.resolver import Resolver
from tests.support.servers import ROOT, START_S, Server, find

STOP_SIGNALS = {"proxy": "SIGQUIT", "postgres": "SIGINT"}
"""The stop signals that the images of nginx and PostgreSQL declare; all others use SIGTERM."""
_POSTGRES_BIN = [str(folder) for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
_PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", *_POSTGRES_BIN])
_DATA_DIR = "/var/lib/hubbub/"
"""The hub's data folder in its image; what is mounted there lies in `data_folder`."""


class Container(Server):
    """One replica of a service."""

    def __init__(self, stack: Stack, service: str, number: int, **environment: str) -> None:
        """`environment`: variables that differ from the file."""
        self._own = stack.folder / f"{service}-{number}"
        self._own.mkdir()
        super().__init__(self._own)
        self.service = service
        self.address = stack.new_address()
        self._stack = stack
        self._definition = stack.services[service]
        self._more_environment = environment
        self._paths = self._mounts()

    def command(self) -> list[str]:
        words = self._definition.get("entrypoint", self._image_entrypoint()) + self._definition["command"]
        return [*self._as_user(), *self._resolved(list(map(self.local, words))), *self._more_words()]

    def environment(self) -> dict[str, str]:
        """None of the test's own variables; other images have none that matters here."""
        # BIND: requests may address it by this name, as by 127.0.0.1 in a container.
        image = {"DATA_DIR": str(self.data_folder), "BIND": self.address} if self._is_hub else {}
        given = {name: self.local(str(value)) for name, value in self._definition.get("environment", {}).items()}
        return {"PATH": _PATH, "HOME": str(self._own), **image, **given, **self._more_environment}

    @property
    def data_folder(self) -> Path:
        """The data folder of a hub; the rest of its container's file system is read-only."""
        return self._own / "data"

    @property
    def _is_hub(self) -> bool:
        return "build" in self._definition

    def start(self) -> None:
        """Starts it, and returns once the health check of the file succeeds."""
        self.begin()
        self.await_health()

    def await_health(self) -> None:
        end = time.monotonic() + START_S
        while not self.is_healthy():
            if self.process is None or self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"{self.service} is not healthy:\n{self.output}")
            time.sleep(0.1)

    def begin(self) -> None:
        """Starts it without waiting."""
        self._prepare()
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                self.command(),
                env=self.environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=ROOT,
                start_new_session=True,
            )
        self._stack.announce()

    def run_once(self, *arguments: str) -> str:
        """What `docker compose run SERVICE ARGUMENTS` prints."""
        words = self._resolved([*self._image_entrypoint(), *arguments])
        done = subprocess.run(
            words,
            env=self.environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=START_S,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def is_healthy(self) -> bool:
        how, *words = self._definition["healthcheck"]["test"]
        words = ["/bin/sh", "-c", *words] if how == "CMD-SHELL" else words
        done = subprocess.run(
            self._resolved(list(map(self.local, words))),
            env=self.environment(),
            cwd=ROOT,
            capture_output=True,
            timeout=30,
        )
        return done.returncode == 0

    def stop(self, number: int | None = None) -> int:
        code = super().stop(number or signal.Signals[STOP_SIGNALS.get(self.service, "SIGTERM")])
        self._stack.announce()
        return code

    def kill(self) -> None:
        """Kills all its processes, as a container ends with its first one.

        Those of PostgreSQL have process groups of their own. While one of them lives, its memory keeps a new server
        from starting.
        """
        assert self.process is not None
        others = psutil.Process(self.process.pid).children(recursive=True)
        for each in (self.process, *others):
            with suppress(psutil.NoSuchProcess):
                each.kill()
        psutil.wait_procs(others, timeout=5)
        self.process.wait(timeout=5)
        self.process = None
        self._stack.announce()

    def local(self, text: str) -> str:
        """The text with the addresses and paths of this machine."""
        # `accounts` names the address on which Mosquitto listens, not its own.
        every = self._stack.addresses["mosquitto"] if self.service == "accounts" else self.address
        addresses = {"0.0.0.0": every, "127.0.0.1": self.address, "127.0.0.11": self._stack.resolver.address}
        named = {f"{name}:": f"{address}:" for name, address in self._stack.addresses.items()}
        paths = {inside: str(here) for inside, here in self._paths.items()}
        known = {**addresses, **named, **paths}
        # In a single pass, so that no replacement is replaced again.
        names = "|".join(rf"{re.escape(name)}(?=\d)" for name in named)
        others = "|".join(rf"{re.escape(other)}(?![\w.-])" for other in [*addresses, *paths])
        return re.sub(rf"(?<![\w.-])(?:{names}|{others})", lambda match: known[match[0]], text)

    def _mounts(self) -> dict[str, Path]:
        """Path in the container -> path here, the deepest first."""
        self.data_folder.mkdir()
        found = {path: self._own / path.strip("/") for path in self._definition["tmpfs"]}
        for text in self._definition.get("volumes", []):
            source, inside = text.split(":")[:2]
            found[inside] = ROOT / source if source.startswith((".", "/")) else self._stack.volume(source)
        for secret in self._definition.get("secrets", []):
            found[f"/run/secrets/{secret}"] = ROOT / self._stack.definition["secrets"][secret]["file"]
        for inside, path in found.items():
            if not path.exists():
                path.mkdir(parents=True)
            if inside.startswith(_DATA_DIR):
                (self.data_folder / inside.removeprefix(_DATA_DIR)).symlink_to(path)
                (path / "incoming").mkdir(exist_ok=True)  # as the engine fills an empty volume from the image
        return dict(sorted(found.items(), key=lambda item: -len(item[0])))

    def _image_entrypoint(self) -> list[str]:
        return compose.image_words("ENTRYPOINT") if self._is_hub else []

    def _resolved(self, words: list[str]) -> list[str]:
        """The words with the program's full path. A missing program skips the test."""
        program = sys.executable if words[0] == "python" else find(words[0], *_POSTGRES_BIN)
        return [program, *words[1:]]

    def _as_user(self) -> list[str]:
        return self._stack.as_postgres if self.service == "postgres" else []

    def _more_words(self) -> list[str]:
        if self.service != "postgres":
            return []
        return ["-D", str(self._stack.database), "-c", "unix_socket_directories=", "-c", "fsync=off"]

    def _prepare(self) -> None:
        """Does what the entrypoints of the other images do before the command."""
        if self.service == "proxy":
            self._fill_templates()
        elif self.service == "mosquitto" and os.getuid() == 0:
            # Mosquitto gives up root, and could not enter a folder of the tests as its own user.
            (self._paths["/srv/mosquitto"] / "conf.d" / "user.conf").write_text("user root\n")

    def _fill_templates(self) -> None:
        environment = self.environment()
        names = [name for name in environment if re.search(environment["NGINX_ENVSUBST_FILTER"], name)]
        variables = " ".join(f"${{{name}}}" for name in names)
        for template in self._paths["/etc/nginx/templates"].glob("*.template"):
            filled = subprocess.run(
                [find("envsubst"), variables],
                env=environment,
                input=template.read_text(),
                capture_output=True,
                text=True,
            )
            assert filled.returncode == 0, filled.stderr
            (Path(environment["NGINX_ENVSUBST_OUTPUT_DIR"]) / template.stem).write_text(filled.stdout)


class Stack:
    """All services of the file, each with its replicas. They run while it is entered."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        secrets = folder / "secrets"
        subprocess.run(["/bin/sh", str(ROOT / "deploy" / "secrets.sh"), str(secrets)], check=True)
        self._network = f"127.{random.randint(16, 250)}.{random.randint(1, 250)}"
        self._last = 9
        self._others = 0
        self.settings = {
            **compose.example_settings(),
            "SECRETS_FOLDER": str(secrets),
            "TLS_FOLDER": str(folder),
            **settings,
        }
        self.definition = compose.read(self.settings)
        self.services: dict[str, dict[str, Any]] = self.definition["services"]
        self.addresses: dict[str, str] = {}
        """Name of a service with a single container -> its address."""
        self.resolver = Resolver(f"{self._network}.2")
        self.containers: dict[str, list[Container]] = {}
        self._postgres = Path(tempfile.mkdtemp(prefix="hubbub-postgres-"))  # its user may not enter `folder`
        self.database = self._postgres / "data"
        self.as_postgres = (
            [find("setpriv"), "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        )
        for service in self._in_order():
            replicas = int(self.services[service].get("deploy", {}).get("replicas", 1))
            self.containers[service] = [Container(self, service, n) for n in range(1, replicas + 1)]
            if replicas == 1:
                self.addresses[service] = self.containers[service][0].address

    def __getitem__(self, service: str) -> Container:
        return self.containers[service][0]

    @property
    def all(self) -> list[Container]:
        """In the order in which they were started."""
        return [container for containers in self.containers.values() for container in containers]

    def __enter__(self) -> Self:
        try:
            self._make_database()
            self._start_in_order()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for container in reversed(self.all):
            container.stop()
            print(f"--- {container.service}\n{container.output[-4_000:]}")
        self.resolver.stop()
        shutil.rmtree(self._postgres, ignore_errors=True)

    def new_address(self) -> str:
        self._last += 1
        return f"{self._network}.{self._last}"

    def volume(self, name: str) -> Path:
        return self.folder / f"volume-{name}"

    def another(self, service: str, **environment: str) -> Container:
        """Another container of the service, with some of its environment changed. The caller stops it."""
        self._others += 1
        return Container(self, service, len(self.containers[service]) + self._others, **environment)

    def announce(self) -> None:
        """Gives the name server the running web containers, as the engine does."""
        self.resolver.addresses = [each.address for each in self.containers.get("web", []) if each.process is not None]

    def manage(self, *arguments: str) -> str:
        """`docker compose run --rm web ARGUMENTS`"""
        return self["web"].run_once(*arguments)

    def _start_in_order(self) -> None:
        """Starts each service as soon as those it depends on are healthy or done."""
        pending, end = list(self.containers), time.monotonic() + 3 * START_S  # all at once
        healthy: set[str] = set()
        while pending or healthy != set(self.containers):
            assert time.monotonic() < end, f"{set(self.containers) - healthy} are not healthy"
            for service in [each for each in pending if self.services[each].get("depends_on", {}).keys() <= healthy]:
                pending.remove(service)
                for container in self.containers[service]:
                    if service == "migrate":
                        container.run_once(*self.services[service]["command"])
                        healthy.add(service)
                    else:
                        container.begin()
            time.sleep(0.1)  # the checks are processes too
            for service in set(self.containers) - healthy - set(pending):
                if all(container.is_healthy() for container in self.containers[service]):
                    healthy.add(service)

    def _in_order(self) -> list[str]:
        """Each service after those it depends on."""
        order: list[str] = []

        def add(service: str) -> None:
            for needed in self.services[service].get("depends_on", {}):
                add(needed)
            if service not in order:
                order.append(service)

        for service in self.services:
            add(service)
        return order

    def _make_database(self) -> None:
        """Does what PostgreSQL's image does at its first start, with the user, database and password of the file."""
        environment = self.services["postgres"]["environment"]
        password = self._postgres / "password"
        shutil.copy(self.folder / "secrets" / "database_password", password)
        if os.getuid() == 0:
            shutil.chown(self._postgres, "postgres")
            shutil.chown(password, "postgres")
        user, name = environment["POSTGRES_USER"], environment["POSTGRES_DB"]
        options = ["-D", str(self.database), "-U", user, "-A", "scram-sha-256", "--pwfile", str(password), "--no-sync"]
        self._as_postgres([find("initdb", *_POSTGRES_BIN), "-E", "UTF8", *options])
        single = [find("postgres", *_POSTGRES_BIN), "--single", "-D", str(self.database), "postgres"]
        self._as_postgres(single, f'CREATE DATABASE "{name}"\n')

    def _as_postgres(self, command: list[str], text: str = "") -> None:
        done = subprocess.run([*self.as_postgres, *command], input=text, capture_output=True, text=True, cwd="/")
        assert done.returncode == 0, done.stderr
