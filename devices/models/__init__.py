from devices.models.commands import Command
from devices.models.devices import Device, Metric
from devices.models.readings import Reading
from devices.models.refusals import Refusal
from devices.models.spaces import ApiToken, Member, Space

__all__ = ["ApiToken", "Command", "Device", "Member", "Metric", "Reading", "Refusal", "Space"]
