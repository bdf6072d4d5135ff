"""From a CONNECT to the principal of its connection, or to the reason why there is none."""

from __future__ import annotations

import asyncio

from bridges.mqtt.packets import ConnectPacket, ReasonCode

from .authentication import Authenticator, Principal
from .errors import LoginRefused
from .limits import Limits
from .throttled_log import log
from .topics import check_topic

NOT_AUTHORIZED = ReasonCode.NOT_AUTHORIZED
SERVER_UNAVAILABLE = ReasonCode.SERVER_UNAVAILABLE


def check_connect(connect: ConnectPacket, limits: Limits) -> None:
    """Raises `LoginRefused`, or `ProtocolError` for a will on an invalid topic."""
    if connect.will is not None:
        check_topic(connect.will.topic, limits)
    client_id = connect.client_id
    if (not client_id and not connect.clean_start) or len(client_id.encode()) > limits.client_id_bytes:
        raise LoginRefused(ReasonCode.CLIENT_ID_NOT_VALID, "client_id")
    if connect.username is None:
        raise LoginRefused(NOT_AUTHORIZED, "anonymous")


async def authenticate(authenticator: Authenticator, connect: ConnectPacket, limits: Limits) -> Principal:
    """Raises `LoginRefused`."""
    username, password = connect.username, _password(connect)
    if username is None or password is None:
        raise LoginRefused(NOT_AUTHORIZED, "bad_credentials")
    try:
        async with asyncio.timeout(limits.authenticate_timeout_s):
            principal = await authenticator.authenticate(username, password)
    except TimeoutError:
        raise LoginRefused(SERVER_UNAVAILABLE, "authentication_timeout") from None
    except Exception as error:
        # Only the type: the text of an error of the look-up may hold what was looked up.
        log.error("Looking up an account failed: %s", type(error).__name__)
        raise LoginRefused(SERVER_UNAVAILABLE, "authentication_failed") from error
    if principal is None:
        raise LoginRefused(NOT_AUTHORIZED, "bad_credentials")
    if connect.will is not None and not may_publish(principal, connect.will.topic):
        raise LoginRefused(NOT_AUTHORIZED, "foreign_will")
    return principal


def may_publish(principal: Principal, topic: str) -> bool:
    return not topic.startswith("$") and principal.may_publish(topic)


def _password(connect: ConnectPacket) -> str | None:
    """None where it cannot be the secret of anybody: secrets are texts."""
    try:
        return None if connect.password is None else connect.password.decode()
    except UnicodeDecodeError:
        return None
