from __future__ import annotations

from devices.models import Device
from devices.registry import senders


def test_unknown_uids_are_left_out_and_repeated_ones_do_no_harm(pump: Device) -> None:
    sender = senders.Sender(pump.id, "pump-1", pump.space_id, "unknown", "", 0, "device", "", 0)
    assert senders.by_uid(["pump-1", "nobody", "pump-1"]) == {"pump-1": sender}
    assert senders.by_uid([]) == {}
