"""A TCP connection as packets: bounded turns of reading, gathered writes, deadlines. It does not interpret packets."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import cast

from bridges.mqtt.packets import Codec, Packet, PacketError, PacketReader, UnsupportedVersion, Version, codec

from .client_bounds import ClientBounds
from .errors import ProtocolError, close_reason
from .limits import Limits
from .stats import CLOSED
from .tcp import tune
from .throttled_log import ThrottledLog, log

VERSIONS = (Version.V31, Version.V311, Version.V5)
"""Protocol versions that the broker offers."""

PACKETS_PER_TURN = 64  # then the other connections, and the rest of the process, get their turn of the event loop
FLUSH_BYTES = 65_536  # a gathered write of this size goes out at once
WRITE_HIGH_BYTES = 65_536  # more than this unwritten: the client counts as not writable
LOGIN, INTAKE = 1, 2  # why a connection is not read: its login is in progress; the sink has enough of it
CLOSE_GRACE_S = 1.0  # for the last bytes to a client that does not read


class PacketConnection(asyncio.Protocol):
    """Subclasses handle packets in `on_packet`, and the end, once, in `on_end`."""

    __slots__ = (
        "_bounds",
        "_codec",
        "_deadline",
        "_flush",
        "_held",
        "_last_received_at",
        "_loop",
        "_out",
        "_out_bytes",
        "_reader",
        "_skip_end",
        "_stall",
        "_transport",
        "_turn",
        "_written",
        "closed",
        "closing",
        "limits",
        "peer",
        "stats",
        "warnings",
        "writable",
    )

    def __init__(self, limits: Limits, bounds: ClientBounds, stats: Counter[str], warnings: ThrottledLog) -> None:
        self.limits = limits
        self.stats = stats
        self.warnings = warnings
        self.writable = True
        self.closing = False
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.peer = ""
        self._loop = asyncio.get_running_loop()
        self._bounds = bounds
        self._reader = PacketReader(bounds.before_login, versions=VERSIONS)
        self._codec: Codec = codec(Version.V311)
        self._transport: asyncio.Transport | None = None
        self._held = 0  # of LOGIN and INTAKE, what forbids to read
        self._skip_end: asyncio.TimerHandle | None = None
        self._turn: asyncio.Handle | None = None
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._written = 0
        self._flush: asyncio.Handle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._last_received_at = 0.0

    # -- what subclasses implement

    def on_packet(self, packet: Packet) -> None:
        raise NotImplementedError

    def on_unsupported_version(self) -> None:
        """The client asks for a version of MQTT that is not among `VERSIONS`."""
        raise NotImplementedError

    def on_end(self, reason: str) -> None:
        """The client is gone, or is being disconnected, for a reason in `stats.CLOSED`."""
        raise NotImplementedError

    def pump(self) -> None:
        """The connection is writable again."""
        raise NotImplementedError

    # -- what subclasses and sessions call

    def send(self, packet: Packet) -> None:
        self.send_bytes(self._codec.write(packet))

    def send_bytes(self, data: bytes) -> None:
        """Writes with all that is sent in this turn of the event loop: one system call, not one per packet."""
        self._out.append(data)
        self._out_bytes += len(data)
        if self._out_bytes >= FLUSH_BYTES:
            self._write()
        elif self._flush is None:
            self._flush = self._loop.call_soon(self._write)

    def pump_soon(self) -> None:
        self._loop.call_soon(self.pump)

    def close(self, reason: str) -> None:
        """Writes out what is left and closes; a client that does not read has `CLOSE_GRACE_S` for it."""
        transport = self._transport
        if self.closing or transport is None:
            return
        self._leave(reason)
        self._write()
        self._cancel_timers()
        transport.close()
        self._deadline = self._loop.call_later(CLOSE_GRACE_S, transport.abort)

    def hold(self, why: int) -> None:
        """No packet is given out until `release` of the same reason; what arrives stays in the kernel."""
        self._held |= why
        self._read_no_more()

    def release(self, why: int) -> None:
        self._held &= ~why
        if not self._held:
            self._last_received_at = self._loop.time()  # while it was not read, it was not silent
            self._read_soon()

    @property
    def version(self) -> Version:
        return self._codec.version

    def speak(self, version: Version) -> None:
        """From now on packets are written in this version of MQTT."""
        self._codec = codec(version)

    def report_sign_in(self, account: str) -> None:
        """To what carries the transport, if that wants to know: a web server counts connections of strangers."""
        on_sign_in = None if self._transport is None else self._transport.get_extra_info("on_sign_in")
        if on_sign_in is not None:
            on_sign_in(account)

    def login_done(self, payload_bytes: int | None = None) -> None:
        """`payload_bytes`: what the account may publish in a message, if it is not what all may."""
        self._reader.bounds = self._bounds.after_login(self.version, payload_bytes)

    def close_after(self, seconds: float, reason: str) -> None:
        """Sets the deadline, in place of any other."""
        self._set_deadline(self._loop.call_later(seconds, self.close, reason))

    def keep_alive(self, seconds: float) -> None:
        """Closes when nothing arrives for so long; 0 means never. Takes the place of any other deadline."""
        self._set_deadline(self._loop.call_later(seconds, self._check_alive, seconds) if seconds else None)

    # -- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_BYTES)
        self.peer = str(transport.get_extra_info("peername"))
        if (sock := transport.get_extra_info("socket")) is not None:
            tune(sock)
        self.stats["connections"] += 1
        self.stats["accepted_connections"] += 1

    def data_received(self, data: bytes) -> None:
        self._last_received_at = self._loop.time()
        self._reader.feed(data)
        self._read()

    def pause_writing(self) -> None:
        """The client does not read what it is sent: it gets no more, and its own packets wait."""
        self.writable = False
        self._read_no_more()
        self._watch_stall()

    def resume_writing(self) -> None:
        self.writable = True
        if self._stall is not None:
            self._stall.cancel()
        if not self.closing:
            self._read_soon()
            self.pump()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closing:
            self._leave("truncated_packet" if self._reader.partial else "connection_lost")
        self._cancel_timers()
        self._out.clear()
        self.stats["connections"] -= 1
        self.closed.set_result(None)

    # -- reading

    def _read(self) -> None:
        self._turn = None
        for _ in range(PACKETS_PER_TURN):
            if self.closing or self._held or not self.writable:
                return
            try:
                packet = self._reader.next()
                if packet is None:
                    self._limit_skip()
                    self._read_on()
                    return
                if self._skip_end is not None:
                    self._end_skip()
                self.on_packet(packet)
            except UnsupportedVersion:
                self.on_unsupported_version()
                return
            except PacketError as error:
                self.close(close_reason(error))
                return
            except ProtocolError as error:
                self.close(error.reason)
                return
            except Exception:
                log.exception("A packet from %s could not be handled", self.peer)
                self.close("internal_error")
                return
        self._read_no_more()
        self._read_soon()

    def _limit_skip(self) -> None:
        """Reading past a packet needs no memory, but it must end at some time: a client may trickle."""
        left = self._reader.skipping
        if left and self._skip_end is None:
            seconds = self.limits.skip_grace_s + left / self.limits.skip_bytes_s
            self._skip_end = self._loop.call_later(seconds, self.close, "slow_packet")

    def _end_skip(self) -> None:
        if self._skip_end is not None:
            self._skip_end.cancel()
            self._skip_end = None

    def _read_soon(self) -> None:
        """Packets that have come already go first; when they are handled, the transport reads on."""
        if self._turn is None:
            self._turn = self._loop.call_soon(self._read)

    def _read_no_more(self) -> None:
        """Stops reading: the bytes left in the socket hold back the client."""
        if self._transport is not None:
            self._transport.pause_reading()

    def _read_on(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    # -- writing

    def _write(self) -> None:
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        if self._out and self._transport is not None:
            data = b"".join(self._out)
            self._out.clear()
            self._out_bytes = 0
            self._written += len(data)
            self._transport.write(data)

    def _accepted(self) -> int:
        """Bytes that the client, or the kernel for it, has accepted."""
        return self._written - (self._transport.get_write_buffer_size() if self._transport else 0)

    def _watch_stall(self) -> None:
        self._stall = self._loop.call_later(self.limits.stall_timeout_s, self._check_stall, self._accepted())

    def _check_stall(self, accepted: int) -> None:
        if self._accepted() <= accepted:
            self.close("stalled")
        else:
            self._watch_stall()  # slow, but alive

    # -- time and end

    def _check_alive(self, seconds: float) -> None:
        silent = self._loop.time() - self._last_received_at
        if silent >= seconds and self.writable and not self._held and self._turn is None:
            self.close("keepalive_timeout")
            return
        # While reading is paused nothing can arrive; a client that does not read is ended by its stall.
        self._deadline = self._loop.call_later(max(seconds - silent, seconds / 4), self._check_alive, seconds)

    def _set_deadline(self, deadline: asyncio.TimerHandle | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = deadline

    def _leave(self, reason: str) -> None:
        self.closing = True
        self.stats[f"closed.{reason}"] += 1
        log.debug("Connection from %s ends: %s", self.peer, CLOSED[reason])
        try:
            self.on_end(reason)
        except Exception:
            log.exception(
                "The end of a connection from %s could not be handled", self.peer
            )  # it is closed all the same

    def _cancel_timers(self) -> None:
        self._end_skip()
        for handle in (self._turn, self._flush, self._deadline, self._stall):
            if handle is not None:
                handle.cancel()
        self._turn = self._flush = self._deadline = self._stall = None
