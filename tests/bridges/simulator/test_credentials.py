from pathlib import Path

import pytest

from bridges.simulator.credentials import Credentials, CredentialsError, read

PUMP = '{"uid": "pump-1", "secret": "s3cret-of-the-pump"}'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "simulator.jsonl"


def test_it_reads_the_lines_of_createdevice(file: Path):
    file.write_text(f'{PUMP}\n\n{{"uid": "tank-9", "secret": "x"}}\n')
    assert read(file) == [Credentials("pump-1", "s3cret-of-the-pump"), Credentials("tank-9", "x")]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("pump-2 secret", "expected"),
        ('{"uid": "pump-2"}', "secret"),
        ('{"uid": 7, "secret": "x"}', "uid"),
        ('["pump-2", "x"]', "expected"),
        ('{"uid": "toaster-1", "secret": "x"}', "toaster-1.*pump, tank"),
        ('{"uid": "pump-/#", "secret": "x"}', "not a uid"),
        (PUMP, "already in line 1"),
    ],
)
def test_an_invalid_line_is_named_by_file_and_line_without_a_secret(file: Path, line: str, complaint: str):
    file.write_text(f"{PUMP}\n{line}\n")
    with pytest.raises(CredentialsError, match=complaint) as caught:
        read(file)
    assert str(caught.value).startswith(f"{file}, line 2: ")
    assert "s3cret" not in str(caught.value)


def test_missing_empty_and_unreadable_files_are_named(file: Path):
    with pytest.raises(CredentialsError, match=f"{file}: no such file"):
        read(file)
    file.write_text("\n")
    with pytest.raises(CredentialsError, match=f"{file}: names no device"):
        read(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(CredentialsError, match=f"{file}: "):
        read(file)
