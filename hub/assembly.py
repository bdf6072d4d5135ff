"""The whole hub in one process: broker, bridge and web server on one event loop, and simulated devices beside it."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Coroutine, Mapping

from django.conf import settings
from prometheus_client import REGISTRY

from bridges.announcing.outside import announce
from bridges.broker import Broker, Limits
from bridges.codec.json_reading import MAX_PAYLOAD
from bridges.embedded.accounts import AccountAuthenticator, RevocationListener
from bridges.embedded.bridge import EmbeddedBridge
from bridges.embedded.program_rights import ProgramRights
from bridges.embedded.statistics import Statistics
from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.bridge import run_bridges
from bridges.sources.listening import with_sources
from devices.channel import fanout, follower
from devices.jobs import JOBS
from devices.refusals.store import START_BYTES
from devices.registry import logins
from devices.runtime.worker import run_worker
from hub import asgi, demo, simulator
from hub.broker_sockets import BrokerSockets
from hub.broker_stats import BrokerCollector
from hub.daphne import server
from hub.routing import mqtt, relays

logger = logging.getLogger("hubbub")

READY_S = 5.0
"""How long the start-up message waits for the broker."""
STOP_S = 8.0
"""How long the parts may take to finish their work."""


class Hub:
    """Broker, bridge, web server and simulator on Daphne's event loop."""

    def __init__(
        self,
        web_socket: socket.socket,
        mqtt_sockets: BrokerSockets | None,
        brokers: Mapping[str, BrokerAddress],
        greeting: str,
    ) -> None:
        """`mqtt_sockets` are the embedded broker's, which then is the only one of `brokers`."""
        self._brokers = brokers
        self._mqtt_sockets = mqtt_sockets
        self._greeting = greeting
        self._stop = asyncio.Event()
        self._web_ready = asyncio.Event()
        self._server = server.make_server(asgi.application, web_socket, self._web_ready.set)
        self._certificate: asyncio.Task[None] | None = None
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Serves until a signal arrives or a part fails."""
        loop = server.event_loop()
        main = loop.create_task(self._main())
        main.add_done_callback(self._end)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        self._server.run()

    def _end(self, main: asyncio.Task[None]) -> None:
        self.failure = None if main.cancelled() else main.exception()
        self._server.stop()

    async def _main(self) -> None:
        follower.follow()  # also while nobody watches: a command may replace a device's secret
        bridged, bridge_stop = asyncio.Event(), asyncio.Event()
        broker, bridging = await self._start_broker(bridge_stop, bridged)
        bridge = asyncio.create_task(with_sources(bridging, bridge_stop))
        announcing = self._start_announcing()
        worker_stop = asyncio.Event()
        worker = asyncio.create_task(run_worker(worker_stop, JOBS, fanout.publish))
        simulated = self._start_simulator(next(iter(self._brokers.values())))
        try:
            await self._greet(bridged)
            stop = asyncio.create_task(self._stop.wait())
            await asyncio.wait({stop, bridge}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            worker_stop.set()
            for task in announcing:
                task.cancel()
            async with asyncio.timeout(STOP_S):
                await self._shut_down(simulated, bridge_stop, bridge, broker)
                await worker
            await follower.unfollow()

    async def _start_broker(
        self, stop: asyncio.Event, ready: asyncio.Event
    ) -> tuple[Broker | None, Coroutine[None, None, None]]:
        """The embedded broker, if it is used, and what bridges it, or the others, to the hub."""
        if self._mqtt_sockets is None:
            return None, run_bridges(self._brokers, stop, ready)
        [name] = self._brokers
        bridge = EmbeddedBridge(name)
        self._program_rights = ProgramRights()
        broker = Broker(
            AccountAuthenticator(self._program_rights, bridge.sources),
            sock=self._mqtt_sockets.plain,
            limits=_broker_limits(),
            sink=bridge,
            throttle=logins.throttle,
            tls=self._mqtt_sockets.tls,
            state=settings.DATA_DIR / "broker.sqlite3",
        )
        await broker.start()
        mqtt.serve(broker.new_connection)
        REGISTRY.register(BrokerCollector(broker))
        self._revocations = RevocationListener(broker)
        await self._revocations.start()
        await self._program_rights.start(broker)
        self._statistics = Statistics(broker)
        self._statistics.start()
        if self._mqtt_sockets.certificate is not None:
            self._certificate = asyncio.create_task(self._mqtt_sockets.certificate.keep_current(), name="certificate")
        return broker, bridge.run(broker, stop, ready)

    def _start_announcing(self) -> list[asyncio.Task[None]]:
        """The embedded bridge does this itself."""
        if not settings.HA_DISCOVERY or self._mqtt_sockets is not None:
            return []
        return [asyncio.create_task(announce(*one), name="announcing") for one in self._brokers.items()]

    def _start_simulator(self, address: BrokerAddress) -> asyncio.Task[None] | None:
        """The demo devices are real clients, in their own process."""
        if not settings.DEMO:
            return None
        running = simulator.keep_running(
            sys.executable,
            str(settings.BASE_DIR / "manage.py"),
            "simulate",
            f"--credentials={demo.simulator_credentials(settings.DATA_DIR)}",
            f"--url={address.for_others()}",
            "--stop-with-stdin",  # so that a killed hub leaves no devices behind
        )
        return asyncio.create_task(running, name="simulator")

    async def _greet(self, bridged: asyncio.Event) -> None:
        await self._web_ready.wait()
        try:
            async with asyncio.timeout(READY_S):
                await bridged.wait()
        except TimeoutError:
            logger.warning("the broker has not answered yet; the hub keeps trying")
        print(self._greeting, flush=True)

    async def _shut_down(
        self,
        simulated: asyncio.Task[None] | None,
        bridge_stop: asyncio.Event,
        bridge: asyncio.Task[None],
        broker: Broker | None,
    ) -> None:
        """Stops the devices first, then the bridge, once it has stored their messages, then the viewers."""
        await server.stop_listening(self._server)
        if simulated is not None:
            simulated.cancel()
            await asyncio.gather(simulated, return_exceptions=True)
        bridge_stop.set()
        await asyncio.gather(bridge, return_exceptions=True)
        await relays.close_all()
        if broker is not None:
            await self._statistics.stop()
            await self._program_rights.stop()
            if self._certificate is not None:
                self._certificate.cancel()
            await self._revocations.stop()
            await broker.stop()
        if not bridge.cancelled() and (error := bridge.exception()):
            raise error


def _broker_limits() -> Limits:
    connections = settings.MQTT_CONNECTION_LIMIT or sys.maxsize
    return Limits(payload_bytes=MAX_PAYLOAD, excerpt_bytes=START_BYTES, connections=connections)
