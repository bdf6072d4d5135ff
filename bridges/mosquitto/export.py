"""Writes what Mosquitto runs with."""

from __future__ import annotations

from bridges.mosquitto import accounts, conf, files
from bridges.mosquitto.accounts import BridgeAccount
from bridges.mosquitto.conf import Layout, Listener, Save
from devices.registry import accounts as registry_accounts


class Export:
    """The files of one Mosquitto. Blocks; raises `OSError` where a file cannot be written."""

    def __init__(self, layout: Layout, bridge: BridgeAccount, broker: str) -> None:
        """`broker`: the name of the one whose devices may sign in."""
        self._layout = layout
        self._broker = broker
        self._bridge = bridge
        self._passwords = ""

    def write_settings(self, listener: Listener, bridge: Listener | None, save: Save) -> None:
        """The folders, `mosquitto.conf` and the ACL: what no device changes."""
        layout = self._layout
        files.make_folder(layout.folder, files.FOLDER_MODE)
        files.make_folder(layout.additions, files.FOLDER_MODE)
        files.make_folder(layout.data, files.DATA_MODE)
        files.write(layout.acl, accounts.acl(self._bridge.username))
        files.write(layout.conf, conf.conf(layout, listener, bridge, save))

    def write_accounts(self) -> bool:
        """The password file, as the database has it now. Returns whether it is another than the last one."""
        text = accounts.passwords(self._bridge, registry_accounts.secret_hashes(self._broker))
        if text == self._passwords:
            return False
        files.write(self._layout.passwords, text)
        self._passwords = text
        return True
