"""The throttle of devices' logins: one for all ways into this process, MQTT and HTTP."""

from __future__ import annotations

from devices.registry.known_networks import NetworkRecorder
from devices.runtime.login_throttle import LoginThrottle

throttle = LoginThrottle(known=NetworkRecorder())
