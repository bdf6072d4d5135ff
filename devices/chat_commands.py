"""Where the hub looks for chat commands, in every app: importing it registers ours."""

from devices.rooms.chat import builtin

__all__ = ["builtin"]
