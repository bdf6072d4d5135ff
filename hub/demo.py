"""The demo space, created at the first start unless DEMO=0: something to see, and users to sign in as."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import msgspec
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from bridges.simulator.fleet import DEMO_FLEET
from dashboards.demo import create_demo_dashboard
from devices.errors import Invalid
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
    """Data for the start-up message.

    `password` and `secret` are those that this start has generated: only the first one does. The files keep them;
    without a generated password there is no `password_file`.
    """

    password: str | None
    password_file: Path
    secret: str | None
    secret_file: Path


def prepare(data_dir: Path, password: str | None, *, simulated: bool) -> Demo:
    """Creates whatever is missing of the demo space.

    The users created here get `password` whenever it is set; without it, the first start generates one. Another person
    with the same name keeps their own password and gets no rights.
    """
    password_file, secret_file = data_dir / "demo.password", data_dir / f"{FIRST_DEVICE}.secret"
    with transaction.atomic():
        space, first = Space.objects.get_or_create(slug=SLUG, defaults={"name": "Demo"})
        generated = secrets.token_urlsafe(9) if first and not password else None
        if first:
            rooms.create(space, rooms.GENERAL)
            _create_people(space)
        if generated:
            _write_private(password_file, f"{generated}\n")
        elif password:
            password_file.unlink(missing_ok=True)  # it no longer is the password
        if either := generated or password:
            _set_password(either)
        if simulated:
            _equip_simulator(space, simulator_credentials(data_dir))
        secret = _create_first_device(space, secret_file) if first else None
    return Demo(generated, password_file, secret, secret_file)


def check_password_strength(password: str) -> None:
    """Raises `Invalid` for a password that is easily guessed: the names of the demo users are known to everybody."""
    for username in PEOPLE:
        try:
            validate_password(password, get_user_model()(username=username))
        except ValidationError as error:
            raise Invalid(" ".join(error.messages)) from None


def remaining_users() -> list[str]:
    """The demo users of an earlier start who can still sign in."""
    people = get_user_model().objects.filter(groups__name=GROUP, is_active=True)
    return sorted(people.values_list("username", flat=True))


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
