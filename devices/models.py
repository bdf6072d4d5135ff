"""Every model, where Django and the layers above look for them. Inside `devices`, code imports from the subjects."""

from devices.availability.models import AvailabilityChange
from devices.channel.models import OutsideEvent
from devices.commands.models import Command
from devices.log.models import Attachment, Block, Bot, Mention, Message, Room
from devices.refusals.models import StoredRefusal
from devices.registry.models import BridgeSecret, Decoder, Device, DeviceNetwork, Metric, MetricAlias
from devices.registry.sources.models import DeviceAddress, FoundDevice, OutsideBroker, Source, SourceLogin
from devices.rooms.models import ReadMark, Webhook
from devices.spaces.models import ApiToken, FailedSignIn, KnownNetwork, Member, Space
from devices.telemetry.models import LateHour, Reading, Rollup, Watermark

__all__ = [
    "ApiToken",
    "Attachment",
    "AvailabilityChange",
    "Block",
    "Bot",
    "BridgeSecret",
    "Command",
    "Decoder",
    "Device",
    "DeviceAddress",
    "DeviceNetwork",
    "FailedSignIn",
    "FoundDevice",
    "KnownNetwork",
    "LateHour",
    "Member",
    "Mention",
    "Message",
    "Metric",
    "MetricAlias",
    "OutsideBroker",
    "OutsideEvent",
    "ReadMark",
    "Reading",
    "Rollup",
    "Room",
    "Source",
    "SourceLogin",
    "Space",
    "StoredRefusal",
    "Watermark",
    "Webhook",
]
