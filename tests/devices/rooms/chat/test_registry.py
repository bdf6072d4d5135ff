from __future__ import annotations

from collections.abc import Iterator

import pytest

from devices.errors import Invalid
from devices.models import Device, Room, Space
from devices.rooms import rooms
from devices.rooms.chat import Call, command, registry


@pytest.fixture(autouse=True)
def restored_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removes the commands that a test has registered."""
    monkeypatch.setattr(registry, "_commands", dict(registry._commands))


@pytest.fixture
def general(space: Space) -> Iterator[Room]:
    return rooms.create(space, "General")  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("/help", ("help", "")),
        ("/HELP", ("help", "")),
        ("/set speed 40", ("set", "speed 40")),
        ("/set\tspeed\n40", ("set", "speed\n40")),
        ("/turn-on  now ", ("turn-on", "now")),
        ("/nobody-knows", ("nobody-knows", "")),
        ("help", None),
        ("/", None),
        ("/ help", None),
        ("//", None),
        ("//help", None),
        ("/etc/passwd", None),
        ("/2 of it", None),
        ("/-", None),
        ("/.", None),
        ("/hé", None),
        ("/" + "x" * 33, None),
        ("a /help", None),
    ],
)
def test_a_chat_command_is_a_slash_and_a_name(text: str, parts: tuple[str, str] | None) -> None:
    assert registry.split(text) == parts


def test_a_command_of_another_app_is_found_and_listed(general: Room) -> None:
    @command("weather", "/weather CITY", "what the sky does")
    def weather(call: Call) -> str:
        return f"{call.arguments}: rain"

    found = registry.find("weather", general)
    assert (found.usage, found.help, found.for_device) == ("/weather CITY", "what the sky does", False)
    assert found in list(registry.known(general))


def test_a_command_name_can_be_registered_only_once() -> None:
    with pytest.raises(ValueError, match="/help"):
        command("help")(lambda call: None)


@pytest.mark.parametrize("name", ["", "Help", "a b", "1st", "-a", "é", "x" * 33, "a\n"])
def test_a_command_name_that_cannot_be_typed_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        command(name)(lambda call: None)


def test_a_room_without_a_device_offers_no_device_commands(general: Room, pump: Device) -> None:
    assert [one.name for one in registry.known(general)] == ["help", "who"]
    assert [one.name for one in registry.known(pump.room)] == ["call", "chart", "get", "help", "set", "status", "who"]
    with pytest.raises(Invalid, match="room of a device"):
        registry.find("set", general)


@pytest.mark.parametrize(
    ("typed", "hint"), [("sett", "/set"), ("char", "/chart"), ("halp", "/help"), ("xyzzy", "/help lists")]
)
def test_an_unknown_command_is_refused_with_the_nearest_name(pump: Device, typed: str, hint: str) -> None:
    with pytest.raises(Invalid, match=rf"no command /{typed}: .*{hint}"):
        registry.find(typed, pump.room)
