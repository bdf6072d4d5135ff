from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from bridges.csv import importing
from devices.models import Device, Reading
from devices.values import now_us

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def run(uid: str, file: Path) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("importreadings", uid, str(file), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Ten readings of the last hour, one of them invalid."""
    at = now_us() // 1000 - 3_600_000
    path = tmp_path / "history.csv"
    path.write_text("time,speed\n" + "".join(f"{at + i},{i}\n" for i in range(9)) + "soon,1\n")
    return path


def test_it_stores_a_file_in_batches_and_shows_its_progress(
    pump: Device, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 4)
    out, err = run("pump-1", file)
    assert Reading.objects.count() == 9
    assert out.splitlines() == [
        "line 11: a time is neither milliseconds since 1970 nor ISO 8601 ('soon')",
        "9 stored, 0 present already, 1 refused",
    ]
    assert err.count("%") == 3
    assert "100 %, 9 stored" in err


def test_it_may_be_run_again(pump: Device, file: Path) -> None:
    run("pump-1", file)
    assert "0 stored, 9 present already, 1 refused" in run("pump-1", file)[0]
    assert Reading.objects.count() == 9


def test_it_names_what_is_wrong(pump: Device, file: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="there is no device 'pump-2'"):
        run("pump-2", file)
    with pytest.raises(CommandError, match="No such file"):
        run("pump-1", tmp_path / "nothing.csv")
    file.write_text("a,b\n")
    with pytest.raises(CommandError, match="does not name a column of times"):
        run("pump-1", file)
