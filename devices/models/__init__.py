from devices.models.availability import AvailabilityChange
from devices.models.commands import Command
from devices.models.devices import Device, Metric
from devices.models.readings import Reading
from devices.models.refusals import Refusal
from devices.models.rollups import LateHour, Rollup, Watermark
from devices.models.spaces import ApiToken, Member, Space

__all__ = [
    "ApiToken",
    "AvailabilityChange",
    "Command",
    "Device",
    "LateHour",
    "Member",
    "Metric",
    "Reading",
    "Refusal",
    "Rollup",
    "Space",
    "Watermark",
]
