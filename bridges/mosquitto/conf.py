"""The text of `mosquitto.conf`, and the paths of the files it names. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from string import Template

MAX_IN_FLIGHT = 2_000
"""Unacknowledged messages per client. The bridge acknowledges after the commit, a batch at a time."""
MAX_QUEUED_MESSAGES = 1_000_000
"""Messages queued for a client that is disconnected or slow: 16 minutes without a bridge at 1,000 messages/s."""
MAX_QUEUED_BYTES = 512 << 20
"""Payload bytes queued for one client; the bound that is reached first counts."""
MAX_PAYLOAD = 4 << 20
"""A bridge of a convention lists all of its devices in one message. Of a device the hub accepts less, and can refuse by
name what is too large."""

_CONF = Template("""\
# Written by `manage.py exportmosquitto`, which overwrites it. Put your own settings into $additions/*.conf: those files
# are read last, and a number there replaces the one here. Put a listener with TLS there as a whole, its `listener` line
# with its certificates: settings of a listener do not reach from one file into another.

$listeners
# Without this, small packets wait for each other, up to 40 ms.
set_tcp_nodelay true

# Every device signs in with its uid and secret and is confined to devices/<uid>/#. Both files are read again on SIGHUP.
allow_anonymous false
password_file $passwords
acl_file $acl
pid_file $pid_file

# Sessions, queued and retained messages. With the default, a save every 30 minutes, a broker that is killed loses
# everything it has acknowledged since. Each save writes the whole state.
persistence true
persistence_location $data/
$save
autosave_interval 1
# A client that stays away longer, even the bridge, loses its session and the messages queued in it.
persistent_client_expiration 14d

# Queued for each client that is disconnected or slow, the bridge above all. Messages beyond it are silently dropped, so
# it has to hold (messages a second) x (seconds of the longest outage of a bridge). A million messages of 100 bytes take
# about 400 MB of memory. Bytes count payloads only; the bound that is reached first counts.
max_queued_messages $max_queued_messages
max_queued_bytes $max_queued_bytes
# Unacknowledged messages per client. The bridge acknowledges a batch when it is stored: the default, 20, would limit
# every batch to 20 messages.
max_inflight_messages $max_in_flight

# Bytes of a payload. The hub accepts 131072 of a device and shows larger ones as refused on its page; the list of all
# devices of a Zigbee bridge is larger. Mosquitto drops anything beyond this limit, and the hub never learns of it.
message_size_limit $max_payload

include_dir $additions
""")


class SavePolicy(Enum):
    """When Mosquitto writes its state to the disk. On SIGTERM it always does."""

    CHANGES = "changes"
    """After each round of its loop that changed something: what it acknowledged a moment ago is on the disk. The longer
    its queues, the more each save costs."""
    SECONDS = "seconds"
    """Every one to two seconds: as fast as without saving, and a broker that is killed loses what it received since."""


_SAVES = {
    SavePolicy.CHANGES: "# After each round of the loop that changed something.\nautosave_on_changes true",
    SavePolicy.SECONDS: "# Every one to two seconds; a broker that is killed loses what it acknowledged since.\n"
    "autosave_on_changes false",
}


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """An address for Mosquitto to listen on; as text, the line of its configuration."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"listener {self.port} {self.host}\n"


@dataclass(frozen=True, slots=True)
class Listeners:
    """Where devices and bridges connect; as text, the lines of the configuration.

    `bridges` may be None: then bridges use a listener of the operator's own, as with TLS. `is_shared` has bridges
    connect where devices do. Each of them has several sessions, so client ids have to be accepted there as they are,
    and a device can end the session of another one.
    """

    devices: ListenAddress
    bridges: ListenAddress | None = None
    is_shared: bool = False

    def __str__(self) -> str:
        if self.is_shared:
            return f"{_SHARED}{self.devices}"
        return f"{_FOR_BRIDGES}{self.bridges}\n{self._for_devices}" if self.bridges else self._for_devices

    @property
    def _for_devices(self) -> str:
        return f"{_FOR_DEVICES}{self.devices}use_username_as_clientid true\n"


_FOR_BRIDGES = "# For bridges, each of which has more than one session. Keep devices from reaching it.\n"
_FOR_DEVICES = (
    "# For devices. Each is known by its uid, whatever client id it sends, so that no device can take over the\n"
    "# session of another one or of the bridge.\n"
)
_SHARED = (
    "# For devices and bridges. A device that knows the client id of another one can end its session and delete what\n"
    "# waits in it; those of bridges cannot be guessed.\n"
)


@dataclass(frozen=True, slots=True)
class MosquittoPaths:
    """The hub writes into `folder`, Mosquitto into `data`. Both are absolute."""

    folder: Path
    data: Path

    @property
    def conf(self) -> Path:
        """The configuration, which names all the others."""
        return self.folder / "mosquitto.conf"

    @property
    def passwords(self) -> Path:
        """The password file."""
        return self.folder / "passwords"

    @property
    def acl(self) -> Path:
        """The access control list."""
        return self.folder / "acl"

    @property
    def additions(self) -> Path:
        """The folder for the operator's own settings."""
        return self.folder / "conf.d"

    @property
    def pid_file(self) -> Path:
        """Mosquitto writes it once it runs."""
        return self.data / "mosquitto.pid"


def render(paths: MosquittoPaths, listeners: Listeners, save: SavePolicy = SavePolicy.CHANGES) -> str:
    """The configuration of a Mosquitto."""
    return _CONF.substitute(
        listeners=listeners,
        save=_SAVES[save],
        passwords=paths.passwords,
        acl=paths.acl,
        pid_file=paths.pid_file,
        data=paths.data,
        additions=paths.additions,
        max_queued_messages=MAX_QUEUED_MESSAGES,
        max_queued_bytes=MAX_QUEUED_BYTES,
        max_in_flight=MAX_IN_FLIGHT,
        max_payload=MAX_PAYLOAD,
    )
