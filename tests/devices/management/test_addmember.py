from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from devices.access import role_in
from devices.management import passwords
from devices.models import Device, Space
from devices.values import Role


def run(*arguments: str) -> list[str]:
    output = StringIO()
    call_command("addmember", *arguments, stdout=output)
    return output.getvalue().splitlines()


def test_the_password_of_a_new_person_is_generated_and_printed_once(space: Space, pump: Device) -> None:
    first, second = run("dave", "--space", "garden", "--role", "operator")
    assert first == "dave is operator of the space garden"
    dave = User.objects.get(username="dave")
    assert dave.check_password(second.removeprefix("password: "))
    assert role_in(dave, space.pk) == Role.OPERATOR
    assert pump.room.messages.get().by == "dave"


def test_the_default_role_is_viewer(space: Space, mallory: User) -> None:
    assert run("mallory", "--space", "garden") == ["mallory is viewer of the space garden"]
    assert role_in(mallory, space.pk) == Role.VIEWER
    assert mallory.check_password("mallory's password")


def test_a_member_changes_their_role(space: Space, alice: User, bob: User) -> None:
    run("bob", "--space", "garden", "--role", "manager")
    assert role_in(bob, space.pk) == Role.MANAGER


def test_at_a_terminal_it_asks_for_the_password(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(passwords, "getpass", lambda prompt: "correct horse battery")
    assert run("dave", "--space", "garden") == ["dave is viewer of the space garden"]
    assert User.objects.get(username="dave").check_password("correct horse battery")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["dave", "--space", "nowhere"], "nowhere"),
        (["two words", "--space", "garden"], "two words"),
        (["dave", "--space", "garden", "--role", "king"], "king"),
    ],
)
def test_an_invalid_argument_is_named_and_creates_nobody(space: Space, arguments: list[str], named: str) -> None:
    with pytest.raises(CommandError, match=named):
        run(*arguments)
    assert not User.objects.exists()


def test_the_last_manager_stays(space: Space, alice: User) -> None:
    with pytest.raises(CommandError, match="manager"):
        run("alice", "--space", "garden", "--role", "viewer")
    assert role_in(alice, space.pk) == Role.MANAGER
