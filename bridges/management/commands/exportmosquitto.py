from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from bridges.mosquitto import reload
from bridges.mosquitto.accounts import AccountError, BridgeAccount
from bridges.mosquitto.conf import Layout, Listener, Save
from bridges.mosquitto.export import Export
from bridges.mosquitto.reload import Reload
from bridges.mosquitto.watch import Watch
from bridges.mqtt import brokers
from bridges.mqtt.address import AddressError

DEFAULT_BRIDGE = "bridge"


class Command(BaseCommand):
    help = "Writes mosquitto.conf, its password file and its ACL, and with --watch keeps the accounts up to date."
    requires_system_checks = []  # they load every page

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="where mosquitto.conf, passwords and acl are written")
        parser.add_argument(
            "--listener",
            default=_join(settings.MQTT_BIND, settings.MQTT_PORT),
            metavar="HOST:PORT",
            help="where Mosquitto listens (default: %(default)s, as MQTT_BIND and MQTT_PORT say)",
        )
        parser.add_argument(
            "--bridge-listener",
            metavar="HOST:PORT",
            help="a second one for the bridges; devices then cannot take over a session by its client id",
        )
        parser.add_argument(
            "--save",
            choices=[each.value for each in Save],
            default=Save.CHANGES.value,
            help="when Mosquitto writes its state: at every change, or every one to two seconds, which is several "
            "times faster and may lose those (default: %(default)s)",
        )
        parser.add_argument("--data", type=Path, help="where Mosquitto keeps its state (default: FOLDER/data)")
        parser.add_argument(
            "--bridge-password-file",
            type=Path,
            metavar="FILE",
            help="holds the password of MQTT_URL's user, where MQTT_URL does not",
        )
        parser.add_argument("--broker", metavar="NAME", help="whose accounts, where MQTT_URL names several brokers")
        parser.add_argument("--watch", action="store_true", help="stay, and export again when an account changes")
        parser.add_argument(
            "--pid-file", type=Path, metavar="PATH", help="names the process to reload (default: DATA/mosquitto.pid)"
        )
        parser.add_argument("--reload-command", metavar="COMMAND", help="reloads Mosquitto instead of SIGHUP")

    def handle(self, *args: Any, **options: Any) -> None:
        folder = options["folder"].absolute()
        layout = Layout(folder, (options["data"] or folder / "data").absolute())
        watched = options["watch"] or options["pid_file"] or options["reload_command"]
        try:
            listener = _listener("--listener", options["listener"])
            bridge = _listener("--bridge-listener", options["bridge_listener"]) if options["bridge_listener"] else None
            broker = brokers.choose(options["broker"])
            export = Export(layout, _bridge_account(broker, options["bridge_password_file"]), broker)
            reloads = _reload(options["reload_command"], options["pid_file"] or layout.pid_file)
            export.write_settings(listener, bridge, Save(options["save"]))
            export.write_accounts()
        except (AccountError, AddressError, OSError, ValueError, DatabaseError) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"wrote {layout.conf}")
        if watched:
            asyncio.run(_watch(export, reloads))


async def _watch(export: Export, reloads: Reload) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await Watch(export, reloads).run(stop)


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _listener(option: str, listener: str) -> Listener:
    """`127.0.0.1:1883` or `[::1]:1883`. Raises `ValueError`."""
    wrong = ValueError(f"{option} must be HOST:PORT, not {listener!r}")
    try:
        parts = urlsplit(f"//{listener}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if not host or not port or parts.netloc != listener or parts.username is not None or not host.isprintable():
        raise wrong
    return Listener(host, port)


def _bridge_account(broker: str, password_file: Path | None) -> BridgeAccount:
    """Raises `AccountError`, `AddressError`, `OSError`."""
    address = brokers.configured()[broker]
    username = address.username or DEFAULT_BRIDGE
    if password_file is not None:
        address = replace(address, password_file=password_file)
    password = address.with_password().password
    if not password:
        raise AccountError("the bridge needs a password: in MQTT_URL, mqtt://bridge:PASSWORD@HOST, or in a file")
    return BridgeAccount.make(username, password)


def _reload(command: str | None, pid_file: Path) -> Reload:
    """Raises `ValueError`."""
    return reload.by_command(command) if command else reload.by_pid_file(pid_file)
