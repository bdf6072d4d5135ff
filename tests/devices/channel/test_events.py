from __future__ import annotations

import msgspec
import pytest

from devices.channel import groups
from devices.channel.events import (
    AccountChanged,
    AvailabilityChanged,
    CommandChanged,
    CommandsQueued,
    DeviceMoved,
    EncodedReadings,
    Event,
    LoginEnded,
    MetricsChanged,
    PersonChanged,
    StreamChanged,
    TelemetryStored,
    from_message,
    to_message,
)

EVENTS: list[Event] = [
    TelemetryStored(
        shard=3,
        parts=(EncodedReadings(19, "pump-1", '{"a":[[1,2]]}'), EncodedReadings(35, "pump-2", '{"b":[[1,"é"]]}')),
    ),
    TelemetryStored(shard=0, parts=(), received_at=1_760_000_000_000_000),
    AvailabilityChanged(device_id=19, uid="pump-1", status="online", at=1_700_000_000_000_000),
    CommandChanged(
        device_id=19,
        uid="pump-1",
        id="abc",
        name="set",
        args={"speed": [1, None, {"a": True}]},
        status="succeeded",
        result={"speed": 40},
        error="",
        by="bob",
        at=1_700_000_000_000_000,
        expires_at=1_700_000_030_000_000,
        late=False,
    ),
    CommandsQueued(),
    LoginEnded(user_id=7),
    DeviceMoved(device_id=19),
    MetricsChanged(device_id=19),
    StreamChanged(stream="dashboard:3"),
    AccountChanged(uid="pump-1"),
    PersonChanged(user_id=7),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_survives_the_channel_layer(event: Event) -> None:
    """Redis carries msgpack, which has neither tuples nor classes."""
    message = msgspec.msgpack.decode(msgspec.msgpack.encode(to_message(event)))
    assert from_message(message) == event


def test_no_two_events_share_a_type() -> None:
    kinds = {type(event) for event in EVENTS}
    assert len({kind.type for kind in kinds}) == len(kinds)


def test_events_of_a_device_travel_in_the_group_of_its_shard() -> None:
    group = groups.telemetry(groups.shard_of(19))
    assert [event.group for event in EVENTS[:4]] == [group, groups.telemetry(0), group, group]


def test_the_end_of_a_login_goes_to_one_person_only() -> None:
    assert LoginEnded(7).group != LoginEnded(8).group


FOREIGN = [
    {"type": "websocket.send"},
    {"type": "login_ended"},
    {"type": "telemetry"},
    {"type": "telemetry", "shard": 1, "parts": [[19, "pump-1", "{}"]]},
    {"type": "telemetry", "shard": 1, "parts": b"\xc1"},
    {"type": "telemetry", "shard": 1, "parts": msgspec.msgpack.encode([["pump-1", 19, "{}"]])},
]


@pytest.mark.parametrize("message", [{}, *FOREIGN])
def test_a_foreign_message_is_rejected(message: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError)):
        from_message(message)
