"""Chat commands: messages that begin with `/`.

Another app adds a command with the decorator `command`, in its module `chat_commands`, which is found by itself.
"""

from devices.rooms.chat.registry import Call, command

__all__ = ["Call", "command"]
