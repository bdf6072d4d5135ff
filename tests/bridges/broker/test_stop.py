from __future__ import annotations

import asyncio
import socket
import time

import pytest

from bridges.broker import Broker, Limits
from tests.bridges.broker.clients import KnownAccounts, RawClient, connect_packet, publish_packet, subscribe_packet


def test_stop_ends_everything_promptly(broker, client, raw):
    pump = client("pump")
    silent = raw()
    looked_up = raw()
    looked_up.send(connect_packet("slow-pump"))
    assert broker.accounts.asked.wait(10)
    deaf = raw(receive_buffer=4_096)
    _stall(deaf, raw())
    begin = time.monotonic()
    tasks = broker.run(_stop(broker.broker))
    assert time.monotonic() - begin < 2
    assert tasks == []
    assert pump.ended.wait(10)
    assert silent.rest() == looked_up.rest() == b""
    assert broker.stats["connections"] == broker.stats["sessions"] == broker.stats["retained_messages"] == 0
    with pytest.raises(ConnectionRefusedError):
        RawClient(broker.port)


def test_stop_publishes_no_wills(broker, client):
    watchers = [client("bridge", client_id=f"w{number}") for number in range(3)]
    for watcher in watchers:
        watcher.subscribe("#")
    for name in ("pump", "valve", "lamp"):
        client(name, will={"topic": f"devices/{name}/status", "payload": b"offline"})
    broker.run(broker.broker.stop())
    assert all(watcher.ended.wait(10) and watcher.messages.empty() for watcher in watchers)
    assert broker.stats["delivered_messages"] == 0


async def test_stop_without_start_frees_the_port():
    sock = socket.create_server(("127.0.0.1", 0))
    address = sock.getsockname()
    await Broker(KnownAccounts(), sock=sock, limits=Limits()).stop()
    socket.create_server(address).close()


async def test_bound_socket_that_does_not_listen_yet_is_accepted():
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    broker = Broker(KnownAccounts(), sock=sock)
    await broker.start()
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    writer.write(connect_packet("pump"))
    assert await reader.readexactly(4) == b"\x20\x02\x00\x00"
    await broker.stop()
    assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize("turns", range(6))
async def test_connection_that_arrives_while_stopping_is_closed(turns):
    """Accepting takes several turns of the event loop; `stop` may fall between any two."""
    sock = socket.create_server(("127.0.0.1", 0))
    broker = Broker(KnownAccounts(), sock=sock)
    await broker.start()
    newcomer = RawClient(sock.getsockname()[1])
    for _ in range(turns):
        await asyncio.sleep(0)
    await broker.stop()
    assert await asyncio.wait_for(asyncio.to_thread(newcomer.rest), 2) == b""
    assert broker.stats["connections"] == 0
    newcomer.end()


async def test_stop_twice_is_harmless():
    sock = socket.create_server(("127.0.0.1", 0))
    address = sock.getsockname()
    broker = Broker(KnownAccounts(), sock=sock)
    await broker.start()
    await broker.stop()
    await broker.stop()
    socket.create_server(address).close()  # the port is free


async def _stop(broker: Broker) -> list[asyncio.Task[None]]:
    await broker.stop()
    return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


def _stall(deaf: RawClient, talker: RawClient) -> None:
    """Fills what the kernel buffers for a client that does not read, and more."""
    topic = "devices/pump/telemetry"
    deaf.log_in("pump", client_id="deaf")
    deaf.send(subscribe_packet(topic))
    deaf.receive(5)
    talker.log_in("pump", client_id="talker")
    for _ in range(150):
        talker.send(publish_packet(topic, bytes(65_536)))
    talker.send(b"\xc0\x00")
    assert talker.receive(2) == b"\xd0\x00"
