"""Names of channel-layer groups, built from numbers only.

Channels' own check of group names accepts a trailing newline and non-Latin digits, so text from outside never becomes
part of one.
"""

SHARDS = 4
"""Groups over which the events of devices, and those of rooms, are spread: a batch costs at most as many messages."""

COMMANDS = "commands"
"""Events that wake the outbound bridges."""

RIGHTS = "rights"
"""Events after which other people may watch a device or a stream."""

ACCOUNTS = "accounts"
"""Events for brokers: devices and people that may sign in from now on, or no longer, or have other rights."""

SOURCES = "sources"
"""Events after which bridges read the sources and the brokers from the database again."""


def shard_of(id: int) -> int:
    """The shard of the device or the room with this id."""
    return id % SHARDS


def telemetry(shard: int) -> str:
    """The group of everything that the devices of a shard report."""
    return f"telemetry.{shard}"


def rooms(shard: int) -> str:
    """The group of everything that happens in the rooms of a shard."""
    return f"rooms.{shard}"


def person(user_id: int) -> str:
    """The group of the events for one person's connections."""
    return f"person.{user_id}"
