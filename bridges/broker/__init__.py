"""The embedded MQTT 3.1.1 broker. It knows accounts, topics and messages, nothing of devices."""

from .accounts import Accounts, Principal
from .broker import Broker
from .limits import Limits, SessionLimits
from .sink import Done, Published, Sink

__all__ = ["Accounts", "Broker", "Done", "Limits", "Principal", "Published", "SessionLimits", "Sink"]
