"""The bounds of the broker. Every queue, table and packet has one; what happens at it is counted in `Broker.stats`."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

MAX_PACKET_ID = 65_535
MAX_KEEP_ALIVE_S = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """Bounds of what the broker holds for one MQTT session. A principal may carry its own as `limits`.

    Messages beyond `queue_messages` or `queue_bytes` are dropped, the newest first, and counted. `pool_bytes`: what all
    sessions with the same limits may hold together; 0: each of them has `queue_bytes` for itself.
    """

    queue_messages: int = 500
    queue_bytes: int = 1 << 20  # payloads and topics, waiting or in flight
    in_flight: int = 32  # QoS 1 and 2 messages sent and not acknowledged; the others wait in the queue
    subscriptions: int = 32
    pool_bytes: int = 0

    def __post_init__(self) -> None:
        _check_positive(self)
        if self.in_flight > MAX_PACKET_ID:
            raise ValueError(f"in_flight is at most {MAX_PACKET_ID}, the number of packet ids")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLimits:
    """Bounds of an account that acts for many devices. A principal may carry its own as `account_limits`.

    What it retains does not count against the bounds of the whole broker.
    """

    payload_bytes: int
    retained_messages: int
    retained_bytes: int

    def __post_init__(self) -> None:
        _check_positive(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of the whole broker; times in seconds, sizes in bytes."""

    connections: int = 10_000  # signed in
    newcomers: int = 256  # connections without a CONNECT yet; the oldest are closed
    newcomers_per_network: int = 64
    newcomer_grace_s: float = 0.25  # how long there may be more, so that a whole fleet may connect at once
    logins: int = 1_000  # in progress; further ones are refused
    logins_per_network: int = 500
    look_ups_per_network: int = 32  # at once; further logins of the network wait
    refusal_delay_s: float = 2.0  # before a login that is refused without a look-up learns of it
    delayed_refusals: int = 512  # of which so many wait; the oldest are sent earlier
    sessions_per_account: int = 4
    connect_timeout_s: float = 5.0  # from accepting to the whole CONNECT packet
    authenticate_timeout_s: float = 10.0
    stall_timeout_s: float = 10.0  # a client that reads nothing for so long is disconnected
    payload_bytes: int = 131_072  # a larger one is read past and acknowledged
    excerpt_bytes: int = 200  # of the beginning of such a one, for the sink
    skip_grace_s: float = 30.0  # for reading past one, and a second more for each `skip_bytes_s` of it
    skip_bytes_s: int = 65_536
    sink_messages: int = 1_000  # of one account, QoS 1 and 2, that the sink has not finished; then it is not read
    sink_bytes: int = 1 << 20
    sink_wills: int = 4  # of one account, besides these; further ones are dropped
    receive_maximum: int = 1_000  # QoS 1 and 2 messages of one MQTT 5 connection, and QoS 2 of any, not completed
    control_bytes: int = 8_192  # CONNECT (with client id and will), SUBSCRIBE, UNSUBSCRIBE; all but PUBLISH of MQTT 5
    property_bytes: int = 8_192  # of a PUBLISH
    topic_aliases: int = 16  # of one connection, in each direction
    session_expiry_s: int = 30 * 86_400  # a session without a connection ends after so long at the latest
    keep_alive_s: int = MAX_KEEP_ALIVE_S  # MQTT 5 clients that ask for more, or for none, get this
    topic_bytes: int = 256  # topics and filters
    topic_levels: int = 16
    queued_bytes: int = 256 << 20  # in the queues of all sessions together, those with limits of their own left out
    retained_messages: int = 10_000
    retained_bytes: int = 16 << 20
    account_retained_messages: int = 64
    account_retained_bytes: int = 256 << 10
    session: SessionLimits = field(default_factory=SessionLimits)

    def __post_init__(self) -> None:
        _check_positive(self)


def _check_positive(limits: SessionLimits | AccountLimits | Limits) -> None:
    for each in fields(limits):
        value = getattr(limits, each.name)
        if isinstance(value, int | float) and value <= 0 and each.name != "pool_bytes":
            raise ValueError(f"{each.name} must be more than zero, not {value}")
