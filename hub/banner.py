"""The message that `runhub` prints once everything is running."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from bridges.mqtt.address import BrokerAddress
from hub.demo import FIRST_DEVICE, PEOPLE, Demo
from hub.env import Env

CREATE_SPACE = ".venv/bin/python manage.py createspace SLUG --manager NAME"


def demo_banner(env: Env, demo: Demo, broker: BrokerAddress, *, at_terminal: bool) -> str:
    """The addresses, the users of the demo, and a line that publishes a reading.

    What is not printed at a terminal ends in a log that others read, so there it names files instead of secrets.
    """
    roles = ", ".join(f"{name} ({role.name.lower() if role else 'not a member'})" for name, role in PEOPLE.items())
    return _banner(
        f"Open      {env.origins[0]}",
        f"Sign in   {roles}",
        f"Password  {_password(env, demo, at_terminal=at_terminal)}",
        "",
        "Your own device, from another shell:",
        "",
        publish_line(demo, broker, at_terminal=at_terminal),
    )


def own_banner(env: Env, *, has_spaces: bool, demo_users: Sequence[str]) -> str:
    """The address of a hub without the demo, and how to create its first space. `demo_users` remain from before."""
    lines = [f"Open      {env.origins[0]}"]
    if not has_spaces:
        lines += [
            "",
            "Nobody can use it yet. Create a space and its manager, from another shell with the same settings:",
        ]
        lines += ["", CREATE_SPACE]
    if demo_users:
        lines += ["", f"The demo of an earlier start is still there: {', '.join(demo_users)} can sign in."]
    return _banner(*lines)


def publish_line(demo: Demo, broker: BrokerAddress, *, at_terminal: bool) -> str:
    """A `mosquitto_pub` line that works as printed; after the first start it reads the secret from its file."""
    secret = demo.secret if at_terminal and demo.secret else f'"$(cat {shlex.quote(str(demo.secret_file))})"'
    tls = f" --cafile {shlex.quote(str(broker.ca))}" if broker.ca else " --capath /etc/ssl/certs" if broker.tls else ""
    return (
        f"mosquitto_pub -h {broker.host} -p {broker.port}{tls} -u {FIRST_DEVICE} -P {secret}"
        f" -q 1 -t devices/{FIRST_DEVICE}/telemetry -m '{{\"temperature\": 21.5}}'"
    )


def _password(env: Env, demo: Demo, *, at_terminal: bool) -> str:
    if env.demo_password:
        return "as set by DEMO_PASSWORD"
    if demo.password and at_terminal:
        return demo.password
    if demo.password_file.exists():
        return f"in the file {demo.password_file}"
    return "as set or printed at an earlier start (DEMO_PASSWORD=… sets a new one)"


def _banner(*lines: str) -> str:
    indented = [f"  {line}" if line else "" for line in (*lines, "", "Ctrl-C stops it.")]
    return "\n".join(["", "Hubbub is running.", "", *indented, ""])
