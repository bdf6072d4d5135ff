from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bridges.csv.importing import Report, batches
from devices.errors import Refusal
from devices.models import Device


class Command(BaseCommand):
    help = "Stores the readings of a CSV file of any size. Readings that are there already are passed over."
    requires_system_checks = []  # they load every page

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("uid", help="the device whose history it is")
        parser.add_argument("file", type=Path, help="time,metric,value, or time and a column a metric; - is stdin")

    def handle(self, *args: Any, uid: str, file: Path, **options: Any) -> None:
        device = Device.objects.filter(uid=uid).first()
        if device is None:
            raise CommandError(f"there is no device {uid!r}")
        try:
            if str(file) == "-":
                report = self._import(device, sys.stdin.buffer, 0)
            else:
                with file.open("rb") as content:
                    report = self._import(device, content, file.stat().st_size)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from None
        except Refusal as refusal:
            raise CommandError(f"{file}: {refusal.message}") from None
        self._tell(report)

    def _import(self, device: Device, content: BinaryIO, size: int) -> Report:
        report = Report()
        for _ in batches(device, content, report):
            share = f"{100 * content.tell() // size} %, " if size else ""
            self.stderr.write(f"\r{share}{_counts(report)}", ending="")
            self.stderr.flush()
        self.stderr.write("")
        return report

    def _tell(self, report: Report) -> None:
        for line in report.facts()["lines"]:
            detail = f" ({line['detail']})" if line["detail"] else ""
            self.stdout.write(f"line {line['line']}: {line['meaning']}{detail}")
        if report.refused > len(report.told):
            self.stdout.write(f"and {report.refused - len(report.told):,} more")
        self.stdout.write(_counts(report))


def _counts(report: Report) -> str:
    return f"{report.stored:,} stored, {report.present:,} there already, {report.refused:,} refused"
