"""The message that `runhub` prints once everything is running."""

from __future__ import annotations

import shlex

from bridges.mqtt.address import BrokerAddress
from hub.demo import FIRST_DEVICE, PEOPLE, Demo
from hub.env import Env


def banner(env: Env, demo: Demo, broker: BrokerAddress) -> str:
    """The addresses, the users of the demo, and a line that publishes a reading."""
    roles = ", ".join(f"{name} ({role.name.lower() if role else 'not a member'})" for name, role in PEOPLE.items())
    password = demo.password or "as printed at the first start (DEMO_PASSWORD=… sets a new one)"
    return f"""
Hubbub is running.

  Open      {env.origins[0]}
  Sign in   {roles}
  Password  {password}

  Your own device, from another shell:

  {publish_line(demo, broker)}

  Ctrl-C stops it.
"""


def publish_line(demo: Demo, broker: BrokerAddress) -> str:
    """A `mosquitto_pub` line that works as printed; after the first start it reads the secret from its file."""
    secret = demo.secret or f'"$(cat {shlex.quote(str(demo.secret_file))})"'
    return (
        f"mosquitto_pub -h {broker.host} -p {broker.port} -u {FIRST_DEVICE} -P {secret}"
        f" -q 1 -t devices/{FIRST_DEVICE}/telemetry -m '{{\"temperature\": 21.5}}'"
    )
