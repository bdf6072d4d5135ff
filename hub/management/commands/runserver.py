from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import runserver

from hub import sockets


class Command(runserver.Command):
    help = "Serves the web side on Daphne, for work on its code: restarts when a file changes. No broker, no worker."

    addr: str  # set by Django's `handle`
    port: str
    default_addr = settings.BIND
    default_port = str(settings.PORT)

    def inner_run(self, *args: Any, **options: Any) -> None:
        """In place of Django's server for WSGI, which has neither WebSockets nor event streams, and breaks off long
        responses. Under the reloader this is not the main thread."""
        from hub import asgi  # here: it patches the servers, which `manage.py` does not need for its other commands
        from hub.daphne import server

        self.check(display_num_errors=True)
        self.check_migrations()
        try:
            sock = sockets.bind(self.addr, int(self.port), "PORT")
        except sockets.PortTaken as error:
            raise CommandError(str(error)) from None
        address = f"[{self.addr}]" if ":" in self.addr else self.addr
        self.stdout.write(f"serving on http://{address}:{self.port}; Ctrl-C stops it")
        self.stdout.flush()
        made = server.make_server(asgi.application, sock, lambda: None)
        made.signal_handlers = not options["use_reloader"]
        made.run()
