"""The addresses of webhooks are secrets: they stay out of every log of ours, and of the servers that we run on."""

from __future__ import annotations

import logging
import re
from typing import Any

_SECRET = re.compile(r"(/api/v1/hooks/)[^\s/?#\"']+")


def hidden(text: str) -> str:
    return _SECRET.sub(r"\1…", text)


class HideSecrets(logging.Filter):
    """Changes records and lets all of them through."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = _hidden(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(map(_hidden, record.args))
        return True


def hide_in_access_logs() -> None:
    """Those of uvicorn and Daphne, started by whatever command."""
    from daphne.server import Server  # not at the top: settings name this module, and Twisted takes long to load

    logging.getLogger("uvicorn.access").addFilter(HideSecrets())
    log = Server.log_action

    def log_action(server: Any, protocol: str, action: str, details: dict[str, Any]) -> None:
        log(server, protocol, action, {name: _hidden(detail) for name, detail in details.items()})

    Server.log_action = log_action


def _hidden(value: Any) -> Any:
    return hidden(value) if isinstance(value, str) else value
