"""`make run` in a terminal, as a newcomer types it."""

from __future__ import annotations

import os
import pty
from pathlib import Path

from tests.support.servers import ROOT, HubServer, find


def test_make_run_prints_the_secrets_at_a_terminal_and_ends_with_0_after_ctrl_c(tmp_path: Path) -> None:
    make, hub = find("make"), HubServer(tmp_path, DEMO="1", DEMO_PASSWORD="")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execve(make, ["make", "run"], hub.environment())
    shown = b""
    while b"Ctrl-C stops it" not in shown:
        shown += os.read(terminal, 4096)
    for name in ("demo.password", "my-device.secret"):
        assert (tmp_path / "data" / name).read_bytes().strip() in shown
    os.write(terminal, b"\x03")
    try:
        while more := os.read(terminal, 4096):
            shown += more
    except OSError:
        pass  # what Linux raises once the other end is closed
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert b"Error" not in shown
    assert b"Traceback" not in shown
