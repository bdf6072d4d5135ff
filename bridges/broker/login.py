"""From a CONNECT to the principal of its connection, or to the reason why there is none."""

from __future__ import annotations

import asyncio
from collections import Counter

from bridges.mqtt.packets import ConnectPacket, ReasonCode, Version
from devices.runtime.login_throttle import LoginThrottle

from .authentication import Authenticator, Principal, loses_foreign_wills
from .errors import LoginRefused, ProtocolError
from .limits import Limits
from .throttled_log import log
from .topics import check_response_topic, check_topic

NOT_AUTHORIZED = ReasonCode.NOT_AUTHORIZED
SERVER_UNAVAILABLE = ReasonCode.SERVER_UNAVAILABLE
SERVER_BUSY = ReasonCode.SERVER_BUSY


def check_connect(connect: ConnectPacket, limits: Limits) -> None:
    """Raises `LoginRefused`, or `ProtocolError` for a will on an invalid topic, which only MQTT 5 has a code for."""
    if connect.will is not None:
        try:
            check_topic(connect.will.topic, limits)
            check_response_topic(connect.will.properties)
        except ProtocolError:
            if connect.version is Version.V5:
                raise LoginRefused(ReasonCode.TOPIC_NAME_INVALID, "invalid_will") from None
            raise
    if not connect.client_id and not connect.clean_start and connect.version is not Version.V5:
        raise LoginRefused(ReasonCode.CLIENT_ID_NOT_VALID, "client_id")
    if connect.authentication_method is not None:
        raise LoginRefused(ReasonCode.BAD_AUTHENTICATION_METHOD, "authentication_method")
    if connect.username is None:
        raise LoginRefused(NOT_AUTHORIZED, "anonymous")


class Logins:
    """The logins in progress. A network that tries many accounts waits for its own look-ups, and others do not."""

    def __init__(self, authenticator: Authenticator, limits: Limits, throttle: LoginThrottle) -> None:
        self._authenticator = authenticator
        self._limits = limits
        self._throttle = throttle
        self._in_progress: Counter[str] = Counter()  # per network
        self._look_ups: dict[str, asyncio.Semaphore] = {}

    async def authenticate(self, connect: ConnectPacket, network: str) -> Principal:
        """Raises `LoginRefused`."""
        username, password = connect.username, _password(connect)
        if username is None or password is None:
            raise LoginRefused(NOT_AUTHORIZED, "bad_credentials")
        try:
            principal = await self._admitted(username, password, network)
        except LoginRefused as refusal:
            if refusal.reason == "bad_credentials" and connect.version is Version.V5:
                refusal.code = ReasonCode.BAD_USER_NAME_OR_PASSWORD
            raise
        if has_foreign_will(principal, connect) and not loses_foreign_wills(principal):
            raise LoginRefused(NOT_AUTHORIZED, "foreign_will")
        return principal

    async def _admitted(self, username: str, password: str, network: str) -> Principal:
        running = self._in_progress
        if running.total() >= self._limits.logins or running[network] >= self._limits.logins_per_network:
            raise LoginRefused(SERVER_BUSY, "too_many_logins")
        running[network] += 1
        look_ups = self._look_ups.setdefault(network, asyncio.Semaphore(self._limits.look_ups_per_network))
        try:
            async with asyncio.timeout(self._limits.authenticate_timeout_s), look_ups:
                return await self._checked(username, password, network)
        except TimeoutError:
            raise LoginRefused(SERVER_UNAVAILABLE, "authentication_timeout") from None
        finally:
            running[network] -= 1
            if not running[network]:
                del running[network], self._look_ups[network]

    async def _checked(self, username: str, password: str, network: str) -> Principal:
        """Looks the account up, unless there were too many failures before, also while this login was waiting."""
        if await self._throttle.wait_s(network, username) > 0:
            raise LoginRefused(ReasonCode.CONNECTION_RATE_EXCEEDED, "throttled", late=True)
        try:
            principal = await self._authenticator.authenticate(username, password)
        except Exception as error:
            # Only the type: the text of an error of the look-up may hold what was looked up.
            log.error("Looking up an account failed: %s", type(error).__name__)
            raise LoginRefused(SERVER_UNAVAILABLE, "authentication_failed") from error
        if principal is None:
            late = self._throttle.too_many_failures(network, username)
            self._throttle.failed(network, username)
            raise LoginRefused(NOT_AUTHORIZED, "bad_credentials", late=late)
        self._throttle.succeeded(network, username)
        return principal


def has_foreign_will(principal: Principal, connect: ConnectPacket) -> bool:
    return connect.will is not None and not may_publish(principal, connect.will.topic)


def may_publish(principal: Principal, topic: str) -> bool:
    return not topic.startswith("$") and principal.may_publish(topic)


def _password(connect: ConnectPacket) -> str | None:
    """None where it cannot be the secret of anybody: secrets are texts."""
    try:
        return None if connect.password is None else connect.password.decode()
    except UnicodeDecodeError:
        return None
