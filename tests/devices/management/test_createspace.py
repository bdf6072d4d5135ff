from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from devices.access import Action, may
from devices.management import passwords
from devices.models import Space

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> list[str]:
    output = StringIO()
    call_command("createspace", *arguments, stdout=output)
    return output.getvalue().splitlines()


@pytest.fixture
def at_terminal(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that are typed, in order."""
    typed: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(passwords, "getpass", lambda prompt: typed.pop(0))
    return typed


def signed_in(username: str, password: str) -> Any:
    return get_user_model().objects.get(username=username).check_password(password)


def test_it_creates_a_manager_and_prints_the_password_once() -> None:
    first, second = run("lab", "--name", "The lab", "--manager", "anna")
    assert first == "anna manages the space lab"
    assert signed_in("anna", second.removeprefix("password: "))
    space = Space.objects.get(slug="lab")
    assert space.name == "The lab"
    assert may(User.objects.get(username="anna"), Action.MANAGE, space.pk)


def test_a_manager_of_one_space_has_no_rights_in_another(space: Space) -> None:
    run("lab", "--manager", "anna")
    assert not may(User.objects.get(username="anna"), Action.WATCH, space.pk)


def test_an_existing_person_keeps_their_password(bob: User) -> None:
    assert run("lab", "--manager", "bob") == ["bob manages the space lab"]
    assert signed_in("bob", "bob's password")
    assert may(bob, Action.MANAGE, Space.objects.get(slug="lab").pk)


def test_at_a_terminal_it_asks_twice_and_does_not_print_the_password(at_terminal: list[str]) -> None:
    at_terminal += ["correct horse battery"] * 2
    assert run("lab", "--manager", "anna") == ["anna manages the space lab"]
    assert signed_in("anna", "correct horse battery")


@pytest.mark.parametrize("typed", [["12345678", "12345678"], ["correct horse battery", "correct house battery"]])
def test_a_weak_or_mistyped_password_creates_nothing(at_terminal: list[str], typed: list[str]) -> None:
    at_terminal += typed
    with pytest.raises(CommandError):
        run("lab", "--manager", "anna")
    assert not Space.objects.exists()
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("slug", "name", "manager"),
    [("no slug", "", "anna"), ("garden", "", "anna"), ("lab", "x" * 121, "anna"), ("lab", "", "two words")],
)
def test_an_invalid_argument_creates_nothing(space: Space, slug: str, name: str, manager: str) -> None:
    with pytest.raises(CommandError):
        run(slug, "--name", name, "--manager", manager)
    assert list(Space.objects.all()) == [space]
    assert not User.objects.exists()
