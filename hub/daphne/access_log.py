"""Daphne's access log without secrets."""

from __future__ import annotations

from typing import Any

from daphne.server import Server

from hub.log_secrets import hidden

_log_action = Server.log_action


def patch() -> None:
    """Hides the secret addresses of webhooks in the access log.

    Failure: `daphne --access-log` writes the whole path of each request, past Python's logging and its filters, so the
    address of a webhook, which is its only secret, would stand in a file.
    Unnecessary once Daphne writes its access log through `logging` (it does not in 4.2.3; no issue asks for it).
    """
    Server.log_action = _log_without_secrets


def _log_without_secrets(server: Any, protocol: str, action: str, details: dict[str, Any]) -> None:
    _log_action(server, protocol, action, {name: _without_secrets(detail) for name, detail in details.items()})


def _without_secrets(detail: Any) -> Any:
    return hidden(detail) if isinstance(detail, str) else detail
