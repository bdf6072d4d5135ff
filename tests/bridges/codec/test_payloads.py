"""Literal bytes in, reports or named refusals out."""

from __future__ import annotations

import gzip
import json
import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridges.codec import json_reading, payloads
from bridges.codec.json_reading import MAX_PAYLOAD
from bridges.codec.times import FUTURE_US
from devices.errors import MAX_KEY, MAX_LISTED, Refusal
from devices.runtime import stats
from devices.values import Answer, Availability, LocalSample, Sample

NOW = 1_760_000_000_000_000  # µs
NESTED_8 = b'{"a":' * 8 + b"1" + b"}" * 8
NESTED_9 = b'{"a":' * 9 + b"1" + b"}" * 9


def samples(payload: bytes) -> list[Sample]:
    return list(payloads.decode_telemetry(payload, NOW).samples)


def refused(payload: bytes) -> str:
    with pytest.raises(Refusal) as caught:
        payloads.decode_telemetry(payload, NOW)
    return caught.value.reason


def skipped(payload: bytes) -> list[tuple[str, str]]:
    """The key and reason of each value that was skipped."""
    found = payloads.decode_telemetry(payload, NOW).skipped
    return [(refusal.key, refusal.reason) for refusal, _ in found] if found else []


def test_it_decodes_a_plain_object() -> None:
    assert samples(b'{"temperature": 21.5, "on": true, "mode": "auto"}') == [
        Sample("temperature", 21.5),
        Sample("on", True),
        Sample("mode", "auto"),
    ]


@pytest.mark.parametrize(
    ("ts", "time"),
    [
        (b"1759999999123", 1_759_999_999_123_000),
        (b"1759999999123.5", 1_759_999_999_123_500),
        (b'"2025-10-09T08:53:19.123456Z"', 1_759_999_999_123_456),
        (b'"2025-10-09T10:53:19+02:00"', 1_759_999_999_000_000),
        (b'"1759999999123"', 1_759_999_999_123_000),
    ],
)
def test_it_decodes_the_devices_own_time(ts: bytes, time: int) -> None:
    assert samples(b'{"ts": %s, "values": {"a": 1}}' % ts) == [Sample("a", 1, time)]


def test_a_time_without_an_offset_is_marked_as_local() -> None:
    decoded = payloads.decode_telemetry(b'{"ts": "2025-10-09T08:53:19", "values": {"a": 1}}', NOW)
    assert decoded.samples == (LocalSample("a", 1, 1_759_999_999_000_000),)
    assert decoded.claimed == 1_759_999_999_000_000


@pytest.mark.parametrize(
    ("payload", "claimed"),
    [
        (b'{"a": 1}', None),
        (b'[{"ts": 1759999999000, "values": {"a": 1}}, {"ts": 5000, "values": {"a": 1}}]', 1_759_999_999_000_000),
        (b'{"ts": 1999999999000, "values": {"a": 1}}', 1_999_999_999_000_000),
        (b'{"ts": 3000, "values": {"a": 1}}', 3_000_000),
    ],
)
def test_the_newest_time_that_a_message_gives_is_kept_whatever_it_is(payload: bytes, claimed: int | None) -> None:
    assert payloads.decode_telemetry(payload, NOW).claimed == claimed


def test_it_decodes_a_list_of_both_forms() -> None:
    payload = b'[{"ts": 1759999999000, "values": {"a": 1}}, {"a": 2}]'
    assert samples(payload) == [Sample("a", 1, 1_759_999_999_000_000), Sample("a", 2)]


def test_it_flattens_nested_objects_to_dotted_names() -> None:
    assert samples(b'{"phase": {"l1": {"u": 230}, "l2": 5}}') == [Sample("phase.l1.u", 230), Sample("phase.l2", 5)]


def test_it_decodes_eight_levels() -> None:
    assert samples(NESTED_8) == [Sample(".".join("a" * 8), 1)]


def test_a_time_far_ahead_is_replaced_by_the_time_of_receipt() -> None:
    ahead = (NOW + FUTURE_US) // 1000
    assert samples(b'{"ts": %d, "values": {"a": 1}}' % (ahead + 1)) == [Sample("a", 1, None)]
    assert samples(b'{"ts": %d, "values": {"a": 1}}' % ahead) == [Sample("a", 1, ahead * 1000)]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "empty_payload"),
        (b" \r\n", "empty_payload"),
        (b"\0", "empty_payload"),
        (b"{", "invalid_json"),
        (b"{}x", "invalid_json"),
        (b"nan", "invalid_json"),
        (b"{}", "invalid_shape"),
        (b"[]", "invalid_shape"),
        (b"[{}]", "invalid_shape"),
        (b'{"a":' * 20_000, "too_deep"),
        (b"[" * 100_000, "too_deep"),
        (b'{"a": "\xff"}', "invalid_utf8"),
        (b'{"a": "\xed\xa0\x80"}', "invalid_utf8"),
        ('{"a": 1}'.encode("utf-16"), "invalid_encoding"),
        ('{"a": 1}'.encode("utf-16-le"), "invalid_encoding"),
        ('{"a": 1}'.encode("utf-16-be"), "invalid_encoding"),
        ('{"a": 1}'.encode("utf-32"), "invalid_encoding"),
        (b'\0{"a": 1}', "nul_character"),
        (b'{"a": 1}\0\0', "nul_character"),
        (b'{"a": "%s"}' % (b"x" * MAX_PAYLOAD), "payload_too_large"),
    ],
)
def test_it_refuses_what_cannot_be_read_at_all(payload: bytes, reason: str) -> None:
    assert refused(payload) == reason


@pytest.mark.parametrize(
    ("odd", "key", "reason"),
    [
        (b'"a": NaN', "a", "not_finite"),
        (b'"a": Infinity', "a", "not_finite"),
        (b'"a": -Infinity', "a", "not_finite"),
        (b'"a": 1e999', "a", "not_finite"),
        (b'"a": 9223372036854775808', "a", "out_of_range"),
        (b'"a": -9223372036854775809', "a", "out_of_range"),
        (b'"a": 100000000000000000000000', "a", "out_of_range"),
        (b'"a": 1%s' % (b"0" * 64), "a", "number_too_long"),
        (b'"a": 0.%s' % (b"1" * 64), "a", "number_too_long"),
        (b'"a": 1%s' % (b"0" * 100_000), "a", "number_too_long"),
        (b'"a": {"b": [1%s]}' % (b"0" * 64), "a.b.0", "number_too_long"),
        (b'"a": "%s"' % (b"x" * 1025), "a", "text_too_long"),
        (b'"a": "\\ud800"', "a", "invalid_unicode"),
        (b'"\\udfff": 1', "\\udfff", "invalid_unicode"),
        (b'"a": "\\u0000"', "a", "nul_character"),
        (b'"\\u0000": 1', "\\x00", "nul_character"),
        (b'"": 1', "", "name_invalid"),
        (b'"a\\nb": 1', "a\\nb", "name_invalid"),
        (b'"%s": 1' % (b"a" * 129), "a" * 129, "name_invalid"),
        (b'"a": [{"b": 1}]', "a", "invalid_shape"),
        (b'"a": [1, [2]]', "a", "invalid_shape"),
        (b'"e": {"p": [{}]}', "e.p", "invalid_shape"),
        (b'"a": [%s]' % b",".join([b"1"] * 101), "a", "array_too_long"),
        (b'"a": [NaN]', "a.0", "not_finite"),
        (NESTED_9[1:-1], "a.a.a.a.a.a.a.a", "too_deep"),
        (b'"a":' + b'{"a":' * 600 + b"1" + b"}" * 600, "a.a.a.a.a.a.a.a", "too_deep"),
    ],
)
def test_a_value_that_cannot_be_one_is_skipped_by_its_key(odd: bytes, key: str, reason: str) -> None:
    for payload in (b'{"before": 1, %s, "after": 2}' % odd, b'{"values": {"before": 1, %s, "after": 2}}' % odd):
        assert samples(payload) == [Sample("before", 1), Sample("after", 2)]
        assert skipped(payload) == [(key, reason)]


@pytest.mark.parametrize(
    "payload",
    [
        b'{"a": 1, "a": 2}',
        b'{"a": 1, "\\u0061": 2}',
        b'{"a": "1:2", "a": 2}',
        b'{"values": {"a": 1, "a": 2}}',
        b'{"a": NaN, "a": 2}',
    ],
)
def test_of_two_values_with_one_key_the_last_is_kept(payload: bytes) -> None:
    assert samples(payload) == [Sample("a", 2)]
    assert skipped(payload) == [("a", "duplicate_key")]


def test_equal_keys_are_named_by_their_path() -> None:
    nested = b'{"a": {"b": 1, "b": 2, "b": 3}}'
    assert samples(nested) == [Sample("a.b", 3)]
    assert payloads.decode_telemetry(nested, NOW).skipped.total == 2
    assert skipped(nested) == [("a.b", "duplicate_key")]
    assert (samples(b'{"a.b": 1, "a": {"b": 2}}'), skipped(b'{"a.b": 1, "a": {"b": 2}}')) == (
        [Sample("a.b", 2)],
        [("a.b", "duplicate_key")],
    )
    assert samples(b'{"values": {"a": 1}, "values": {"a": 2}}') == [Sample("a", 2)]
    assert skipped(b'{"values": {"a": 1}, "values": {"a": 2}}') == [("values", "duplicate_key")]


@pytest.mark.parametrize(
    ("item", "key", "reason"),
    [
        (b"1", "item 2", "invalid_shape"),
        (b"null", "item 2", "invalid_shape"),
        (b'"text"', "item 2", "invalid_shape"),
        (b'{"ts": true, "values": {"a": 1}}', "item 2, ts", "timestamp_invalid"),
        (b'{"ts": -1, "values": {"a": 1}}', "item 2, ts", "timestamp_invalid"),
        (b'{"ts": "yesterday", "values": {"a": 1}}', "item 2, ts", "timestamp_invalid"),
        (b'{"ts": "1960-01-01T00:00:00Z", "values": {"a": 1}}', "item 2, ts", "timestamp_invalid"),
        (b'{"ts": 1e300, "values": {"a": 1}}', "item 2, ts", "timestamp_invalid"),
        (b'{"ts": 1%s, "values": {"a": 1}}' % (b"0" * 64), "item 2, ts", "timestamp_invalid"),
        (b'{"ts": 1760000000000, "temperature": 21.5}', "item 2, ts", "timestamp_misplaced"),
        (b'{"temperature": 21.5, "ts": "2025-10-09T08:53:19Z"}', "item 2, ts", "timestamp_misplaced"),
        (b'{"ts": 1760000000000}', "item 2, ts", "timestamp_misplaced"),
        (b'{"ts": 1760000000000, "values": 5}', "item 2, ts", "timestamp_misplaced"),
    ],
)
def test_an_item_of_a_list_that_cannot_be_read_is_skipped_by_its_number(item: bytes, key: str, reason: str) -> None:
    payload = b'[{"a": 1}, %s, {"a": 3}]' % item
    assert samples(payload) == [Sample("a", 1), Sample("a", 3)]
    assert skipped(payload) == [(key, reason)]
    assert samples(item) == []
    assert skipped(item) == [(key.removeprefix("item 2").removeprefix(", "), reason)]


def test_what_stands_beside_the_values_is_skipped() -> None:
    payload = b'{"ts": 1759999999000, "values": {"a": 1}, "b": 2}'
    assert samples(payload) == [Sample("a", 1, 1_759_999_999_000_000)]
    assert skipped(payload) == [("b", "invalid_shape")]


def test_values_beyond_the_number_of_one_message_are_skipped() -> None:
    payload = b"[%s]" % b",".join([b'{"a":1}'] * 10_003)
    found = payloads.decode_telemetry(payload, NOW)
    assert len(found.samples) == 10_000
    assert found.skipped is not None
    assert found.skipped.counts == {"too_many_values": 3}


def test_a_list_of_odd_items_is_not_read_without_an_end() -> None:
    found = payloads.decode_telemetry(b"[%s]" % b",".join([b'{"":1}'] * 18_000), NOW).skipped
    assert found is not None
    assert found.counts == {"name_invalid": 10_001, "too_many_values": 7_999}
    assert [(refusal.key, count) for refusal, count in found] == [("", 10_001), ("item 10002", 7_999)]


def test_values_below_a_key_that_is_too_long_are_skipped_together() -> None:
    """Each has a name as long as that key: of 128 KiB, gigabytes would be copied."""
    keys = ",".join(f'"{number}":[{",".join("1" * 50)}]' for number in range(600))
    payload = f'{{"{"k" * 60_000}": {{{keys}}}, "a": [{{}}], "b": 1}}'.encode()
    found = payloads.decode_telemetry(payload, NOW)
    assert found.samples == (Sample("b", 1),)
    assert found.skipped is not None
    assert found.skipped.counts == {"name_invalid": 1, "invalid_shape": 1}
    assert found.skipped.first.key == "k" * MAX_KEY
    assert payloads.decode_attributes(payload).facts == {"b": 1}


def test_all_skipped_values_are_counted_and_the_first_are_listed() -> None:
    found = payloads.decode_telemetry(b"{%s}" % b",".join(b'"a%d": NaN' % i for i in range(50)), NOW).skipped
    assert found is not None
    assert found.counts == {"not_finite": 50}
    assert [refusal.key for refusal, _ in found] == [f"a{i}" for i in range(MAX_LISTED)]


def test_arrays_of_scalars_become_numbered_values() -> None:
    assert samples(b'{"power": [23.6, null, true], "e": {"v": ["x"]}}') == [
        Sample("power.0", 23.6),
        Sample("power.2", True),
        Sample("e.v.0", "x"),
    ]


def test_nulls_and_empty_arrays_are_no_value() -> None:
    assert samples(b'{"a": null, "b": [], "c": 1}') == [Sample("c", 1)]
    assert skipped(b"[[]]") == [("item 1", "invalid_shape")]
    for payload in (b'{"a": null}', b'{"a": []}', b'[{"a": null}]', b'{"values": {"a": null}}'):
        assert (samples(payload), skipped(payload)) == ([], [])


@pytest.mark.parametrize("surrounded", [b"\xef\xbb\xbf%s", b"%s\0", b" %s\r\n", b"%s\n\0", b"\xc2\xa0%s"])
def test_what_surrounds_a_payload_is_ignored(surrounded: bytes) -> None:
    assert samples(surrounded % b'{"a": 1}') == [Sample("a", 1)]


@pytest.mark.parametrize(
    ("payload", "hint"),
    [
        (gzip.compress(b'{"a": 1}', mtime=0), "looks like gzip"),
        (zlib.compress(b'{"a": 1}'), "looks like zlib"),
        (bytes.fromhex("a16b74656d7065726174757265fb4035800000000000"), "looks like CBOR"),
        (bytes.fromhex("81a161cb4035800000000000"), "looks like MessagePack"),
        (bytes.fromhex("08f2dbbfcfad33120d100318f2dbbfcfad336d0000ac411802"), "looks like Protobuf, as of Sparkplug B"),
        (b'{"a": "\xff"}', "at byte 7"),
    ],
)
def test_the_refusal_of_a_binary_payload_names_its_format(payload: bytes, hint: str) -> None:
    with pytest.raises(Refusal) as caught:
        payloads.decode_telemetry(payload, NOW)
    assert (caught.value.reason, caught.value.detail) == ("invalid_utf8", hint)


def test_the_refusal_of_a_bare_value_shows_the_form() -> None:
    found = payloads.decode_telemetry(b"21.7", NOW).skipped
    assert found is not None
    assert found.first.detail.endswith('{"value": 21.7}')


@pytest.mark.parametrize(
    ("payload", "hint"),
    [
        (b"nan", "there is no value in it"),
        (b" Unavailable\n", "there is no value in it"),
        (b"on", 'send {"value": "on"}'),
        (b"21,5", ""),
        (b"a\x1b[2J", ""),
        (b"a\x1b", ""),
        (b"21.5 C", ""),
        (b"weather,room=attic t=21.5,h=40i 1700000000000000000", "it looks like InfluxDB line protocol"),
        (b"cpu idle=98\ncpu idle=97", "it looks like InfluxDB line protocol"),
        (b"<t>21.5</t>", "it looks like XML"),
        (b"{'t': 1}", ""),
        (b"a=" * 60_000, ""),
        (b"a " * 2_000, ""),
    ],
)
def test_the_refusal_of_what_is_not_json_says_what_it_looks_like(payload: bytes, hint: str) -> None:
    with pytest.raises(Refusal) as caught:
        payloads.decode_telemetry(payload, NOW)
    assert caught.value.reason == "invalid_json"
    assert caught.value.detail.partition("; ")[2] == hint


@pytest.mark.parametrize("ts", [b"null", b"3000", b"0", b'"1970-01-01T00:00:03Z"', b'"3000"'])
def test_without_a_time_or_from_a_clock_that_was_never_set_the_time_of_receipt_counts(ts: bytes) -> None:
    flagged = stats.flagged.labels("clock_not_set")._value
    before = flagged.get()
    assert samples(b'{"ts": %s, "values": {"a": 1}}' % ts) == [Sample("a", 1, None)]
    assert flagged.get() - before == (ts != b"null")


@pytest.mark.parametrize("ts", [b"1760000000", b'"1760000000"'])
def test_seconds_are_not_taken_for_a_clock_that_was_never_set(ts: bytes) -> None:
    assert samples(b'{"ts": %s, "values": {"a": 1}}' % ts) == [Sample("a", 1, 1_760_000_000_000)]


@pytest.mark.parametrize(
    ("ts", "unit"),
    [
        (b"1760000000000000", "microseconds"),
        (b'"1760000000000000"', "microseconds"),
        (b"1760000000000000000", "nanoseconds"),
        (b'"1760000000000000000"', "nanoseconds"),
    ],
)
def test_the_refusal_of_a_time_in_a_smaller_unit_names_it(ts: bytes, unit: str) -> None:
    found = payloads.decode_telemetry(b'{"ts": %s, "values": {"a": 1}}' % ts, NOW).skipped
    assert found is not None
    assert (found.first.reason, found.first.key) == ("timestamp_invalid", "ts")
    assert found.first.detail.endswith(f"looks like {unit}; milliseconds are expected")


def test_the_refusal_of_a_time_with_too_many_digits_says_so() -> None:
    found = payloads.decode_telemetry(b'{"ts": %s, "values": {"a": 1}}' % (b"1" * 65), NOW).skipped
    assert found is not None
    assert (found.first.key, found.first.detail) == ("ts", "a number has too many digits: 65 digits")


def test_a_null_beside_values_is_no_time() -> None:
    assert samples(b'{"ts": null, "a": 1}') == [Sample("a", 1)]


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 0, 2**53 + 1, 1.7976931348623157e308, 5e-324])
def test_it_decodes_the_extreme_numbers_exactly(number: float) -> None:
    assert samples(json.dumps({"a": number}).encode()) == [Sample("a", number)]


def test_a_colon_in_a_string_is_not_a_duplicate_key() -> None:
    assert samples(b'{"a": "12:30", "b": ":", ":c:": 1}') == [Sample("a", "12:30"), Sample("b", ":"), Sample(":c:", 1)]


def test_the_refusal_of_a_time_among_the_values_shows_the_form() -> None:
    found = payloads.decode_telemetry(b'{"ts": 1760000000000, "temperature": 21.5}', NOW).skipped
    assert found is not None
    assert found.first.detail == 'send {"ts": …, "values": {…}}'


def test_values_need_no_time_and_may_name_a_metric_ts_or_values() -> None:
    assert samples(b'{"values": {"a": 1}}') == [Sample("a", 1)]
    assert samples(b'{"values": {"ts": 1}}') == [Sample("ts", 1)]
    assert samples(b'{"values": 5}') == [Sample("values", 5)]


def test_the_memory_of_valid_names_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "MAX_REMEMBERED", 3)
    for number in range(10):
        assert samples(b'{"name%d": 1}' % number) == [Sample(f"name{number}", 1)]
        assert len(payloads._valid_names) <= 3
    assert skipped(b'{"name\\n": 1}') == [("name\\n", "name_invalid")]


@settings(deadline=None)  # a slow machine must not fail the test
@given(st.binary(max_size=200))
def test_any_bytes_give_samples_or_a_named_refusal(payload: bytes) -> None:
    for decode in (
        lambda: payloads.decode_telemetry(payload, NOW),
        lambda: payloads.decode_status(payload, NOW),
        lambda: payloads.decode_attributes(payload),
        lambda: payloads.decode_answer(payload, "id"),
    ):
        with suppress(Refusal):  # which cannot be made with a reason that is not in the table
            decode()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)


@settings(deadline=None)
@given(_JSON)
def test_any_json_gives_samples_or_a_named_refusal(content: object) -> None:
    payload = json.dumps(content).encode()
    with suppress(Refusal):
        payloads.decode_telemetry(payload, NOW)


_PLAIN = st.dictionaries(
    st.text(st.sampled_from('ab:."\\é\ud800\0'), max_size=3),
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.sampled_from('a:"\\é\ud800'), max_size=3)
    | st.dictionaries(st.sampled_from(["a", "b", "a.b"]), st.integers(0, 9), max_size=2),
    max_size=4,
)


@settings(deadline=None)
@given(_PLAIN, st.booleans(), st.booleans())
def test_the_fast_path_agrees_with_the_careful_one(values: dict[str, object], ascii: bool, timed: bool) -> None:
    text = json.dumps({"ts": 1759999999123, "values": values} if timed else values, ensure_ascii=ascii)
    payload = text.encode(errors="surrogatepass")
    assert outcome(payload) == outcome(payload, careful=True)


def outcome(payload: bytes, *, careful: bool = False) -> object:
    with pytest.MonkeyPatch.context() as patch:
        if careful:
            patch.setattr(payloads, "parse", json_reading.parse_carefully)
            patch.setattr(payloads, "_add_flat", lambda *_: False)
        try:
            found = payloads.decode_telemetry(payload, NOW)
            listed = [(refusal.key, refusal.reason, count) for refusal, count in found.skipped or ()]
            return [(each.metric, repr(each.value), each.time) for each in found.samples], listed
        except Refusal as refusal:
            return refusal.reason


@pytest.mark.parametrize(
    "payload",
    [
        b"online",
        b"Online",
        b"ONLINE\n",
        b'"online"',
        b"true",
        b"1",
        b"on",
        b'{"state": "online"}',
        b'{"state": true}',
        b"online\0",
    ],
)
def test_it_decodes_the_words_for_online(payload: bytes) -> None:
    assert payloads.decode_status(payload, NOW).availability is Availability.ONLINE


@pytest.mark.parametrize(
    "payload", [b"offline", b"Offline", b"false", b"0", b"OFF", b'{"state":"offline"}', b'"Offline"']
)
def test_it_decodes_the_words_for_offline(payload: bytes) -> None:
    assert payloads.decode_status(payload, NOW).availability is Availability.OFFLINE


@pytest.mark.parametrize("payload", [b"asleep", b"2", b"{}", b'{"state": null}', b"[1]", b"null"])
def test_it_refuses_another_status_and_shows_it(payload: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        payloads.decode_status(payload, NOW)
    assert caught.value.reason == "invalid_shape"
    assert payload.decode() in caught.value.detail


def test_it_decodes_attributes() -> None:
    assert payloads.decode_attributes(b'{"firmware": "1.2", "slots": 3}').facts == {"firmware": "1.2", "slots": 3}


def test_an_array_of_attributes_does_not_remove_its_own_elements() -> None:
    """They are removed at the place of its null."""
    facts = payloads.decode_attributes(b'{"tags.0": "x", "tags": ["a", "b"]}').facts
    assert list(facts.items()) == [("tags", None), ("tags.0", "a"), ("tags.1", "b")]


def test_odd_attributes_are_skipped_by_their_key() -> None:
    found = payloads.decode_attributes(b'{"m": "X", "tags": ["a"], "rows": [{}], "net": {"ip": "::1"}, "old": null}')
    assert found.facts == {"m": "X", "tags": None, "tags.0": "a", "net.ip": "::1", "old": None}
    assert [(refusal.key, refusal.reason) for refusal, _ in found.skipped or ()] == [("rows", "invalid_shape")]


@pytest.mark.parametrize("payload", [b"[]", b"5", b"x"])
def test_attributes_that_are_no_object_are_refused(payload: bytes) -> None:
    with pytest.raises(Refusal):
        payloads.decode_attributes(payload)


def test_it_decodes_answers() -> None:
    assert payloads.decode_answer(b'{"ok": true, "result": [1, {"a": null}]}', "c1") == Answer(
        "c1", True, [1, {"a": None}]
    )
    assert payloads.decode_answer(b'{"ok": false, "error": "jammed"}', "c1") == Answer("c1", False, None, "jammed")


@pytest.mark.parametrize("payload", [b"1", b"{}", b'{"ok": 1}', b'{"ok": false, "error": 5}'])
def test_it_refuses_malformed_answers(payload: bytes) -> None:
    with pytest.raises(Refusal):
        payloads.decode_answer(payload, "c1")


@pytest.mark.parametrize(
    ("result", "stored", "key", "reason"),
    [
        (b"NaN", None, "result", "not_finite"),
        (b'{"a": 1e999, "b": 2}', {"a": None, "b": 2}, "result.a", "not_finite"),
        (b'[1, "\\u0000"]', [1, None], "result.1", "nul_character"),
        (b'{"\\ud800": 1, "b": 2}', {"b": 2}, "result.\\ud800", "invalid_unicode"),
        (b'{"a": 1, "a": 2}', {"a": 2}, "result.a", "duplicate_key"),
        (NESTED_9, json.loads(NESTED_8.replace(b"1", b"null")), "result" + 8 * ".a", "too_deep"),
    ],
)
def test_what_cannot_be_stored_of_an_answer_does_not_keep_it_from_counting(
    result: bytes, stored: object, key: str, reason: str
) -> None:
    found = payloads.decode_answer(b'{"ok": true, "result": %s}' % result, "c1")
    assert (found.ok, found.result) == (True, stored)
    assert [(refusal.key, refusal.reason) for refusal, _ in found.skipped or ()] == [(key, reason)]
