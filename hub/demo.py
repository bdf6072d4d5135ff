"""The demo space: made at the first start, so that there is something to see and somebody to sign in as."""

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
from dashboards.services import create_demo_dashboard
from devices.models import Device, Space
from devices.registry import devices
from devices.registry.accounts import authenticate
from devices.rooms import provisioning, rooms
from devices.values import Role

SLUG = "demo"
FIRST_DEVICE = "my-device"
GROUP = "hubbub demo"
"""Of the users made here: by it a later start knows them from people of the same names."""
PEOPLE: dict[str, Role | None] = {
    "alice": Role.MANAGER,
    "bob": Role.OPERATOR,
    "carol": Role.VIEWER,
    "mallory": None,  # signs in and sees nothing: shows that membership decides
}


@dataclass(frozen=True, slots=True)
class Demo:
    """What the start-up message tells. `password` and `secret` are set at the first start alone."""

    password: str | None
    secret: str | None
    secret_file: Path


def prepare(data_dir: Path, password: str | None, *, simulated: bool) -> Demo:
    """Makes what is missing of the demo space.

    `password` (the setting) is given to the users made here whenever it is set; without it the first start makes one
    up. Somebody else of the same name keeps their own password and gets no rights.
    """
    secret_file = data_dir / f"{FIRST_DEVICE}.secret"
    with transaction.atomic():
        space, first = Space.objects.get_or_create(slug=SLUG, defaults={"name": "Demo"})
        if first:
            rooms.create(space, rooms.GENERAL)
            password = password or secrets.token_urlsafe(9)
            _make_people(space)
        if password:
            _set_password(password)
        if simulated:
            _equip_simulator(space, simulator_credentials(data_dir))
        secret = _make_first_device(space, secret_file) if first else None
    return Demo(password, secret, secret_file)


def simulator_credentials(data_dir: Path) -> Path:
    """What the simulated devices know of themselves, as a real one keeps its secret in its flash."""
    return data_dir / "simulator.jsonl"


def _make_people(space: Space) -> None:
    group, _ = Group.objects.get_or_create(name=GROUP)
    for username, role in PEOPLE.items():
        user, is_new = get_user_model().objects.get_or_create(username=username)
        if not is_new:
            continue
        user.groups.add(group)
        if role is not None:
            provisioning.set_role(space, user, role)


def _set_password(password: str) -> None:
    """All share one hash: to make one takes half a second, and so does to check one. Who has it stays signed in."""
    people = get_user_model().objects.filter(groups__name=GROUP)
    hashes = people.values_list("password", flat=True).distinct()
    others = [known for known in hashes if not known or not check_password(password, known)]
    if others:
        people.filter(password__in=others).update(password=make_password(password))


def _make_first_device(space: Space, secret_file: Path) -> str:
    _, secret = provisioning.create_device(FIRST_DEVICE, space, "My first device")
    _write_private(secret_file, secret)
    return secret


def _equip_simulator(space: Space, file: Path) -> None:
    """Every device of the demo fleet has an account and its secret in `file`.

    What does not fit gets new secrets: the file may be lost, or of another database.
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
