"""Data folders of hubs: made once a run, and copied for each hub."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from tests.support import databases  # isort: skip - first: it sets Django up where nobody has

from django.conf import global_settings, settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client, override_settings

from devices.log import entries
from devices.log.entries import NewEntry
from devices.models import Space
from devices.rooms import provisioning, read_markers
from devices.spaces import tokens
from devices.values import MessageKind, Origin, now_us
from hub import demo
from tests.support.run_folder import made_once
from tests.support.servers import HubServer

T = TypeVar("T")

DATABASE = "hubbub.sqlite3"


@dataclass(frozen=True)
class Credentials:
    """What a device signs in with."""

    uid: str
    secret: str


class Records:
    """What a test writes into the database of a hub, running or not, without a `manage.py` of its own."""

    def __init__(self, url: str) -> None:
        """`url`: a DATABASE_URL."""
        self.url = url

    def run(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """`function(*args)`, in a thread whose Django works on that database."""
        return databases.in_database(self.url, function, *args, **kwargs)

    def create_devices(self, *uids: str, space: str = demo.SLUG) -> list[Credentials]:
        return self.run(_create_devices, uids, space)

    def create_device(self, uid: str) -> Credentials:
        [made] = self.create_devices(uid)
        return made

    def create_token(self, username: str) -> str:
        return self.run(lambda: tokens.create(get_user_model().objects.get(username=username)))

    def fill_room(self, room_id: int, author: str, *texts: str) -> None:
        """Stores messages of one person, before a page is opened: nothing is sent to pages that are open."""
        self.run(_fill_room, room_id, author, texts)

    def sign_in(self, username: str) -> str:
        """The key of a login session, valid where the hub has the secret key of the template."""
        return self.run(_sign_in, username)


def sqlite_records(data: Path) -> Records:
    return Records(f"sqlite:///{data / DATABASE}")


def make_demo(url: str, data: Path) -> None:
    """The demo space without simulated devices, as the first start of a hub makes it; in a migrated database."""
    data.mkdir(parents=True, exist_ok=True)
    (data / "secret_key").write_text(settings.SECRET_KEY)  # so that `sign_in` makes sessions that the hub takes
    # Not the quick hashes of this process's tests, which no hub knows.
    with override_settings(PASSWORD_HASHERS=global_settings.PASSWORD_HASHERS):
        databases.in_database(url, demo.prepare, data, HubServer.PASSWORD, simulated=False)


def copy_template(data: Path) -> None:
    """Makes `data` the data folder of a hub that has been started once."""
    with made_once("template") as (folder, is_new):
        if is_new:
            shutil.copy(databases.migrated_sqlite(), folder / DATABASE)
            make_demo(f"sqlite:///{folder / DATABASE}", folder)
    shutil.copytree(folder, data, dirs_exist_ok=True)


def _create_devices(uids: tuple[str, ...], slug: str) -> list[Credentials]:
    space = Space.objects.get(slug=slug)
    return [Credentials(uid, provisioning.create_device(uid, space)[1]) for uid in uids]


def _fill_room(room_id: int, username: str, texts: tuple[str, ...]) -> None:
    author = User.objects.get(username=username)
    new = partial(
        NewEntry, room_id=room_id, kind=MessageKind.CHAT, origin=Origin.PERSON, by=author.username, author_id=author.pk
    )
    with transaction.atomic():
        messages = entries.append([new(at=now_us(), text=text) for text in texts]).messages
        read_markers.move(author, messages[-1].room, messages[-1].seq)  # a person who posts has read what is before


def _sign_in(username: str) -> str:
    client = Client()
    client.force_login(User.objects.get(username=username))
    return client.cookies[settings.SESSION_COOKIE_NAME].value
