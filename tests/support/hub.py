"""A whole hub with the demo space, and the means to act in it."""

from __future__ import annotations

from pathlib import Path

from tests.support.data_folder import Credentials, Records, copy_template, make_demo, sqlite_records
from tests.support.databases import migrate
from tests.support.servers import HubServer

__all__ = ["Credentials", "RunningHub"]


class RunningHub(HubServer):
    """A hub with the demo space, started once before: its data folder is a copy of one that was.

    So it has the demo's users with DEMO=0 too, and only with DEMO=1 simulated devices.
    """

    def __init__(self, folder: Path, *, is_fresh: bool = False, **settings: str) -> None:
        """`is_fresh`: one that has never been started, and makes the demo."""
        super().__init__(folder, **{"DEMO": "1" if is_fresh else "0", **settings})
        data = Path(self.settings["DATA_DIR"])
        url = settings.get("DATABASE_URL")
        self.records: Records = Records(url) if url else sqlite_records(data)
        if is_fresh or data.exists():
            return
        if url:
            migrate(url)
            make_demo(url, data)
        else:
            copy_template(data)
        del self.settings["DEMO_PASSWORD"]  # theirs already, and it takes a hub half a second to check that

    def create_device(self, uid: str) -> Credentials:
        return self.records.create_device(uid)

    def create_token(self, username: str) -> str:
        return self.records.create_token(username)
