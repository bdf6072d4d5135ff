"""A whole bridge: inbound, pipeline and outbound against one broker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from bridges.ingest.batches import shared_processor
from bridges.ingest.pipeline import Pipeline
from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.client_id import ClaimedClientId
from bridges.mqtt.inbound import Inbound
from bridges.mqtt.leadership import compete_for_lead
from bridges.mqtt.outbound import Outbound
from bridges.mqtt.outbound_session import outbound_session

DEFAULT_CLIENT_ID = "hubbub-bridge"
FAREWELL_S = 2.0
"""How long the outbound session may take to disconnect from the broker."""


async def run_bridges(addresses: Mapping[str, BrokerAddress], stop: asyncio.Event, ready: asyncio.Event) -> None:
    """One bridge for each broker, until `stop` is set or one of them breaks, which ends the others in order.

    `ready` is set once all brokers have granted the subscriptions. Raises as `run_bridge` does.
    """
    each_ready = [asyncio.Event() for _ in addresses]
    bridges = [
        asyncio.create_task(run_bridge(name, address, [DEFAULT_CLIENT_ID], stop, one_ready), name=f"bridge {name}")
        for (name, address), one_ready in zip(addresses.items(), each_ready, strict=True)
    ]
    waiting = asyncio.create_task(_set_after_all(each_ready, ready))
    try:
        await asyncio.wait(bridges, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        stop.set()
        waiting.cancel()
        ended = await asyncio.gather(*bridges, return_exceptions=True)
    for error in ended:
        if error is not None:
            raise error


async def _set_after_all(events: Sequence[asyncio.Event], all_set: asyncio.Event) -> None:
    for event in events:
        await event.wait()
    all_set.set()


async def run_bridge(
    broker: str,
    address: BrokerAddress,
    client_ids: Sequence[str],
    stop: asyncio.Event,
    ready: asyncio.Event | None = None,
    *,
    shared: bool = False,
) -> None:
    """Bridges until `stop` is set; what was received by then is stored and acknowledged first.

    Uses the first of `client_ids` that no other bridge of this broker has; `shared`: the bridges with the other ids
    share the load. `ready` is set once the broker has granted the subscriptions. Waits for a broker or database that is
    unavailable.

    Raises `ClientIdTaken` where none is free, before it connects to the broker, or where it was lost; anything else
    only where the bridge itself is broken.
    """
    claiming = asyncio.create_task(ClaimedClientId.claim(broker, client_ids))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({claiming, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        claiming.cancel()  # a database that is unavailable must not hold up the end
        await asyncio.wait({claiming})
    if claiming.cancelled():
        return
    client_id = claiming.result()
    try:
        await _run(broker, address, client_id, stop, ready or asyncio.Event(), shared)
    finally:
        await client_id.release()


async def _run(
    broker: str,
    address: BrokerAddress,
    client_id: ClaimedClientId,
    stop: asyncio.Event,
    ready: asyncio.Event,
    shared: bool,
) -> None:
    pipeline = Pipeline(shared_processor())
    inbound = Inbound(address, client_id.name, pipeline, ready.set, broker=broker, shared=shared)
    outbound = Outbound(broker, partial(outbound_session, address, f"{client_id.name}-out"))

    def on_lead(leading: bool) -> None:
        outbound.lead(leading)
        if shared:
            inbound.lead(leading)

    processing = asyncio.create_task(pipeline.run(), name="pipeline")
    beside = {
        asyncio.create_task(outbound.run(), name="outbound"),
        asyncio.create_task(compete_for_lead(broker, on_lead), name="lead"),
        asyncio.create_task(client_id.keep(), name="client id"),
    }
    stopping = asyncio.create_task(stop.wait())
    receiving = inbound.start()
    try:
        await asyncio.wait({processing, receiving, stopping, *beside}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        for task in beside:
            task.cancel()
        pipeline.close()
        # Outbound has nothing to finish, and a broker that is unavailable must not hold up the end.
        await asyncio.gather(asyncio.wait({processing}), asyncio.wait(beside, timeout=FAREWELL_S))
        await inbound.stop()
    for task in (processing, receiving, *beside):
        if task.done() and not task.cancelled() and (error := task.exception()):
            raise error
