"""Passwords of people whom commands create: typed at a terminal; without one generated, and printed once."""

from __future__ import annotations

import secrets
import sys
from getpass import getpass
from typing import IO, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError


def for_new_person(username: str) -> str | None:
    """A password for a person who does not exist yet, else `None`. Raises `CommandError` for a weak or mistyped one."""
    if get_user_model().objects.filter(username=username).exists():
        return None
    return _ask(username) if sys.stdin.isatty() else secrets.token_urlsafe(12)


def print_generated(output: IO[str] | Any, password: str | None) -> None:
    """Prints the password if it was generated."""
    if password is not None and not sys.stdin.isatty():
        output.write(f"password: {password}")


def _ask(username: str) -> str:
    password = getpass(f"Password for {username}: ")
    try:
        validate_password(password)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None
    if getpass("Again: ") != password:
        raise CommandError("the two passwords differ")
    return password
