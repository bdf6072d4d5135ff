"""Events that reach a hub from another process although its channel layer is in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import InMemoryChannelLayer

from devices.channel import fanout, follower, outside_events
from devices.channel.events import AccountChanged, LoginEnded
from devices.channel.models import OutsideEvent
from devices.channel.outside_events import Reader
from devices.values import now_us
from tests.devices.channel.conftest import RecordingListener

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def reader() -> Iterator[Reader]:
    """One as if in another process: this one goes on storing what it publishes."""
    reader = Reader()
    Reader.open_ones -= 1
    yield reader
    Reader.open_ones += 1
    reader.close()


def test_a_reader_gets_each_event_once_and_in_order(reader: Reader) -> None:
    fanout.publish_from_sync([LoginEnded(7), AccountChanged("pump-1")])
    assert reader.read() == [LoginEnded(7), AccountChanged("pump-1")]
    fanout.publish_from_sync([LoginEnded(8)])
    assert reader.read() == [LoginEnded(8)]
    assert reader.read() == []


def test_a_transaction_that_commits_later_with_a_lower_id_is_not_missed(reader: Reader) -> None:
    for user in (7, 8):
        fanout.publish_from_sync([LoginEnded(user)])
    late = OutsideEvent.objects.order_by("pk").first()
    assert late is not None
    late.delete()
    assert reader.read() == [LoginEnded(8)]
    late.save()
    assert reader.read() == [LoginEnded(7)]


def test_what_was_stored_before_a_reader_is_not_read() -> None:
    fanout.publish_from_sync([LoginEnded(7)])
    OutsideEvent.objects.update(at=now_us() - 1_000_000)
    reader = Reader()
    assert reader.read() == []
    reader.close()


def test_old_events_are_deleted_by_whoever_stores_the_next(reader: Reader) -> None:
    fanout.publish_from_sync([LoginEnded(7)])
    OutsideEvent.objects.update(at=now_us() - outside_events.KEPT_US - 1)
    fanout.publish_from_sync([LoginEnded(8)])
    assert OutsideEvent.objects.count() == 1


def test_an_event_of_another_version_is_left_out(reader: Reader) -> None:
    for message in (b"\x81\xa4type\xa3new", b"\xc1"):
        OutsideEvent.objects.create(at=now_us(), message=message)
    fanout.publish_from_sync([LoginEnded(7)])
    assert reader.read() == [LoginEnded(7)]


def test_nothing_is_stored_with_a_layer_that_reaches_other_processes(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": f"{__name__}.SharedLayer"}}
    fanout.publish_from_sync([LoginEnded(7)])
    assert not OutsideEvent.objects.exists()


class SharedLayer:
    """Stands for Redis."""

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        assert not isinstance(self, InMemoryChannelLayer)


async def test_a_follower_publishes_events_of_others_and_stores_none_of_its_own() -> None:
    listener = RecordingListener()
    await listener.start()
    await listener.join("person.7")
    follower.follow()
    follower.follow()
    await follower.unfollow()
    await sync_to_async(fanout.publish_from_sync)([LoginEnded(7)])
    assert await listener.event() == LoginEnded(7)
    assert not await OutsideEvent.objects.aexists()

    Reader.open_ones -= 1  # what follows is done by another process
    await sync_to_async(outside_events.store)([LoginEnded(7)])
    Reader.open_ones += 1
    assert await listener.event() == LoginEnded(7)
    await follower.unfollow()
    assert Reader.open_ones == 0
    await listener.stop()
