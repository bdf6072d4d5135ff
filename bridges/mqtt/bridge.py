"""A whole bridge: inbound, pipeline and outbound against one broker."""

from __future__ import annotations

import asyncio

from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.inbound import Inbound
from bridges.mqtt.outbound import Outbound
from bridges.pipeline import Pipeline, shared_ingest

DEFAULT_CLIENT_ID = "hubbub-bridge"
FAREWELL_S = 2.0
"""How long the outbound session may take to say goodbye to the broker."""


async def run_bridge(
    address: BrokerAddress, client_id: str, stop: asyncio.Event, ready: asyncio.Event | None = None
) -> None:
    """Bridges until `stop` is set; what was received by then is stored and acknowledged first.

    `ready` is set once the broker has taken the subscriptions. A broker or database that is away is waited for.
    Raises only where the bridge itself is broken.
    """
    loop = asyncio.get_running_loop()

    def on_ready() -> None:
        if ready is not None:
            loop.call_soon_threadsafe(ready.set)

    pipeline = Pipeline(shared_ingest())
    inbound = Inbound(address, client_id, pipeline, on_ready)
    outbound = Outbound(address, f"{client_id}-out")
    processing = asyncio.create_task(pipeline.run(), name="pipeline")
    sending = asyncio.create_task(outbound.run(), name="outbound")
    stopping = asyncio.create_task(stop.wait())
    inbound.start()
    try:
        await asyncio.wait({processing, sending, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        sending.cancel()
        pipeline.close()
        # Outbound has nothing to finish, and a broker that is away must not hold up the end.
        await asyncio.gather(asyncio.wait({processing}), asyncio.wait({sending}, timeout=FAREWELL_S))
        await asyncio.to_thread(inbound.stop)
    for task in (processing, sending):
        if task.done() and not task.cancelled() and (error := task.exception()):
            raise error
