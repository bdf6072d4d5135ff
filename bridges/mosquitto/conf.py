"""The text of `mosquitto.conf`, and where the files it names are. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from string import Template

MAX_IN_FLIGHT = 2_000
"""Messages sent to a client and not acknowledged. The bridge acknowledges after the commit, a batch at a time."""
MAX_QUEUED_MESSAGES = 1_000_000
"""Messages kept for a client that is away or behind: 16 minutes of an absent bridge at 1,000 messages/s."""
MAX_QUEUED_BYTES = 512 << 20
"""Payloads kept for one client; whichever of the two bounds is met first counts."""
MAX_PAYLOAD = 2 * 128 * 1024
"""Twice the payload that the hub takes, so that what is somewhat too large is refused by name and counted there."""

_CONF = Template("""\
# Written by `manage.py exportmosquitto`, and overwritten by it. Put what you add into $additions/*.conf: it is read
# last, and a number there replaces the one here. A listener with TLS goes there whole, its `listener` line with its
# certificates: what belongs to a listener does not reach from one file into another.

$listeners
# Without this small packets wait for each other, up to 40 ms.
set_tcp_nodelay true

# Every device signs in with its uid and secret and is held to devices/<uid>/#. Both files are read again on SIGHUP.
allow_anonymous false
password_file $passwords
acl_file $acl
pid_file $pid_file

# Sessions, queued and retained messages. With the default, a save every 30 minutes, a broker that is killed loses all
# that it acknowledged since. Each save writes all there is.
persistence true
persistence_location $data/
$save
autosave_interval 1
# A client that stays away longer, the bridge too, loses its session and what is queued in it.
persistent_client_expiration 14d

# Kept for each client that is away or behind, the bridge above all; what is beyond is dropped without a word, so it
# has to hold (messages a second) x (seconds of the longest outage of a bridge). A million messages of 100 bytes take
# about 400 MB of memory. Bytes count payloads; of the two bounds the one that is met first counts.
max_queued_messages $max_queued_messages
max_queued_bytes $max_queued_bytes
# Sent to a client and not yet acknowledged. The bridge acknowledges a batch when it is stored: the default, 20, would
# make every batch 20 messages.
max_inflight_messages $max_in_flight

# Bytes of a payload. The hub takes 131072 and refuses more by name on the device's page; Mosquitto drops what is
# beyond this without telling the hub.
message_size_limit $max_payload

include_dir $additions
""")


class Save(Enum):
    """When Mosquitto writes its state. Stopped with SIGTERM it always does."""

    CHANGES = "changes"
    """After each round of its loop that changed something: what was acknowledged a moment ago is on the disk. Costs
    the more the more is queued."""
    SECONDS = "seconds"
    """Every one to two seconds, whatever changed: as fast as without, and a broker that is killed loses these."""


_SAVES = {
    Save.CHANGES: "# After each round of the loop that changed something.\nautosave_on_changes true",
    Save.SECONDS: "# Every one to two seconds; a broker that is killed loses what it acknowledged in them.\n"
    "autosave_on_changes false",
}


@dataclass(frozen=True, slots=True)
class Listener:
    host: str
    port: int

    def __str__(self) -> str:
        return f"listener {self.port} {self.host}\n"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are: what we write in `folder`, what Mosquitto writes in `data`. Both absolute."""

    folder: Path
    data: Path

    @property
    def conf(self) -> Path:
        return self.folder / "mosquitto.conf"

    @property
    def passwords(self) -> Path:
        return self.folder / "passwords"

    @property
    def acl(self) -> Path:
        return self.folder / "acl"

    @property
    def additions(self) -> Path:
        """A folder for the operator's own settings."""
        return self.folder / "conf.d"

    @property
    def pid_file(self) -> Path:
        """Mosquitto's own: it writes it when it is up."""
        return self.data / "mosquitto.pid"


def conf(layout: Layout, listener: Listener, bridge: Listener | None = None, save: Save = Save.CHANGES) -> str:
    """The configuration of a Mosquitto that listens at `listener`, and at `bridge` for the bridges alone.

    With one listener for all, a device may sign in under the bridge's client id and end its session.
    """
    return _CONF.substitute(
        listeners=_listeners(listener, bridge),
        save=_SAVES[save],
        passwords=layout.passwords,
        acl=layout.acl,
        pid_file=layout.pid_file,
        data=layout.data,
        additions=layout.additions,
        max_queued_messages=MAX_QUEUED_MESSAGES,
        max_queued_bytes=MAX_QUEUED_BYTES,
        max_in_flight=MAX_IN_FLIGHT,
        max_payload=MAX_PAYLOAD,
    )


def _listeners(listener: Listener, bridge: Listener | None) -> str:
    if bridge is None:
        return str(listener)
    return (
        f"# For bridges, which have more than one session. Keep it out of the devices' reach.\n{bridge}\n"
        "# For devices: each is known by its uid, whatever client id it names, so that none can take over the session\n"
        f"# of another or of the bridge.\n{listener}use_username_as_clientid true\n"
    )
