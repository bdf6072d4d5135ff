"""Databases of the tests: migrated once and copied, emptied after a test, and used from this process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import dj_database_url
import django
import psycopg
from django.apps import apps
from django.core.management import call_command
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3.base import DatabaseWrapper as SqliteWrapper

from tests.support.run_folder import made_once

if not apps.ready:  # a benchmark
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
    django.setup()

T = TypeVar("T")

SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
}
_TEMPLATE = "hubbub_migrated"
_KEPT = {"django_migrations", "django_content_type", "auth_permission"}
"""Filled by the migrations, and by no test."""


def in_database(url: str, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """`function(*args)` as `manage.py` would call it with this DATABASE_URL, without the two seconds of its start.

    It runs in a thread of its own, whose connection is to that database; the connections of the test stay as they are.
    """
    outcome: dict[str, Any] = {}

    def work() -> None:
        connections["default"] = connection = _connection(url)
        try:
            outcome["value"] = function(*args, **kwargs)
        except BaseException as error:
            outcome["error"] = error
        finally:
            connection.close()

    thread = threading.Thread(target=work, name="in another database")
    thread.start()
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]  # type: ignore[no-any-return]


def _connection(url: str) -> BaseDatabaseWrapper:
    from django.db.backends.postgresql.base import DatabaseWrapper as PostgresqlWrapper  # loads psycopg

    parsed = {**connections.settings["default"], **dj_database_url.parse(url)}
    is_sqlite = url.startswith("sqlite")
    parsed["OPTIONS"] = SQLITE_OPTIONS if is_sqlite else {}
    base = SqliteWrapper if is_sqlite else PostgresqlWrapper

    class Connection(base):  # type: ignore[valid-type, misc]
        def ensure_connection(self) -> None:
            """Without the block that pytest-django puts on databases of tests that ask for none."""
            if self.connection is None:
                with self.wrap_database_errors:
                    self.connect()

    return Connection(parsed, "default")


def migrated_sqlite() -> Path:
    """A database file in which all migrations have run, to be copied."""
    with made_once("migrated") as (folder, is_new):
        file = folder / "hubbub.sqlite3"
        if is_new:
            migrate(f"sqlite:///{file}")
    return file


def migrated_postgresql(settings: Mapping[str, Any]) -> str:
    """The name of a database in which all migrations have run, on the server of these settings; to be copied."""
    with made_once("migrated-postgresql") as (_, is_new):
        server = f"{settings['USER']}:{settings['PASSWORD']}@{settings['HOST']}:{settings['PORT']}"
        if is_new:
            with psycopg.connect(f"postgres://{server}/{settings['NAME']}", autocommit=True) as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {_TEMPLATE}")
                connection.execute(f"CREATE DATABASE {_TEMPLATE}")
            migrate(f"postgres://{server}/{_TEMPLATE}")
    return _TEMPLATE


def migrate(url: str) -> None:
    in_database(url, call_command, "migrate", verbosity=0, interactive=False)


def empty(connection: BaseDatabaseWrapper) -> None:
    """Deletes all rows but those of the migrations.

    Django's `flush` deletes those too and makes them anew, which takes longer than most of the tests.
    """
    tables = sorted({model._meta.db_table for model in apps.get_models(include_auto_created=True)} - _KEPT)
    quoted = [connection.ops.quote_name(table) for table in tables]
    probe = " UNION ALL ".join(f"SELECT {n} WHERE EXISTS (SELECT 1 FROM {name})" for n, name in enumerate(quoted))
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(probe)
        for (n,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {quoted[n]}")  # in any order: foreign keys are checked at the commit
