"""The hub's periodic work, in the order of its importance; `runtime.worker` executes it."""

from __future__ import annotations

from devices.availability import checks, history
from devices.registry import known_networks
from devices.rooms import files
from devices.runtime.worker import Job
from devices.spaces import expiry
from devices.telemetry import deleted_metrics
from devices.telemetry.partitions import Partitions
from devices.telemetry.retention import removal
from devices.telemetry.retention.quota import ReadingQuota
from devices.telemetry.rollups import RollupJob
from devices.values import now_us

JOBS = (
    Job("rollups", 10, RollupJob().step),
    Job("availability", 3, lambda: checks.check(now_us())),
    Job("availability history", 3600, lambda: history.trim(now_us())),
    Job("partitions", 3600, Partitions().create_ahead),
    Job("retention", 600, removal.remove_outdated),
    Job("deleted metrics", 60, deleted_metrics.remove_deleted),
    Job("reading quota", 3600, ReadingQuota()),
    Job("expiry", 3600, expiry.remove_expired),
    Job("device networks", 3600, known_networks.remove_expired),
    Job("files", 3600, files.Sweep()),
)
