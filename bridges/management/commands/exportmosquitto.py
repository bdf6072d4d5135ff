from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from bridges.mosquitto import reload
from bridges.mosquitto.account_watcher import AccountWatcher
from bridges.mosquitto.accounts import AccountError, BridgeAccount
from bridges.mosquitto.conf import ListenAddress, Listeners, MosquittoPaths, SavePolicy
from bridges.mosquitto.export import MosquittoExport
from bridges.mosquitto.reload import Reload
from bridges.mqtt import brokers
from bridges.mqtt.address import AddressError
from devices.management.signals import stop_event

DEFAULT_BRIDGE = "bridge"


class Command(BaseCommand):
    help = "Writes mosquitto.conf, its password file and its ACL; with --watch, keeps the accounts up to date."
    requires_system_checks = []  # they would load every page

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="the folder to write mosquitto.conf, passwords and acl into")
        _add_listener_options(parser)
        parser.add_argument(
            "--save",
            choices=[each.value for each in SavePolicy],
            default=SavePolicy.CHANGES.value,
            help="when Mosquitto writes its state to the disk: at every change, or every one to two seconds, which is "
            "several times faster and may lose the messages of that time (default: %(default)s)",
        )
        parser.add_argument(
            "--data", type=Path, help="the folder in which Mosquitto keeps its state (default: FOLDER/data)"
        )
        _add_account_options(parser)
        _add_reload_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        folder = options["folder"].absolute()
        paths = MosquittoPaths(folder, (options["data"] or folder / "data").absolute())
        watching = options["watch"] or options["pid_file"] or options["reload_command"]
        try:
            listener = _listen_address("--listener", options["listener"])
            broker = brokers.choose(options["broker"])
            export = MosquittoExport(paths, _bridge_account(broker, options["bridge_password_file"]), broker)
            reloads = _reload(options["reload_command"], options["pid_file"] or paths.pid_file)
            listeners = _listeners(listener, options["bridge_listener"], options["shared_listener"], broker)
            export.write_settings(listeners, SavePolicy(options["save"]))
            export.write_accounts()
        except (AccountError, AddressError, OSError, ValueError, DatabaseError) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"wrote {paths.conf}")
        if watching:
            asyncio.run(_watch(export, reloads))


def _add_listener_options(parser: CommandParser) -> None:
    parser.add_argument(
        "--listener",
        default=_join(settings.MQTT_BIND, settings.MQTT_PORT),
        metavar="HOST:PORT",
        help="where devices connect (default: %(default)s, from MQTT_BIND and MQTT_PORT)",
    )
    bridges = parser.add_mutually_exclusive_group()
    bridges.add_argument(
        "--bridge-listener",
        metavar="HOST:PORT",
        help="where only bridges connect (default: the address in MQTT_URL; none if that begins with mqtts://)",
    )
    bridges.add_argument(
        "--shared-listener",
        action="store_true",
        help="bridges connect where devices do; a device can then take over the session of another one",
    )


def _add_account_options(parser: CommandParser) -> None:
    parser.add_argument(
        "--bridge-password-file",
        type=Path,
        metavar="FILE",
        help="file with the password of MQTT_URL's user, if MQTT_URL does not hold it",
    )
    parser.add_argument(
        "--broker", metavar="NAME", help="the broker whose devices get accounts, if MQTT_URL names several"
    )


def _add_reload_options(parser: CommandParser) -> None:
    parser.add_argument("--watch", action="store_true", help="keep running, and export again when an account changes")
    parser.add_argument(
        "--pid-file",
        type=Path,
        metavar="PATH",
        help="file with the id of the process to reload (default: DATA/mosquitto.pid)",
    )
    parser.add_argument("--reload-command", metavar="COMMAND", help="command that reloads Mosquitto, instead of SIGHUP")


async def _watch(export: MosquittoExport, reloads: Reload) -> None:
    stop = stop_event()
    await AccountWatcher(export, reloads).run(stop)


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _listen_address(option: str, listener: str) -> ListenAddress:
    """`127.0.0.1:1883` or `[::1]:1883`. Raises `ValueError`."""
    wrong = ValueError(f"{option} must be HOST:PORT, not {listener!r}")
    try:
        parts = urlsplit(f"//{listener}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if not host or not port or parts.netloc != listener or parts.username is not None or not host.isprintable():
        raise wrong
    return ListenAddress(host, port)


def _listeners(devices: ListenAddress, for_bridges: str | None, shared: bool, broker: str) -> Listeners:
    """Raises `AddressError`, `ValueError`."""
    if shared:
        return Listeners(devices, is_shared=True)
    address = brokers.configured()[broker]
    if for_bridges:
        return Listeners(devices, _listen_address("--bridge-listener", for_bridges))
    if address.tls:
        return Listeners(devices)
    if address.port == devices.port:
        raise ValueError(
            f"MQTT_URL names port {address.port}, where devices connect: give it another one, for example "
            f"{_join('127.0.0.1', devices.port + 1)}, where Mosquitto will listen for bridges only"
        )
    return Listeners(devices, ListenAddress(address.host, address.port))


def _bridge_account(broker: str, password_file: Path | None) -> BridgeAccount:
    """Raises `AccountError`, `AddressError`, `OSError`."""
    address = brokers.configured()[broker]
    username = address.username or DEFAULT_BRIDGE
    if password_file is not None:
        address = replace(address, password_file=password_file)
    password = address.with_password().password
    if not password:
        raise AccountError(
            "the bridge needs a password: in MQTT_URL (mqtt://bridge:PASSWORD@HOST) or in --bridge-password-file"
        )
    return BridgeAccount.make(username, password)


def _reload(command: str | None, pid_file: Path) -> Reload:
    """Raises `ValueError`."""
    return reload.by_command(command) if command else reload.by_pid_file(pid_file)
