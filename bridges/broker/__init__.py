"""The embedded MQTT 3.1.1 broker. It knows accounts, topics and messages, not devices."""

from .authentication import Authenticator, Principal
from .broker import Broker
from .limits import Limits, SessionLimits
from .sink import Done, Published, Sink

__all__ = ["Authenticator", "Broker", "Done", "Limits", "Principal", "Published", "SessionLimits", "Sink"]
