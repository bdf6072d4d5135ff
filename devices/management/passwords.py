"""Passwords of people whom commands make: asked for at a terminal; without one made up, and printed once."""

from __future__ import annotations

import secrets
import sys
from getpass import getpass
from typing import IO, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError


def of_new(username: str) -> str | None:
    """A password for the person, or `None` where they are known. Raises `CommandError` for a weak or mistyped one."""
    if get_user_model().objects.filter(username=username).exists():
        return None
    return _ask(username) if sys.stdin.isatty() else secrets.token_urlsafe(12)


def show(output: IO[str] | Any, password: str | None) -> None:
    """Prints a password that nobody has typed."""
    if password is not None and not sys.stdin.isatty():
        output.write(f"password: {password}")


def _ask(username: str) -> str:
    password = getpass(f"Password of {username}: ")
    try:
        validate_password(password)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None
    if getpass("Again: ") != password:
        raise CommandError("the two passwords differ")
    return password
