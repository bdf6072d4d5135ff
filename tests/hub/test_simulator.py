from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

import pytest

from hub import simulator

WAIT_S = 20

CHILD = """
import os, socket, sys
link = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
link.sendall(b"%d\\n" % os.getpid())
link.recv(1)
"""


async def test_a_simulator_that_ends_is_restarted_and_ends_with_the_hub(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(simulator, "FIRST_PAUSE_S", 0.01)
    caplog.set_level(logging.WARNING, "hubbub")
    started: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    server = await asyncio.start_server(lambda *streams: started.put_nowait(streams), "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    running = asyncio.create_task(simulator.keep_running(sys.executable, "-c", CHILD, str(port)))
    pids = []
    async with asyncio.timeout(WAIT_S):
        for _ in range(3):
            reader, writer = await started.get()
            pids.append(int(await reader.readline()))
            if len(pids) < 3:
                os.kill(pids[-1], signal.SIGKILL)
                await reader.read()
                writer.close()
        assert len(set(pids)) == 3
        assert caplog.text.count("the simulator ended with -9") == 2
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert await reader.read() == b""  # the last process has ended
    writer.close()
    server.close()


async def test_pauses_grow_while_it_cannot_be_started(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pauses: list[float] = []

    async def sleep(pause_s: float) -> None:
        pauses.append(pause_s)
        if len(pauses) == 8:
            raise asyncio.CancelledError

    monkeypatch.setattr(simulator.asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await simulator.keep_running("/missing")
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert "cannot be started" in caplog.text
