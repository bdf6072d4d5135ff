"""What the hub does on its own account, at intervals. `runtime.worker` works through it."""

from __future__ import annotations

from devices.availability import checks, history
from devices.rooms import files
from devices.runtime.worker import Job
from devices.telemetry import partitions, rollups
from devices.telemetry.retention import removal
from devices.values import now_us

JOBS = (
    Job("rollups", 10, rollups.work),
    Job("availability", 3, lambda: checks.check(now_us())),
    Job("availability history", 3600, lambda: history.trim(now_us())),
    Job("partitions", 3600, partitions.prepare),
    Job("retention", 600, removal.apply),
    Job("files", 3600, files.Sweep()),
)
