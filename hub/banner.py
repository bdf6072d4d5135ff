"""What `runhub` prints once all of it is up."""

from __future__ import annotations

import shlex
from urllib.parse import urlsplit

from hub.demo import FIRST_DEVICE, PEOPLE, Demo
from hub.env import Env


def banner(env: Env, demo: Demo) -> str:
    roles = ", ".join(f"{name} ({role.name.lower() if role else 'no member'})" for name, role in PEOPLE.items())
    password = demo.password or "as printed at the first start (DEMO_PASSWORD=… sets another one)"
    return f"""
Hubbub is running.

  Open      {env.origins[0]}
  Sign in   {roles}
  Password  {password}

  A device of your own, from another shell:

  {publish_line(env, demo)}

  Ctrl-C stops it.
"""


def publish_line(env: Env, demo: Demo) -> str:
    """A `mosquitto_pub` line that works as printed; past the first start it reads the secret from its file."""
    parts = urlsplit(env.mqtt_url or "")
    host = parts.hostname or ("127.0.0.1" if env.mqtt_bind in ("0.0.0.0", "::") else env.mqtt_bind)  # noqa: S104
    port = (parts.port or 1883) if env.mqtt_url else env.mqtt_port
    secret = demo.secret or f'"$(cat {shlex.quote(str(demo.secret_file))})"'
    return (
        f"mosquitto_pub -h {host} -p {port} -u {FIRST_DEVICE} -P {secret}"
        f" -q 1 -t devices/{FIRST_DEVICE}/telemetry -m '{{\"temperature\": 21.5}}'"
    )
