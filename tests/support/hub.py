"""A whole hub with the demo space, and the means to act in it."""

from __future__ import annotations

from pathlib import Path

from tests.support.data_folder import Credentials, Records, copy_template, sqlite_records
from tests.support.servers import HubServer

__all__ = ["Credentials", "RunningHub"]


class RunningHub(HubServer):
    """A hub with the demo space, started once before: its data folder is a copy of one that was."""

    def __init__(self, folder: Path, *, is_fresh: bool = False, **settings: str) -> None:
        """`is_fresh`: one that has never been started."""
        super().__init__(folder, **settings)
        data = Path(self.settings["DATA_DIR"])
        if not is_fresh and not data.exists():
            copy_template(data)
            del self.settings["DEMO_PASSWORD"]  # theirs already, and it takes a hub half a second to check that
        self.records: Records = sqlite_records(data)

    def create_device(self, uid: str) -> Credentials:
        return self.records.create_device(uid)

    def create_token(self, username: str) -> str:
        return self.records.create_token(username)
