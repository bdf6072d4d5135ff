from __future__ import annotations

import asyncio
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from devices.channel import fanout
from devices.jobs import JOBS
from devices.management import metrics
from devices.management.signals import stop_event
from devices.runtime.worker import run_worker


class Command(BaseCommand):
    help = "Rolls up history and does the hub's other periodic work until it is stopped; runhub does this work itself."
    requires_system_checks = []  # they would import every page

    def add_arguments(self, parser: CommandParser) -> None:
        metrics.add_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        metrics.serve(options["metrics_address"])
        asyncio.run(self._work_until_signalled())

    async def _work_until_signalled(self) -> None:
        stop = stop_event()
        self.stdout.write("working; Ctrl-C stops it")
        self.stdout.flush()
        await run_worker(stop, JOBS, fanout.publish)
