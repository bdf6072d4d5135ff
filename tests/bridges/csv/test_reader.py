"""Files: two forms, three separators, and a name for every fault."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.csv import reader, records
from bridges.csv.reader import ParsedCell
from devices.errors import Refusal
from devices.values import Sample, Value

T = "2023-11-14T22:13:20Z"
AT = 1_700_000_000_000_000
NOW = AT + 10_000_000


def read(file: str | bytes) -> list[ParsedCell]:
    return list(reader.read(io.BytesIO(file.encode() if isinstance(file, str) else file), NOW))


def samples(file: str | bytes) -> list[tuple[str, Value]]:
    found = [cell.result for cell in read(file)]
    assert all(isinstance(one, Sample) and one.time == AT for one in found), found
    return [(one.metric, one.value) for one in found if isinstance(one, Sample)]


def refusals(file: str | bytes) -> list[tuple[int, str]]:
    return [(cell.line, cell.result.reason) for cell in read(file) if isinstance(cell.result, Refusal)]


@pytest.mark.parametrize(
    "file",
    [
        f"time,metric,value\n{T},a,1\n{T},b,x\n",
        f"\ufefftime,metric,value\r\n{T},a,1\r\n{T},b,x\r\n",
        f"time,metric,value\n\n{T},a,1\n\n\n{T},b,x",
        f"value,Time,METRIC\n1,{T},a\nx,{T},b\n",
        f"time;metric;value\n{T};a;1\n{T};b;x\n",
        f'"time","metric","value"\n"{T}","a","1"\n"{T}","b","x"\n',
        f"time,a,b\n{T},1,x\n",
        f"timestamp\ta\tb\n{T}\t1\tx\n",
        f"a;b;ts\n1;x;{T}\n",
        f"time, a, b\n{T}, 1,\n{T},,x\n",
        "time,a,b\n1700000000000,1,x\n",
    ],
)
def test_every_form_gives_the_same_samples(file: str) -> None:
    assert samples(file) == [("a", 1), ("b", "x")]


def test_with_semicolons_a_comma_is_the_decimal_point() -> None:
    assert samples(f"time;a\n{T};-21,5\n{T};1.5\n") == [("a", -21.5), ("a", 1.5)]


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("", "empty_payload"),
        ("\n\n", "empty_payload"),
        ("\ufeff", "invalid_header"),
        ("time,metric,value".encode("utf-16"), "invalid_encoding"),
        (b"time,\xff,value\n", "invalid_utf8"),
        (f"{T},a,1\n", "invalid_header"),
        ("time\n", "invalid_header"),
        ("metric,value\n", "invalid_header"),
        ('time,"a\n', "invalid_csv"),
        ("time,a,a\n", "duplicate_key"),
        ("time,a,\n", "name_invalid"),
        (f"time,{'x' * 129}\n", "name_invalid"),
        ("time,a\0\n", "nul_character"),
        (b"x" * 10_000_000, "line_too_long"),
        (f"time,a\r{T},1\r", "invalid_header"),
    ],
)
def test_a_file_without_a_usable_first_line_is_refused_by_name(file: str | bytes, reason: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read(file)
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"{T},a", "wrong_columns"),
        (f"{T},a,1,2", "wrong_columns"),
        ("soon,a,1", "timestamp_invalid"),
        ("2023-11-14T22:18:31Z,a,1", "time_in_future"),
        (f"{T},,1", "name_invalid"),
        (f"{T},a,NaN", "not_finite"),
        (f"{T},a\0,1", "nul_character"),
        (f'{T},a,"1', "invalid_csv"),
        (f'{T},a,"1"x', "invalid_csv"),
        (f'{T},a,5" pipe', "invalid_csv"),
        (b"\xff\xfe,a,1", "invalid_utf8"),
        (b"x" * 10_000_000, "line_too_long"),
    ],
)
def test_a_bad_line_is_refused_by_name_and_number_and_the_others_are_read(line: str | bytes, reason: str) -> None:
    bad = line.encode() if isinstance(line, str) else line
    file = b"time,metric,value\n%b,a,1\n" % T.encode() + bad + b"\n%b,b,2\n" % T.encode()
    found = read(file)
    assert [cell.result for cell in found if isinstance(cell.result, Sample)] == [
        Sample("a", 1, AT),
        Sample("b", 2, AT),
    ]
    assert refusals(file) == [(3, reason)]


def test_only_the_bad_cell_of_a_line_is_refused() -> None:
    file = f"time,a,b\n{T},NaN,2\n"
    assert refusals(file) == [(2, "not_finite")]
    [cell] = [cell for cell in read(file) if isinstance(cell.result, Refusal)]
    assert "'a'" in str(cell.result)
    assert Sample("b", 2, AT) in [cell.result for cell in read(file)]


def test_lines_are_numbered_as_in_an_editor() -> None:
    assert refusals(f'time,metric,value\n{T},a,"x\ny\nz"\n\nsoon,a,1\n') == [(6, "timestamp_invalid")]


def test_a_quote_that_never_closes_costs_only_its_own_line() -> None:
    line = f"{T},a,1\n".encode()
    lines = 3 * records.MAX_RECORD // len(line)
    found = read(b"time,metric,value\n" + f'{T},a,"\n'.encode() + line * lines)
    assert [cell.result.reason for cell in found if isinstance(cell.result, Refusal)] == ["invalid_csv"]
    assert len(found) == 1 + lines


def test_two_stray_quotes_cost_only_their_own_lines() -> None:
    good = f"{T},a,1\n" * 5
    file = f'time,metric,value\n{T},a,"x\n{good}{T},b,"y\n{good}'
    assert refusals(file) == [(2, "invalid_csv"), (8, "invalid_csv")]
    assert len(read(file)) == 12
    assert [cell.record for cell in read(file) if isinstance(cell.result, Refusal)] == [f'{T},a,"x', f'{T},b,"y']


@given(st.binary(max_size=300))
def test_any_bytes_give_samples_or_named_refusals(content: bytes) -> None:
    for file in (content, b"time,metric,value\n" + content, b"time;a;b\n" + content):
        try:
            for cell in read(file):
                assert isinstance(cell.result, (Sample, Refusal))
        except Refusal:
            pass
