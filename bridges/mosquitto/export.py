"""Writes the files that Mosquitto runs with."""

from __future__ import annotations

from bridges.mosquitto import accounts, conf, files
from bridges.mosquitto.accounts import BridgeAccount
from bridges.mosquitto.conf import Listeners, MosquittoPaths, SavePolicy
from devices.registry import accounts as registry_accounts


class MosquittoExport:
    """The files of one Mosquitto. Its methods block and raise `OSError` if a file cannot be written."""

    def __init__(self, paths: MosquittoPaths, bridge: BridgeAccount, broker: str) -> None:
        """`broker`: the name of the broker; the devices that belong to it may sign in."""
        self._paths = paths
        self._broker = broker
        self._bridge = bridge
        self._password_file = ""

    def write_settings(self, listeners: Listeners, save: SavePolicy) -> None:
        """Writes the folders, `mosquitto.conf` and the ACL, which do not depend on the devices."""
        paths = self._paths
        files.make_folder(paths.folder, files.FOLDER_MODE)
        files.make_folder(paths.additions, files.FOLDER_MODE)
        files.make_folder(paths.data, files.DATA_MODE)
        files.write(paths.acl, accounts.acl(self._bridge.username))
        files.write(paths.conf, conf.render(paths, listeners, save))

    def write_accounts(self) -> bool:
        """Writes the password file if the accounts in the database have changed. Returns whether they have."""
        text = accounts.password_file(self._bridge, registry_accounts.secret_hashes(self._broker))
        if text == self._password_file:
            return False
        files.write(self._paths.passwords, text)
        self._password_file = text
        return True
