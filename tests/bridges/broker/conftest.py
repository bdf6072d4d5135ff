from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from bridges.broker import Limits, Sink
from devices.runtime.login_throttle import LoginThrottle
from tests.bridges.broker.clients import Client, RawClient, RunningBroker


@pytest.fixture
def limits() -> Limits:
    """A test module or class overrides this to narrow a bound."""
    return Limits()


@pytest.fixture
def sink() -> Sink | None:
    """A test module overrides this to decide when what is published is acknowledged."""
    return None


@pytest.fixture
def throttle() -> LoginThrottle:
    """A test class overrides this to allow fewer failures."""
    return LoginThrottle()


@pytest.fixture
def broker(limits: Limits, sink: Sink | None, throttle: LoginThrottle) -> Iterator[RunningBroker]:
    running = RunningBroker(limits, sink, throttle)
    yield running
    running.end()


@pytest.fixture
def client(broker: RunningBroker) -> Iterator[Callable[..., Client]]:
    """Makes paho clients: `client("pump")`."""
    made: list[Client] = []

    def make(name: str | None, **options: object) -> Client:
        made.append(Client(broker.port, name, **options))
        return made[-1]

    yield make
    for each in made:
        each.end()


@pytest.fixture
def raw(broker: RunningBroker) -> Iterator[Callable[..., RawClient]]:
    made: list[RawClient] = []

    def make(**options: int) -> RawClient:
        made.append(RawClient(broker.port, **options))
        return made[-1]

    yield make
    for each in made:
        each.end()
