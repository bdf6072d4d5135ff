from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from devices.models import Device, Space
from devices.registry.accounts import authenticate


def run(*arguments: str) -> list[str]:
    output = StringIO()
    call_command("createdevice", *arguments, stdout=output)
    return output.getvalue().splitlines()


def test_each_line_describes_a_device_that_can_sign_in(space: Space) -> None:
    lines = [json.loads(line) for line in run("pump-1", "pump-2", "--space", "garden")]
    assert [line["uid"] for line in lines] == ["pump-1", "pump-2"]
    for line in lines:
        assert line.keys() == {"uid", "secret"}
        device = authenticate(line["uid"], line["secret"])
        assert device is not None
        assert device.space_id == space.id


def test_one_device_may_have_a_name(space: Space) -> None:
    run("pump-1", "--space", "garden", "--name", "Irrigation pump")
    assert Device.objects.get().name == "Irrigation pump"
    with pytest.raises(CommandError, match="--name"):
        run("pump-2", "pump-3", "--space", "garden", "--name", "Pump")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("pump-1", "--space", "attic"), "attic"),
        (("pump-1",), "--space"),
        (("--space", "garden"), "uid"),
        (("a b", "--space", "garden"), "a b"),
        (("pump-1", "pump-1", "--space", "garden"), "taken"),
    ],
)
def test_an_invalid_argument_is_named_and_creates_nothing(space: Space, arguments: tuple[str, ...], named: str) -> None:
    with pytest.raises(CommandError, match=named):
        run(*arguments)
    assert not Device.objects.exists()


def test_either_all_devices_are_created_or_none(space: Space) -> None:
    output = StringIO()
    with pytest.raises(CommandError, match="no/slash"):
        call_command("createdevice", "pump-1", "no/slash", "--space", "garden", stdout=output)
    assert not Device.objects.exists()
    assert output.getvalue() == ""
