"""Names of channel-layer groups, built from numbers alone.

Channels' own check of group names lets a trailing newline and non-Latin digits through, so no text from
outside ever becomes part of one.
"""

SHARDS = 4
"""Over how many groups the devices' events are spread, and the rooms': a batch costs at most so many layer messages."""

COMMANDS = "commands"
"""Wakes the outbound bridges."""

RIGHTS = "rights"
"""Tells those who show devices to people that some may be watched by others from now on."""

ACCOUNTS = "accounts"
"""Tells brokers who may sign in from now on, and whose login has ended."""


def shard_of(id: int) -> int:
    """The shard of a device, or of a room, by its id."""
    return id % SHARDS


def telemetry(shard: int) -> str:
    """The group of all that is heard from the devices of a shard."""
    return f"telemetry.{shard}"


def rooms(shard: int) -> str:
    """The group of all that happens in the rooms of a shard."""
    return f"rooms.{shard}"


def person(user_id: int) -> str:
    """The group of what concerns one person's connections."""
    return f"person.{user_id}"
