from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from bridges.broker import Broker
from bridges.embedded.accounts import AccountAuthenticator, RevocationListener
from bridges.embedded.bridge import EmbeddedBridge
from bridges.embedded.program_rights import ProgramRights
from devices.models import Space
from devices.rooms import provisioning
from devices.spaces import tokens
from hub.sockets import bind
from tests.bridges.embedded.clients import Hub


@pytest.fixture
async def hub(space: Space, alice: User, bob: User, carol: User, mallory: User) -> AsyncIterator[Hub]:
    """The devices `pump` and `valve` of the space, `far` of another one that only `mallory` manages."""
    sock = bind("127.0.0.1", 0, "MQTT_PORT")
    bridge, rights, stop = EmbeddedBridge("main"), ProgramRights(), asyncio.Event()
    broker = Broker(AccountAuthenticator(rights), sock=sock, sink=bridge)
    await broker.start()
    await rights.start(broker)
    revocations = RevocationListener(broker)
    await revocations.start()
    bridging = asyncio.create_task(bridge.run(broker, stop, asyncio.Event()))
    found = Hub(broker, sock.getsockname()[1])
    found.secrets = await sync_to_async(_accounts)(space, (alice, bob, carol, mallory))
    yield found
    found.close()
    stop.set()
    await asyncio.wait_for(bridging, 20)
    await revocations.stop()
    await rights.stop()
    await broker.stop()


def _accounts(space: Space, people: tuple[User, ...]) -> dict[str, str]:
    cellar = provisioning.create_space("cellar", "Cellar", people[-1])
    secrets = {uid: provisioning.create_device(uid, space)[1] for uid in ("pump", "valve")}
    secrets["far"] = provisioning.create_device("far", cellar)[1]
    return secrets | {person.username: tokens.create(person) for person in people}
