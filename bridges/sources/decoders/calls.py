"""What travels between the hub and a worker: one batch of calls of one script, and their outcomes."""

from __future__ import annotations

import msgspec


class Call(msgspec.Struct, array_like=True, gc=False):
    """`payload`: an uplink's bytes, or the JSON of a downlink's data. `at`: its receipt, in milliseconds.

    `trial`: what the script prints is wanted. `time`: that of its values, in milliseconds; 0: that of receipt.
    `variables`: JSON for the script, or empty.
    """

    payload: bytes
    f_port: int = 1
    at: int = 0
    is_downlink: bool = False
    trial: bool = False
    time: int = 0
    variables: str = ""


class CallBatch(msgspec.Struct, array_like=True, gc=False):
    """`script` is left out if the worker has it already, under this `key`."""

    key: str
    script: str | None
    calls: list[Call]


class Outcome(msgspec.Struct, array_like=True, gc=False):
    """What a script made of one message: `json`, or a `reason` why there is none, with the line of the script.

    `console`: what it printed, of a trial only. `us`: microseconds of processor time.
    """

    json: bytes = b""
    reason: str = ""
    detail: str = ""
    line: int = 0
    warnings: list[str] = []
    console: list[str] = []
    us: int = 0


encode = msgspec.msgpack.Encoder().encode
read_batch = msgspec.msgpack.Decoder(CallBatch).decode
read_outcomes = msgspec.msgpack.Decoder(list[Outcome]).decode

LENGTH_BYTES = 4
"""Each frame is preceded by its length, big-endian."""


def frame(content: bytes) -> bytes:
    return len(content).to_bytes(LENGTH_BYTES) + content
