"""The counters of the broker: one flat mapping of names, with the reason after a dot."""

from __future__ import annotations

from collections import Counter

GAUGES = ("connections", "signed_in", "sessions", "subscriptions", "retained_messages", "retained_bytes")
"""Names of current numbers. All others only grow."""

COUNTS = (
    "accepted_connections",
    "accepted_logins",
    "received_messages",
    "delivered_messages",  # PUBLISH packets sent, repeats not counted
    "redelivered_messages",  # PUBLISH packets sent again with DUP after a reconnect
    "refused_publishes",
    "state_write_failures",  # of the file with sessions and retained messages
    "state_set_aside",  # 1: that file could not be read at the start, so that all of them are lost
)

REFUSED_LOGINS = {
    "anonymous": "no user name",
    "bad_credentials": "wrong user name or password",
    "protocol_version": "a version of MQTT other than 3.1, 3.1.1 and 5",
    "authentication_method": "an authentication method, none of which is offered",
    "client_id": "client id missing in a persistent session of MQTT 3.1.1",
    "foreign_will": "will on a topic that the account may not publish to",
    "invalid_will": "will on a topic that is not valid, or with such a response topic",
    "throttled": "too many wrong secrets came from this network; the account was not looked up",
    "too_many_logins": "too many logins are in progress",
    "too_many_connections": "too many connections are signed in",
    "too_many_sessions": "the account has as many connected sessions as it may have",
    "authentication_timeout": "the account look-up took too long",
    "authentication_failed": "the account look-up failed",
}

REFUSED_SUBSCRIPTIONS = {
    "foreign": "filter outside of what the account may subscribe to",
    "invalid": "not a valid filter, too long or too deep",
    "too_many": "the session has as many subscriptions as it may have",
}

CLOSED = {
    "disconnected": "the client disconnected",
    "disconnected_with_will": "the client disconnected and asked for its will to be published",
    "connection_lost": "the connection broke, or was closed without a DISCONNECT",
    "truncated_packet": "the connection ended within a packet",
    "keepalive_timeout": "nothing arrived for one and a half keep-alive times",
    "connect_timeout": "no CONNECT packet came in time",
    "login_refused": "the login was refused",
    "taken_over": "the same account connected with the same client id",
    "account_disconnected": "the hub ended the connections of the account",
    "stopped": "the broker stops",
    "stalled": "the client read nothing for too long",
    "tls_handshake": "the TLS handshake failed, or did not finish in time",
    "evicted": "it had sent no CONNECT packet, and newer connections needed the room",
    "packet_too_large": "a packet is larger than allowed",
    "slow_packet": "a message that is too large arrived too slowly to read past it",
    "malformed_packet": "a packet does not follow MQTT",
    "invalid_topic": "a topic is empty, too long, too deep or holds a wildcard or NUL",
    "unexpected_packet": "a packet that a client does not send at this point",
    "protocol_error": "a packet that MQTT does not allow at this point",
    "topic_alias": "a topic alias that is larger than the broker allows",
    "second_connect": "a second CONNECT on one connection",
    "too_many_in_flight": "more messages are open than allowed",
    "internal_error": "an error in the broker, see the log",
}

DROPPED = {
    "slow_qos0": "the session's queue is full; the client is connected",
    "slow_qos1": "the session's queue is full; the client is connected",
    "offline_qos0": "the session's client is offline; QoS 0 does not wait for it",
    "offline_qos1": "the session's queue is full; its client is offline",
    "wills": "earlier wills of the account are not stored yet",
    "too_large": "the payload is larger than allowed; it was read past and acknowledged",
    "expired": "its time had passed before the client took it",
    "forbidden": "the account may not receive it any more; its rights changed while the message was queued",
    "client_maximum": "the message is larger than its receiver accepts",
    "retained_full": "not kept as retained message, though delivered to those subscribed",
}


def new_stats() -> Counter[str]:
    """All names at zero, so that a metric is there before its first event."""
    reasons = {
        "refused_logins": REFUSED_LOGINS,
        "refused_subscriptions": REFUSED_SUBSCRIPTIONS,
        "closed": CLOSED,
        "dropped": DROPPED,
    }
    names = [*GAUGES, *COUNTS, *(f"{group}.{reason}" for group, texts in reasons.items() for reason in texts)]
    return Counter(dict.fromkeys(names, 0))
