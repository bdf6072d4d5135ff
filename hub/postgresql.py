"""PostgreSQL connections that do not wait for ever for a server that no longer answers.

Nothing else notices: the kernel of a server that is frozen goes on acknowledging, so TCP finds nothing wrong, and time
limits of PostgreSQL are kept by the server itself.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg

T = TypeVar("T")

PATIENCE_S = 5.0
"""How long a statement runs before we look whether the server is there at all."""
ANSWER_S = 5
"""How long the server may then take to let a new connection in."""


class PatientConnection(psycopg.Connection[Any]):
    """Waits as long as a statement takes, while the server lives: it is asked on another connection now and then.

    Else the connection ends, and the statement with `psycopg.OperationalError`.
    """

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        return super().wait(self._watched(gen), *args, **options)

    def _watched(self, work: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """`work` as it is: it says what it waits for, and is sent what came, several times a second nothing."""
        look_at = time.monotonic() + PATIENCE_S
        try:
            waits_for = next(work)
            while True:
                came = yield waits_for
                if not came and time.monotonic() > look_at:
                    self._look()
                    look_at = time.monotonic() + PATIENCE_S
                waits_for = work.send(came)
        except StopIteration as end:
            result: T = end.value
            return result

    def _look(self) -> None:
        try:
            psycopg.connect(self.info.dsn, connect_timeout=ANSWER_S).close()
        except psycopg.errors.ConnectionTimeout:
            self.pgconn.finish()  # what comes on it still would be taken for the answer to another statement
            raise psycopg.OperationalError("the server does not answer") from None
        except psycopg.OperationalError:
            return  # it refuses us, without the password say: an answer
