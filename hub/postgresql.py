"""PostgreSQL connections that do not wait for ever for a server that no longer answers.

Nothing else notices such a server: the kernel of a frozen machine keeps acknowledging, so TCP finds nothing wrong, and
PostgreSQL's own time limits are enforced by the server itself.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg

T = TypeVar("T")

PATIENCE_S = 5.0
"""How long a statement runs before the connection checks whether the server still answers."""
ANSWER_S = 5
"""How long the server may then take to accept a new connection."""


class PatientConnection(psycopg.Connection[Any]):
    """Waits for a statement as long as the server accepts another connection, which is checked every `PATIENCE_S`.

    If it does not, the connection is closed and the statement raises `psycopg.OperationalError`.
    """

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        return super().wait(self._watched(gen), *args, **options)

    def _watched(self, work: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """Passes everything through: `work` yields what it waits for and is sent each event, often an empty one."""
        check_at = time.monotonic() + PATIENCE_S
        try:
            waits_for = next(work)
            while True:
                event = yield waits_for
                if not event and time.monotonic() > check_at:
                    self._check()
                    check_at = time.monotonic() + PATIENCE_S
                waits_for = work.send(event)
        except StopIteration as end:
            result: T = end.value
            return result

    def _check(self) -> None:
        try:
            psycopg.connect(self.info.dsn, connect_timeout=ANSWER_S).close()
        except psycopg.errors.ConnectionTimeout:
            self.pgconn.finish()  # a late answer on it would be read as the answer to another statement
            raise psycopg.OperationalError("the server does not answer") from None
        except psycopg.OperationalError:
            return  # refused, for want of a password perhaps, but it answered
