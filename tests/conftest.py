"""Characters with fixed rights, and a device to act on; how the tests are spread over processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from channels.layers import channel_layers
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import connections

from devices.channel import fanout
from devices.models import Device, Member, Space
from devices.rooms import provisioning, rates
from devices.values import Role

_LONGEST = ("deploy", "faults", "devices/test_on_postgresql.py", "paths", "hub", "bridges/rest", "dashboards/live")
"""What takes longest, below this folder. It begins first, so that no process works on alone at the end."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: much of the time of the tests is waiting."""
    return len(os.sched_getaffinity(0)) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """The tests of a file stay together, and so do those of `deploy`, which share a stack of ten containers.

    Not xdist's own groups: 3.8 writes them into the ids of tests, from where pytest 9.2 does not read them.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "tests/deploy" if file.startswith("tests/deploy/") else file

    return Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    path = item.path.relative_to(Path(__file__).parent).as_posix()
    return next((place for place, start in enumerate(_LONGEST) if path.startswith(start)), len(_LONGEST))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A database file of this run alone: two runs beside each other would delete each other's."""
    database = connections["default"]
    if database.vendor == "sqlite":
        database.settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Making four people would take two seconds a test with the slow hash of production."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def fresh_channel_layer() -> Iterator[None]:
    """A layer kept from another test belongs to that test's event loop."""
    channel_layers.backends.clear()
    fanout._untaken.clear()  # what that test's layer did not take
    yield
    channel_layers.backends.clear()


@pytest.fixture(autouse=True)
def fresh_rates() -> None:
    """Another test's people have the same ids."""
    rates._over.clear()
    rates._repeats.clear()


@pytest.fixture(autouse=True)
def files_folder(tmp_path: Path, settings: Any) -> Path:
    """Where the files of rooms are kept, made with the first of them."""
    folder = tmp_path / "files"
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
