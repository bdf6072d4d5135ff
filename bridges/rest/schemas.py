"""What the endpoints take and give, as the OpenAPI document shows it. Times are milliseconds since 1970 UTC."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from devices.commands.lifecycle import DEFAULT_TIMEOUT_S

Value = bool | int | float | str


class DeviceFacts(BaseModel):
    uid: str
    name: str
    space: str = Field(description="slug of the space that the device belongs to")
    attributes: dict[str, Any] = Field(description="slow facts that the device told of itself")
    broker: str = Field(description="name of the MQTT broker that the device connects to")


class DeviceSnapshot(BaseModel):
    device: DeviceFacts
    availability: str = Field(description="online, offline, stale or unknown")
    availability_at: int | None = Field(description="since when; null for a device never heard of")
    latest: dict[str, tuple[int, Value]] = Field(description="newest `[time, value]` of each metric")


class MetricFacts(BaseModel):
    name: str


class DeviceDetail(DeviceSnapshot):
    metrics: list[MetricFacts]
    stale_after_s: int | None = Field(description="silent for longer is stale; null: as learned")
    silence_limit_s: int = Field(description="the same with what was learned")


class DeviceChanges(BaseModel):
    """What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    stale_after_s: int | None = Field(None, description="silent for longer is stale; null: as learned")


class AvailabilityChangeFacts(BaseModel):
    status: str
    at: int = Field(description="since when; for stale when it was last heard")
    count: int = Field(description="more than 1: so many changes, one soon after the other, of which this is the last")


class AvailabilityHistory(BaseModel):
    items: list[AvailabilityChangeFacts] = Field(description="oldest first; the first is the one in force at `start`")
    flapping: bool = Field(description="it changes so often that viewers are told at intervals alone")


class DeviceList(BaseModel):
    items: list[DeviceSnapshot]
    count: int = Field(description="all that there are, whatever the limit")


class Readings(BaseModel):
    """Columns of equal length, ascending in time.

    `v` for raw readings. For a rollup `min`, `max`, `mean`, `last` and `count` of each bucket, whose start is in `t`.
    """

    metric: str
    resolution: str = Field(description='"raw", or the length of a bucket such as "60s" or "0.1s"')
    t: list[int]
    v: list[Value] = []
    min: list[float] = []
    max: list[float] = []
    mean: list[float] = []
    last: list[float] = []
    count: list[int] = []


class CommandRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    args: dict[str, Any] = {}
    timeout_s: float = Field(DEFAULT_TIMEOUT_S, description="without an answer by then the command has timed out")


class CommandQueued(BaseModel):
    command: str = Field(description="id of the command")
    status: str


class CommandFacts(BaseModel):
    id: str
    name: str
    args: dict[str, Any]
    status: str = Field(description="queued, sent, succeeded, failed or timed_out")
    result: Any = Field(description="what the device answered")
    error: str = Field(description="why it failed")
    by: str = Field(description="username of who issued it")
    issued_at: int
    changed_at: int


class CommandList(BaseModel):
    items: list[CommandFacts]


class RefusalFacts(BaseModel):
    """Messages refused for one reason, each within a minute of the one before. What is told is of the newest."""

    id: int
    reason: str = Field(description="name of the reason")
    meaning: str = Field(description="the reason in words")
    detail: str = Field(description="what more there is to say; may be empty")
    kind: str = Field(description="telemetry, status, attributes or answer")
    start: str = Field(description="first 200 bytes of the payload; what is not printable is escaped")
    size: int = Field(description="bytes of the whole payload")
    count: int
    first_at: int
    at: int


class RefusalList(BaseModel):
    items: list[RefusalFacts]


class Stored(BaseModel):
    """`refused`, `reason` and `message` are there where some values were left out: older than they would be kept."""

    stored: int = Field(description="readings that were stored")
    refused: int = Field(0, description="values that were not")
    reason: str = ""
    message: str = ""


class ExtentFacts(BaseModel):
    metric: str
    first: int
    last: int


class Extents(BaseModel):
    items: list[ExtentFacts]


class RefusedReason(BaseModel):
    reason: str = Field(description="name of the reason")
    meaning: str = Field(description="the reason in words")
    count: int


class RefusedLine(BaseModel):
    line: int = Field(description="number of the line in the body, from 1")
    text: str = Field(description="its first 200 characters")
    reason: str
    meaning: str
    detail: str = Field(description="what more there is to say; may be empty")


class Imported(BaseModel):
    """Counts are of values: a line of several columns has several."""

    stored: int = Field(description="readings that are new")
    present: int = Field(description="readings that were there already")
    refused: int
    reasons: list[RefusedReason]
    lines: list[RefusedLine] = Field(description="the first 100 that were refused")
