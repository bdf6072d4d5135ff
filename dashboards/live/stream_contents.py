"""The contents of a stream, and the groups of the channel layer that it needs for them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from devices.channel import groups as channel_groups

INBOX = "inbox"
"""The stream of what concerns the person themselves; it has no key."""


@dataclass(frozen=True, slots=True)
class StreamContents:
    """Ids of what one stream shows. Of `spaces` it shows the activity in any of their rooms."""

    devices: frozenset[int] = frozenset()
    rooms: frozenset[int] = frozenset()
    spaces: frozenset[int] = frozenset()

    @property
    def groups(self) -> set[str]:
        names = {channel_groups.telemetry(channel_groups.shard_of(device)) for device in self.devices}
        # The rooms of a space are in any shard, and a new one may be made while the stream is watched.
        shards = range(channel_groups.SHARDS) if self.spaces else {channel_groups.shard_of(room) for room in self.rooms}
        return names | {channel_groups.rooms(shard) for shard in shards}
