"""Connections that distinguish a slow server from one that no longer answers."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest

from hub import postgresql
from hub.postgresql import PatientConnection
from tests.support.postgres import Postgres


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    server = Postgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.remove()


@pytest.fixture
def connection(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[PatientConnection]:
    monkeypatch.setattr(postgresql, "PATIENCE_S", 0.3)
    monkeypatch.setattr(postgresql, "ANSWER_S", 2)
    with PatientConnection.connect(postgres.url, autocommit=True) as found:
        yield found


def test_a_statement_may_be_slow_while_the_server_answers(connection: PatientConnection) -> None:
    assert connection.execute("SELECT 7 FROM pg_sleep(1.5)").fetchone() == (7,)


def test_a_large_statement_and_its_large_result_pass(connection: PatientConnection) -> None:
    text = "x" * 20_000_000
    assert connection.execute("SELECT %s::text", [text]).fetchone() == (text,)


def test_a_server_that_refuses_the_connection_counts_as_alive(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "PATIENCE_S", 0.3)
    with psycopg.connect(postgres.url, autocommit=True) as owner:
        owner.execute("CREATE ROLE guest LOGIN CONNECTION LIMIT 1")
    with PatientConnection.connect(postgres.url, user="guest", autocommit=True) as connection:
        assert connection.execute("SELECT 7 FROM pg_sleep(1.5)").fetchone() == (7,)


def test_the_connection_ends_if_the_server_does_not_answer(connection: PatientConnection, postgres: Postgres) -> None:
    postgres.freeze()
    start = time.monotonic()
    try:
        with pytest.raises(psycopg.OperationalError, match="does not answer"):
            connection.execute("SELECT 1")
    finally:
        postgres.thaw()
    assert connection.closed
    assert time.monotonic() - start < 30
