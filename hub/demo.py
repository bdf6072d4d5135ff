"""The demo space, created at the first start, so that there is something to see and a user to sign in as."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import msgspec
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import Group
from django.db import transaction

from bridges.simulator.fleet import DEMO_FLEET
from dashboards.demo import create_demo_dashboard
from devices.models import Device, Space
from devices.registry import devices
from devices.registry.accounts import authenticate
from devices.rooms import provisioning, rooms
from devices.values import Role

SLUG = "demo"
FIRST_DEVICE = "my-device"
GROUP = "hubbub demo"
"""The group of the users created here: it distinguishes them from others with the same names at later starts."""
PEOPLE: dict[str, Role | None] = {
    "alice": Role.MANAGER,
    "bob": Role.OPERATOR,
    "carol": Role.VIEWER,
    "mallory": None,  # can sign in but sees nothing: shows that membership decides
}


@dataclass(frozen=True, slots=True)
class Demo:
    """Data for the start-up message. `secret` is set only at the first start, `password` also if the setting is."""

    password: str | None
    secret: str | None
    secret_file: Path


def prepare(data_dir: Path, password: str | None, *, simulated: bool) -> Demo:
    """Creates whatever is missing of the demo space.

    The users created here get `password` whenever it is set; without it, the first start generates one. Another person
    with the same name keeps their own password and gets no rights.
    """
    secret_file = data_dir / f"{FIRST_DEVICE}.secret"
    with transaction.atomic():
        space, first = Space.objects.get_or_create(slug=SLUG, defaults={"name": "Demo"})
        if first:
            rooms.create(space, rooms.GENERAL)
            password = password or secrets.token_urlsafe(9)
            _create_people(space)
        if password:
            _set_password(password)
        if simulated:
            _equip_simulator(space, simulator_credentials(data_dir))
        secret = _create_first_device(space, secret_file) if first else None
    return Demo(password, secret, secret_file)


def simulator_credentials(data_dir: Path) -> Path:
    """The file with the secrets of the simulated devices, as a real device keeps its secret in flash."""
    return data_dir / "simulator.jsonl"


def _create_people(space: Space) -> None:
    group, _ = Group.objects.get_or_create(name=GROUP)
    for username, role in PEOPLE.items():
        user, is_new = get_user_model().objects.get_or_create(username=username)
        if not is_new:
            continue
        user.groups.add(group)
        if role is not None:
            provisioning.set_role(space, user, role)


def _set_password(password: str) -> None:
    """All share one hash, because hashing or checking a password takes half a second.

    Users who have this password already keep their hash and so stay signed in.
    """
    people = get_user_model().objects.filter(groups__name=GROUP)
    hashes = people.values_list("password", flat=True).distinct()
    others = [known for known in hashes if not known or not check_password(password, known)]
    if others:
        people.filter(password__in=others).update(password=make_password(password))


def _create_first_device(space: Space, secret_file: Path) -> str:
    _, secret = provisioning.create_device(FIRST_DEVICE, space, "My first device")
    _write_private(secret_file, secret)
    return secret


def _equip_simulator(space: Space, file: Path) -> None:
    """Ensures that every device of the demo fleet has an account, with its secret in `file`.

    Devices whose secrets do not match get new ones: the file may be lost, or belong to another database.
    """
    lines = file.read_text().splitlines() if file.exists() else []
    secrets_of = {entry["uid"]: entry["secret"] for entry in map(msgspec.json.decode, filter(str.strip, lines))}
    missing = [demo for demo in DEMO_FLEET if authenticate(demo.uid, secrets_of.get(demo.uid, "")) is None]
    for demo in missing:
        known = Device.objects.filter(uid=demo.uid).first()
        secret = devices.rotate_secret(known) if known else provisioning.create_device(demo.uid, space, demo.name)[1]
        secrets_of[demo.uid] = secret
    if missing:
        entries = [msgspec.json.encode({"uid": uid, "secret": secret}).decode() for uid, secret in secrets_of.items()]
        _write_private(file, "\n".join(entries) + "\n")
        create_demo_dashboard(space)


def _write_private(file: Path, text: str) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(text)
