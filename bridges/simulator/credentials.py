"""The credentials of the fleet: a file of JSON lines as `manage.py createdevice` prints them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bridges.simulator.kinds import UnknownKind, kind_of
from devices.values import is_uid


class CredentialsError(Exception):
    """An invalid credentials file; the text names the file and the line, never a secret."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The login of a device: its uid as username, its secret as password."""

    uid: str
    secret: str


class _Line(msgspec.Struct):
    uid: str
    secret: str


def read(path: Path) -> list[Credentials]:
    """The devices of a file with lines like `{"uid": "pump-1", "secret": "…"}`. Raises `CredentialsError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CredentialsError(
            f"{path}: no such file; `manage.py createdevice pump-1 --space SLUG` prints its lines"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialsError(f"{path}: {error}") from None
    fleet = list(_parse(text, path))
    if not fleet:
        raise CredentialsError(f"{path}: names no device")
    return fleet


def _parse(text: str, path: Path) -> Iterable[Credentials]:
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            entry = msgspec.json.decode(line, type=_Line)
            kind_of(entry.uid)
        except msgspec.MsgspecError as error:
            raise CredentialsError(f'{where}: expected {{"uid": "…", "secret": "…"}}: {error}') from None
        except UnknownKind as error:
            raise CredentialsError(f"{where}: {error}") from None
        if not is_uid(entry.uid):
            raise CredentialsError(f"{where}: {entry.uid!r} is not a uid: letters, digits, - and _, at most 64")
        if entry.uid in lines:
            # Two connections with one client id would disconnect each other for ever.
            raise CredentialsError(f"{where}: {entry.uid} is already in line {lines[entry.uid]}")
        lines[entry.uid] = number
        yield Credentials(entry.uid, entry.secret)
