"""Writes the files that Mosquitto runs with."""

from __future__ import annotations

import logging
from collections.abc import Set
from pathlib import Path

from bridges.mosquitto import accounts, conf, files, own_lines, programs
from bridges.mosquitto.accounts import BridgeAccount
from bridges.mosquitto.conf import Listeners, MosquittoPaths, SavePolicy
from bridges.mosquitto.programs import Programs
from bridges.mosquitto.sources import source_rights
from devices import access
from devices.registry import accounts as registry_accounts
from devices.spaces import tokens

logger = logging.getLogger("hubbub.mosquitto")


class MosquittoExport:
    """The files of one Mosquitto. Its methods block and raise `OSError` if a file cannot be written."""

    def __init__(self, paths: MosquittoPaths, bridge: BridgeAccount, broker: str) -> None:
        """`broker`: the name of the broker; the devices that belong to it may sign in."""
        self._paths = paths
        self._broker = broker
        self._bridge = bridge
        self._written: dict[Path, str] = {}
        self._logged_exclusions = ""

    def write_settings(self, listeners: Listeners, save: SavePolicy) -> None:
        """Writes the folders and `mosquitto.conf`, which do not depend on the accounts."""
        paths = self._paths
        files.make_folder(paths.folder, files.FOLDER_MODE)
        files.make_folder(paths.additions, files.FOLDER_MODE)
        files.make_folder(paths.data, files.DATA_MODE)
        files.write(paths.conf, conf.render(paths, listeners, save))

    def write_accounts(self) -> bool:
        """Writes ACL and password file if the accounts in the database have changed. Returns whether they have."""
        devices = registry_accounts.secret_hashes(self._broker)
        found = self._programs(devices.keys())
        source_accounts, listened = source_rights(self._broker)
        taken = {self._bridge.username, *registry_accounts.uids(), *(program.username for program in found.accepted)}
        # An account of the same name would get the topics of the source.
        source_accounts = [account for account in source_accounts if account.username not in taken]
        # The ACL first: a new name in the password file would have the rights of a device without its rules.
        texts = {
            self._paths.acl: accounts.acl(
                self._bridge.username,
                found.accepted,
                registry_accounts.gateways() & devices.keys(),
                source_accounts,
                listened,
            ),
            self._paths.passwords: accounts.password_file(self._bridge, devices, found.accepted, source_accounts),
        }
        changed = [path for path, text in texts.items() if self._written.get(path) != text]
        for path in changed:
            files.write(path, own_lines.merged(texts[path], _present(path)))
            self._written[path] = texts[path]
        self._log(found)
        return bool(changed)

    def _programs(self, served: Set[str]) -> Programs:
        logins = tokens.logins()
        watched = access.watched_by({login.person_id for login in logins})
        return programs.programs(logins, watched, served, registry_accounts.uids(), self._bridge.username)

    def _log(self, found: Programs) -> None:
        """Once for each change, not every few seconds."""
        exclusions = found.exclusions()
        if exclusions and exclusions != self._logged_exclusions:
            people = "1 person" if len(found.excluded) == 1 else f"{len(found.excluded)} people"
            logger.warning("%s cannot sign in at Mosquitto with an API token: %s", people, exclusions)
        self._logged_exclusions = exclusions


def _present(path: Path) -> str:
    """The text of the file; nothing where there is none yet."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
