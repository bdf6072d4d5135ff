from __future__ import annotations

from devices.channel import groups


def test_every_shard_is_used_and_no_other() -> None:
    assert {groups.shard_of(device_id) for device_id in range(1, 100)} == set(range(groups.SHARDS))
