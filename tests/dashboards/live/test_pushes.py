from __future__ import annotations

from dashboards.live import pushes
from devices.channel.events import AvailabilityChanged, CommandChanged, EncodedReadings, Entry


def test_parts_of_one_device_become_one() -> None:
    parts = [
        EncodedReadings(1, "pump-1", '{"a":[[1,2.5],[2,"x"]],"b":[[1,true]]}'),
        EncodedReadings(1, "pump-1", '{"a":[[3,4]],"c":[[3,5]]}'),
    ]
    assert pushes.concatenate(parts) == EncodedReadings(
        1, "pump-1", '{"a":[[1,2.5],[2,"x"],[3,4]],"b":[[1,true]],"c":[[3,5]]}'
    )


def test_times_of_pushes_are_milliseconds() -> None:
    assert pushes.availability(AvailabilityChanged(1, "pump-1", "online", 1_700_000_000_123_456)).text == (
        '{"type":"availability","device":"pump-1","status":"online","at":1700000000123}'
    )
    changed = CommandChanged(
        1, "pump-1", "abc", "set", {"on": True}, "failed", None, "jammed", "bob", 1_000_999, 31_000_999, False
    )
    assert pushes.command(changed).text == (
        '{"type":"command","device":"pump-1","id":"abc","name":"set","args":{"on":true},"status":"failed",'
        '"result":null,"error":"jammed","by":"bob","at":1000,"expires_at":31000,"late":false}'
    )


def test_a_message_is_joined_without_encoding_it_again_and_knows_its_position() -> None:
    json = '{"seq":812,"kind":"chat","author":"alice","text":"Hello"}'
    frame = pushes.message(Entry(5, 1, 812, 1_000_999, True, 3, "alice", "Hello", (), json))
    assert frame.text == '{"type":"message","room":5,"seq":812,"kind":"chat","author":"alice","text":"Hello"}'
    assert (frame.room_id, frame.seq) == (5, 812)
    assert pushes.logged(5, frame.message).text == frame.text
