"""A PostgreSQL server of the tests' own, on a free port, with its files in a folder that is removed afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.support.servers import START_S, Server, find

_DEBIAN = [str(folder) for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]


class Postgres(Server):
    """`url` is of its database. PostgreSQL will not run as root, so there it runs as the user postgres."""

    READY = "ready to accept connections"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._initdb, self._postgres = find("initdb", *_DEBIAN), find("postgres", *_DEBIAN)
        # Not in `folder`, which its user may not enter.
        self._data = Path(tempfile.mkdtemp(prefix="hubbub-postgres-"))
        if os.getuid() == 0:
            shutil.chown(self._data, "postgres")
        self._run(self._initdb, "-D", str(self._data), "-A", "trust", "-U", "hubbub", "-E", "UTF8", "--no-sync")

    @property
    def url(self) -> str:
        return f"postgres://hubbub@127.0.0.1:{self.port}/postgres"

    def command(self) -> list[str]:
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [*self._as_user(), self._postgres, "-D", str(self._data), "-p", str(self.port), *settings]

    def stop(self, number: int = signal.SIGINT) -> int:
        """A fast shutdown: clients are cut off. After SIGTERM it would wait until they disconnect."""
        return super().stop(number)

    def remove(self) -> None:
        """Ends it and deletes its files."""
        if self.process is not None:
            self.thaw()
        self.stop()
        shutil.rmtree(self._data)

    def _signal(self, number: int) -> None:
        """To all its processes."""
        main = int((self._data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        for pid in [main, *map(int, children)]:
            os.kill(pid, number)

    def _run(self, *command: str) -> None:
        subprocess.run([*self._as_user(), *command], check=True, capture_output=True, timeout=START_S, cwd="/")

    @staticmethod
    def _as_user() -> list[str]:
        return [find("setpriv"), "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
