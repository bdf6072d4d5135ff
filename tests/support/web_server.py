"""The hub's web side on Daphne or uvicorn, over the tests' own database."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
from django.conf import settings
from django.db import connections

from tests.support.servers import Server, SharedServers


class WebServer(Server):
    """`kind` is `daphne` or `uvicorn`, both with short times (`tests/support/serve.py`), or `plain daphne` or `plain
    uvicorn`, as people start them. With `quick ` before it, the deadlines of requests are short, and an account has few
    connections."""

    def __init__(self, kind: str, folder: Path, **more: str) -> None:
        """`more`: settings of its own."""
        super().__init__(folder)
        self.kind = kind
        self.data = folder / "data"
        self.data.mkdir(exist_ok=True)
        (self.data / "secret_key").write_text(settings.SECRET_KEY)  # which signs the tests' logins
        self._more = more

    def command(self) -> list[str]:
        if self.kind == "plain daphne":
            return [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(self.port), "hub.asgi:application"]
        if self.kind == "plain uvicorn":
            options = ["--host", "127.0.0.1", "--port", str(self.port), "--lifespan", "off"]
            return [sys.executable, "-m", "uvicorn", *options, "hub.asgi:application"]
        kind, quick = self.kind.removeprefix("quick "), self.kind.startswith("quick ")
        options = ["--quick-deadlines"] if quick else []
        return [sys.executable, "-m", "tests.support.serve", kind, str(self.port), *options]

    def environment(self) -> dict[str, str]:
        database = connections["default"].settings_dict
        url = f"sqlite:///{database['NAME']}"
        if connections["default"].vendor == "postgresql":
            url = f"postgres://{database['USER']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
        own = {"PORT": str(self.port), "DATABASE_URL": url, "DATA_DIR": str(self.data)}
        return {**os.environ, "DJANGO_SETTINGS_MODULE": "hub.settings", **own, **self._more}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def live_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/"

    @property
    def memory(self) -> int:
        """Bytes that no other process shares: what is mapped of files is not counted."""
        assert self.process is not None
        found = psutil.Process(self.process.pid).memory_info()
        return int(found.rss - found.shared)


WebServers = SharedServers[WebServer]


def web_servers(folder: Path, **more: str) -> WebServers:
    """One of each kind for all tests of a file; `with` it."""

    def make(kind: str) -> WebServer:
        (folder / kind).mkdir()
        return WebServer(kind, folder / kind, **more)

    return WebServers(make)
