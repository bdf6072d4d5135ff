"""The last refused messages of a device: counted together, limited in number, safe to show."""

from __future__ import annotations

import pytest

from devices.models import Device, Space, StoredRefusal
from devices.refusals import store
from devices.refusals.models import MAX_DETAIL, MAX_START
from devices.refusals.store import MAX_KEPT, MERGE_WITHIN_US, START_BYTES, RefusalRecord, printable, record
from devices.rooms import provisioning

SECOND = 1_000_000


def refused(reason: str = "invalid_json", at: int = 0, *, kind: str = "telemetry", **fields: object) -> RefusalRecord:
    facts = {"uid": "pump-1", "detail": "", "start": b"{", "size": 1, "first_at": at, "at": at, **fields}
    return RefusalRecord(kind=kind, reason=reason, **facts)


def counts(device: Device) -> list[tuple[str, int]]:
    return [(row["reason"], row["count"]) for row in store.recent(device)]


def test_refusals_are_returned_newest_first(pump: Device) -> None:
    record([refused("not_finite", 5 * SECOND, detail="NaN", key="a", start=b'{"a": NaN}', size=10)])
    record([refused("empty_payload", 6 * SECOND, kind="status", start=b"", size=0)])
    newest, oldest = store.recent(pump)
    assert (newest["reason"], newest["kind"], newest["start"]) == ("empty_payload", "status", "")
    del oldest["id"]
    assert oldest == {
        "reason": "not_finite",
        "meaning": "a number is NaN or infinite",
        "key": "a",
        "detail": "NaN",
        "kind": "telemetry",
        "start": '{"a": NaN}',
        "size": 10,
        "count": 1,
        "first_at": 5000,
        "at": 5000,
    }


def test_the_same_reason_within_a_minute_is_counted_in_one_row(pump: Device) -> None:
    record([refused(at=0, start=b"old")])
    record([refused(at=MERGE_WITHIN_US, start=b"new", count=4999)])
    [row] = store.recent(pump)
    assert (row["count"], row["start"], row["first_at"], row["at"]) == (5000, "new", 0, 60_000)
    record([refused(at=2 * MERGE_WITHIN_US + 1)])
    assert counts(pump) == [("invalid_json", 1), ("invalid_json", 5000)]


def test_other_reasons_kinds_keys_and_devices_have_rows_of_their_own(pump: Device, space: Space) -> None:
    valve, _ = provisioning.create_device("valve-1", space)
    given = [refused(), refused("not_finite"), refused(kind="status"), refused(key="a"), refused(key="b")]
    for _ in range(2):
        record([*given, refused(uid="valve-1")])
    assert (pump.refusals.count(), valve.refusals.count()) == (5, 1)
    assert {row["count"] for row in store.recent(pump)} == {2}


def test_a_device_that_alternates_between_reasons_has_one_row_for_each(pump: Device) -> None:
    for second in range(100):
        record([refused(("invalid_json", "not_finite")[second % 2], second * SECOND)])
    assert sorted(counts(pump)) == [("invalid_json", 50), ("not_finite", 50)]


def test_only_the_newest_rows_of_each_device_are_kept(pump: Device, space: Space) -> None:
    valve, _ = provisioning.create_device("valve-1", space)
    record([refused(uid="valve-1", at=0)])
    for i in range(MAX_KEPT + 7):
        record([refused(at=i * 2 * MERGE_WITHIN_US, start=b"%d" % i)])
    assert [row["start"] for row in store.recent(pump)] == [str(i) for i in range(MAX_KEPT + 6, 6, -1)]
    assert valve.refusals.count() == 1


def test_a_device_that_makes_up_keys_does_not_flush_its_other_refusals(pump: Device) -> None:
    record([refused("not_finite", 1, key="a"), refused("not_finite", 2, key="b"), refused(at=3)])
    for i in range(10):
        record([refused("too_many_metrics", 4 + i, key=f"k{i}.{number}") for number in range(10)])
    found = store.recent(pump)
    assert len(found) == MAX_KEPT
    assert [row["key"] for row in found[-3:]] == ["", "b", "a"]
    assert found[0]["key"].startswith("k9.")


def test_full_devices_take_no_statement_each(pump: Device, space: Space, django_assert_max_num_queries) -> None:
    uids = ["pump-1", *(provisioning.create_device(f"valve-{i}", space)[0].uid for i in range(20))]
    record([refused(uid=uid, key=str(key)) for uid in uids for key in range(MAX_KEPT)])
    with django_assert_max_num_queries(12):
        record([refused(uid=uid, at=SECOND, key="new") for uid in uids])
    assert StoredRefusal.objects.count() == len(uids) * MAX_KEPT


def test_many_records_take_few_statements(pump: Device, django_assert_max_num_queries) -> None:
    record([refused("not_finite"), refused("too_deep")])
    with django_assert_max_num_queries(10):
        record([refused(reason) for reason in ("not_finite", "too_deep", "invalid_json", "duplicate_key", "retained")])


def test_an_unknown_device_has_no_rows(pump: Device) -> None:
    record([refused(uid="nobody")])
    record([])
    assert not StoredRefusal.objects.exists()


def test_the_rows_are_deleted_with_their_device(pump: Device) -> None:
    record([refused()])
    pump.delete()
    assert not StoredRefusal.objects.exists()


@pytest.mark.parametrize(
    ("start", "shown"),
    [
        (b'{"a": 1}', '{"a": 1}'),
        (b"\x00\x1b[31m\n\t\x7f", r"\x00\x1b[31m\n\t\x7f"),
        (b"\xff\xfe{\x00", r"\xff\xfe{\x00"),
        ("\u202e\u2066\u200b\ufeff".encode(), r"\u202e\u2066\u200b\ufeff"),
        ("grün 温度 🌡".encode(), "grün 温度 🌡"),
        (b"<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
def test_unprintable_characters_are_escaped(start: bytes, shown: str) -> None:
    assert printable(start, cut=False) == shown


def test_a_character_that_was_cut_is_left_out() -> None:
    assert printable("aé".encode()[:2], cut=True) == "a"
    assert printable("aé".encode()[:2], cut=False) == r"a\xc3"


@pytest.mark.parametrize("byte", [b"\x00", b"\xff", b"\xf0", "\u202e".encode(), "\U000e0001".encode()])
def test_the_longest_payload_and_detail_fit_into_their_columns(pump: Device, byte: bytes) -> None:
    """PostgreSQL refuses text that is longer than its column, and NUL."""
    start = (byte * START_BYTES)[:START_BYTES]
    record([refused(start=start, size=START_BYTES, detail="\0\ud800\u202e" * 500)])
    row = StoredRefusal.objects.get()
    assert len(row.start) <= MAX_START
    assert len(row.detail) == MAX_DETAIL
    assert (row.start + row.detail).isprintable()


def test_a_count_of_another_process_is_added_to(pump: Device) -> None:
    record([refused()])
    StoredRefusal.objects.update(count=10)
    record([refused(count=5)])
    assert counts(pump) == [("invalid_json", 15)]
