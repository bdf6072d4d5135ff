"""The embedded broker of MQTT 3.1, 3.1.1 and 5. It knows accounts, topics and messages, not devices."""

from .authentication import Authenticator, Principal
from .broker import Broker
from .limits import AccountLimits, Limits, SessionLimits
from .sink import Done, ForbiddenRequest, Published, Sink, Unaccepted
from .tls import TlsListener

__all__ = [
    "AccountLimits",
    "Authenticator",
    "Broker",
    "Done",
    "ForbiddenRequest",
    "Limits",
    "Principal",
    "Published",
    "SessionLimits",
    "Sink",
    "TlsListener",
    "Unaccepted",
]
