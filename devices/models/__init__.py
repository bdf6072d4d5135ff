from devices.models.availability import AvailabilityChange
from devices.models.commands import Command
from devices.models.devices import Device, Metric
from devices.models.readings import Reading
from devices.models.refusals import Refusal
from devices.models.rollups import LateHour, Rollup, Watermark
from devices.models.rooms import Attachment, Block, Bot, Mention, Message, ReadMark, Room, Webhook
from devices.models.spaces import ApiToken, Member, Space

__all__ = [
    "ApiToken",
    "Attachment",
    "AvailabilityChange",
    "Block",
    "Bot",
    "Command",
    "Device",
    "LateHour",
    "Member",
    "Mention",
    "Message",
    "Metric",
    "ReadMark",
    "Reading",
    "Refusal",
    "Rollup",
    "Room",
    "Space",
    "Watermark",
    "Webhook",
]
