from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from devices.commands import lifecycle, lookup
from devices.models import Device
from devices.runtime import database
from tests.devices.commands.stored import stored_command

pytestmark = pytest.mark.django_db(transaction=True)


def test_queued_commands_are_found_oldest_first_up_to_a_limit(pump: Device) -> None:
    queued = [stored_command(pump), stored_command(pump)]
    stored_command(pump, "sent")
    stored_command(pump, "queued", timeout_s=-1)
    assert lookup.queued("main", 10) == queued
    assert lookup.queued("main", 1) == queued[:1]


async def test_a_command_of_a_deleted_person_is_shown_without_a_name(bob: User, pump: Device) -> None:
    command = await lifecycle.issue(bob, "pump-1", "set", {})
    await bob.adelete()
    [found] = await database.run(lookup.recent, pump)
    assert (found["id"], found["by"]) == (command.id, "")
