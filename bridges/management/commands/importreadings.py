from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bridges.csv.importing import ImportReport, store_in_batches
from devices.errors import Refusal
from devices.models import Device


class Command(BaseCommand):
    help = "Imports the readings of a CSV file of any size. Readings that exist already are skipped."
    requires_system_checks = []  # they would load every page

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("uid", help="the device that the readings belong to")
        parser.add_argument(
            "file", type=Path, help="columns time,metric,value, or time and one column per metric; - reads stdin"
        )

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
        self._print(report)

    def _import(self, device: Device, content: BinaryIO, size: int) -> ImportReport:
        report = ImportReport()
        for _ in store_in_batches(device, content, report):
            share = f"{100 * content.tell() // size} %, " if size else ""
            self.stderr.write(f"\r{share}{_counts(report)}", ending="")
            self.stderr.flush()
        self.stderr.write("")
        return report

    def _print(self, report: ImportReport) -> None:
        for line in report.as_json()["lines"]:
            detail = f" ({line['detail']})" if line["detail"] else ""
            self.stdout.write(f"line {line['line']}: {line['meaning']}{detail}")
        if report.refused > len(report.listed):
            self.stdout.write(f"and {report.refused - len(report.listed):,} more")
        self.stdout.write(_counts(report))


def _counts(report: ImportReport) -> str:
    return f"{report.stored:,} stored, {report.present:,} present already, {report.refused:,} refused"
