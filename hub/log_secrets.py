"""Keeps the addresses of webhooks, which are secrets, out of all logs, including those of the web servers."""

from __future__ import annotations

import logging
import re
from typing import Any

from daphne.server import Server

_SECRET = re.compile(r"(/api/v1/hooks/)[^\s/?#\"']+")


def hidden(text: str) -> str:
    """The text with the secret part of every webhook's address replaced."""
    return _SECRET.sub(r"\1…", text)


class HideSecrets(logging.Filter):
    """Replaces secrets in records; it filters none out."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = _hidden(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(map(_hidden, record.args))
        return True


def hide_in_access_logs() -> None:
    """Covers uvicorn and Daphne, whichever command started them."""
    logging.getLogger("uvicorn.access").addFilter(HideSecrets())
    log = Server.log_action

    def log_action(server: Any, protocol: str, action: str, details: dict[str, Any]) -> None:
        log(server, protocol, action, {name: _hidden(detail) for name, detail in details.items()})

    Server.log_action = log_action


def _hidden(value: Any) -> Any:
    return hidden(value) if isinstance(value, str) else value
