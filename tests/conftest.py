"""Characters with fixed rights, and a device to act on; how the tests are spread over processes."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from channels.layers import channel_layers
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import connections
from django.test import TransactionTestCase

from devices.models import Device, Member, Space
from devices.refusals import unstored
from devices.rooms import provisioning
from devices.values import Role
from tests.support import recorder
from tests.support.databases import empty, migrated_postgresql, migrated_sqlite
from tests.support.run_folder import run_folder


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two per processor, as the tests spend half of their time waiting."""
    return 2 * len(os.sched_getaffinity(0))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """The tests of a scope stay together.

    Not xdist's own groups: 3.8 writes them into the ids of tests, from where pytest 9.2 does not read them.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return recorder.scope(nodeid)

    return Together(config, log)


def pytest_configure(config: pytest.Config) -> None:
    recorder.register(config)
    run_folder()  # here, so that the processes of xdist share it
    TransactionTestCase._fixture_teardown = lambda self: empty(connections["default"])


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """On PostgreSQL only what is marked `both_databases` runs; all else need not even be loaded."""
    if connections["default"].vendor == "sqlite" or collection_path.suffix != ".py":
        return None
    marked_by_folder = collection_path.is_relative_to(Path(__file__).parent / "devices")
    return None if marked_by_folder or "both_databases" in collection_path.read_text() else True


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if connections["default"].vendor != "sqlite":
        other = [item for item in items if not (item.get_closest_marker("both_databases") and _uses_database(item))]
        config.hook.pytest_deselected(items=other)
        items[:] = [item for item in items if item not in set(other)]
    recorded = recorder.recorded()
    items.sort(key=lambda item: -recorded.get(recorder.scope(item.nodeid), recorder.UNKNOWN_S))


def _uses_database(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    return item.get_closest_marker("django_db") is not None or "db" in fixtures or "transactional_db" in fixtures


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    tmp_path_factory: pytest.TempPathFactory, django_db_modify_db_settings_parallel_suffix: None
) -> None:
    """A copy of a migrated database, for this process only. Nothing has to survive a failure of the machine."""
    database = connections["default"]
    if database.vendor == "postgresql":
        database.settings_dict["TEST"]["TEMPLATE"] = migrated_postgresql(database.settings_dict)
    if database.vendor == "sqlite":
        file = tmp_path_factory.mktemp("database") / "test.sqlite3"
        shutil.copy(migrated_sqlite(), file)
        database.settings_dict["TEST"]["NAME"] = str(file)
        database.settings_dict["OPTIONS"]["init_command"] += " PRAGMA synchronous=OFF;"


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """It goes with the folder, or with the server, of this run."""
    return True


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Making four people would take two seconds a test with the slow hash of production."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def fresh_channel_layer() -> Iterator[None]:
    """A layer kept from another test belongs to that test's event loop."""
    channel_layers.backends.clear()
    yield
    channel_layers.backends.clear()


@pytest.fixture(autouse=True)
def current_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another test remembered belongs to its own database."""
    monkeypatch.setattr(unstored, "SHARED_S", 0.0)


_FOLDERS = itertools.count()


@pytest.fixture(autouse=True)
def files_folder(tmp_path_factory: pytest.TempPathFactory, settings: Any) -> Path:
    """Where the files of rooms are kept, made with the first of them: most tests have none."""
    folder = tmp_path_factory.getbasetemp() / f"files-{next(_FOLDERS)}"
    kept = settings.STORAGES["default"]
    options = {**kept["OPTIONS"], "location": folder}
    settings.STORAGES = {**settings.STORAGES, "default": {**kept, "OPTIONS": options}}
    return folder


@pytest.fixture
def space(db: None) -> Space:
    """Readings are kept for ever, so that tests may give them any time."""
    return Space.objects.create(slug="garden", name="Garden", raw_days=0, minute_days=0)


def _person(username: str, space: Space | None = None, role: Role | None = None) -> User:
    user = get_user_model().objects.create_user(username, password=f"{username}'s password")
    if space is not None and role is not None:
        Member.objects.create(space=space, user=user, role=role)
    return user


@pytest.fixture
def alice(space: Space) -> User:
    """Manager of the space."""
    return _person("alice", space, Role.MANAGER)


@pytest.fixture
def bob(space: Space) -> User:
    """Operator in the space."""
    return _person("bob", space, Role.OPERATOR)


@pytest.fixture
def carol(space: Space) -> User:
    """Viewer in the space."""
    return _person("carol", space, Role.VIEWER)


@pytest.fixture
def mallory(db: None) -> User:
    """Signs in, and is a member of nothing."""
    return _person("mallory")


@pytest.fixture
def pump(space: Space) -> Device:
    device, _ = provisioning.create_device("pump-1", space, "Irrigation pump")
    return device
