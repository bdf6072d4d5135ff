"""Literal bytes in, reports or named refusals out."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridges.codec import payloads, strict_json
from bridges.codec.strict_json import MAX_PAYLOAD
from bridges.codec.times import FUTURE_US
from devices.errors import Refusal
from devices.values import Answer, Availability, Sample

NOW = 1_760_000_000_000_000  # µs
NESTED_8 = b'{"a":' * 8 + b"1" + b"}" * 8
NESTED_9 = b'{"a":' * 9 + b"1" + b"}" * 9


def samples(payload: bytes) -> list[Sample]:
    return list(payloads.decode_telemetry(payload, NOW).samples)


def refused(payload: bytes) -> str:
    with pytest.raises(Refusal) as caught:
        payloads.decode_telemetry(payload, NOW)
    return caught.value.reason


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
        (b'"2025-10-09T08:53:19"', 1_759_999_999_000_000),
    ],
)
def test_it_decodes_the_devices_own_time(ts: bytes, time: int) -> None:
    assert samples(b'{"ts": %s, "values": {"a": 1}}' % ts) == [Sample("a", 1, time)]


def test_it_decodes_a_list_of_both_forms() -> None:
    payload = b'[{"ts": 1759999999000, "values": {"a": 1}}, {"a": 2}]'
    assert samples(payload) == [Sample("a", 1, 1_759_999_999_000_000), Sample("a", 2)]


def test_it_flattens_nested_objects_to_dotted_names() -> None:
    assert samples(b'{"phase": {"l1": {"u": 230}, "l2": 5}}') == [Sample("phase.l1.u", 230), Sample("phase.l2", 5)]


def test_it_decodes_eight_levels() -> None:
    assert samples(NESTED_8) == [Sample(".".join("a" * 8), 1)]


def test_it_leaves_nulls_out() -> None:
    assert samples(b'{"a": null, "b": 1}') == [Sample("b", 1)]


def test_a_time_far_ahead_is_replaced_by_the_time_of_receipt() -> None:
    ahead = (NOW + FUTURE_US) // 1000
    assert samples(b'{"ts": %d, "values": {"a": 1}}' % (ahead + 1)) == [Sample("a", 1, None)]
    assert samples(b'{"ts": %d, "values": {"a": 1}}' % ahead) == [Sample("a", 1, ahead * 1000)]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "empty_payload"),
        (b"{", "invalid_json"),
        (b"{}x", "invalid_json"),
        (b"\xef\xbb\xbf{}", "invalid_json"),
        (b"21.5", "invalid_shape"),
        (b"null", "invalid_shape"),
        (b"{}", "invalid_shape"),
        (b"[]", "invalid_shape"),
        (b"[1]", "invalid_shape"),
        (b'{"a": [1]}', "invalid_shape"),
        (b'{"a": null}', "invalid_shape"),
        (b'{"a": NaN}', "not_finite"),
        (b'{"a": Infinity}', "not_finite"),
        (b'{"a": -Infinity}', "not_finite"),
        (b'{"a": 1e999}', "not_finite"),
        (b'{"a": 9223372036854775808}', "out_of_range"),
        (b'{"a": -9223372036854775809}', "out_of_range"),
        (b'{"a": 100000000000000000000000}', "out_of_range"),
        (b'{"a": 1%s}' % (b"0" * 64), "number_too_long"),
        (b'{"a": 0.%s}' % (b"1" * 64), "number_too_long"),
        (b'{"a": 1%s}' % (b"0" * 100_000), "number_too_long"),
        (NESTED_9, "too_deep"),
        (b'{"a":' * 20_000, "too_deep"),
        (b"[" * 100_000, "too_deep"),
        (b'{"a":' * 600 + b"1" + b"}" * 600, "too_deep"),
        (b"[" * 600 + b"]" * 600, "too_deep"),
        (b'{"a": "\xff"}', "invalid_utf8"),
        (b'{"a": "\xed\xa0\x80"}', "invalid_utf8"),
        ('{"a": 1}'.encode("utf-16"), "invalid_encoding"),
        ('{"a": 1}'.encode("utf-16-le"), "invalid_encoding"),
        ('{"a": 1}'.encode("utf-32"), "invalid_encoding"),
        (b'{"a": "\\ud800"}', "invalid_unicode"),
        (b'{"\\udfff": 1}', "invalid_unicode"),
        (b'{"a": "\\u0000"}', "nul_character"),
        (b'{"\\u0000": 1}', "nul_character"),
        (b'{"a": 1, "a": 2}', "duplicate_key"),
        (b'{"a": 1, "\\u0061": 2}', "duplicate_key"),
        (b'{"a": "1:2", "a": "3"}', "duplicate_key"),
        (b'{"ts": 1, "values": {"a": 1}, "values": {"a": 2}}', "duplicate_key"),
        (b'{"ts": 1, "values": {"a": 1, "b": 2, "a": 2}}', "duplicate_key"),
        (b'{"a": {"b": 1, "b": 2}}', "duplicate_key"),
        (b'{"a.b": 1, "a": {"b": 2}}', "duplicate_key"),
        (b'{"ts": true, "values": {"a": 1}}', "timestamp_invalid"),
        (b'{"ts": -1, "values": {"a": 1}}', "timestamp_invalid"),
        (b'{"ts": null, "values": {"a": 1}}', "timestamp_invalid"),
        (b'{"ts": "yesterday", "values": {"a": 1}}', "timestamp_invalid"),
        (b'{"ts": "1960-01-01T00:00:00Z", "values": {"a": 1}}', "timestamp_invalid"),
        (b'{"ts": 1e300, "values": {"a": 1}}', "timestamp_invalid"),
        (b'{"ts": 1760000000000, "temperature": 21.5}', "timestamp_misplaced"),
        (b'{"temperature": 21.5, "ts": "2025-10-09T08:53:19Z"}', "timestamp_misplaced"),
        (b'[{"a": 1}, {"ts": 1760000000000, "a": 1}]', "timestamp_misplaced"),
        (b'{"ts": 1760000000000}', "timestamp_misplaced"),
        (b'{"ts": 1760000000000, "values": 5}', "timestamp_misplaced"),
        (b'{"ts": 1760000000000, "values": {"a": 1}, "b": 2}', "invalid_shape"),
        (b'{"values": {"a": 1}, "b": 2}', "invalid_shape"),
        (b'{"": 1}', "name_invalid"),
        (b'{"a\\nb": 1}', "name_invalid"),
        (b'{"%s": 1}' % (b"a" * 129), "name_invalid"),
        (b'{"a": "%s"}' % (b"x" * 1025), "text_too_long"),
        (b'{"a": "%s"}' % (b"x" * MAX_PAYLOAD), "payload_too_large"),
        (b"[%s]" % b",".join([b'{"a":1}'] * 10_001), "too_many_values"),
    ],
)
def test_it_refuses_by_name(payload: bytes, reason: str) -> None:
    assert refused(payload) == reason


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 0, 2**53 + 1, 1.7976931348623157e308, 5e-324])
def test_it_decodes_the_extreme_numbers_exactly(number: float) -> None:
    assert samples(json.dumps({"a": number}).encode()) == [Sample("a", number)]


def test_a_colon_in_a_string_is_not_a_duplicate_key() -> None:
    assert samples(b'{"a": "12:30", "b": ":", ":c:": 1}') == [Sample("a", "12:30"), Sample("b", ":"), Sample(":c:", 1)]


def test_the_refusal_of_a_time_among_the_values_shows_the_form() -> None:
    with pytest.raises(Refusal) as caught:
        payloads.decode_telemetry(b'{"ts": 1760000000000, "temperature": 21.5}', NOW)
    assert caught.value.detail == '{"ts": …, "values": {…}}'


def test_values_need_no_time_and_may_name_a_metric_ts_or_values() -> None:
    assert samples(b'{"values": {"a": 1}}') == [Sample("a", 1)]
    assert samples(b'{"values": {"ts": 1}}') == [Sample("ts", 1)]
    assert samples(b'{"values": 5}') == [Sample("values", 5)]


def test_the_memory_of_valid_names_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "MAX_REMEMBERED", 3)
    for number in range(10):
        assert samples(b'{"name%d": 1}' % number) == [Sample(f"name{number}", 1)]
        assert len(payloads._valid_names) <= 3
    assert refused(b'{"name\\n": 1}') == "name_invalid"


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
        assert payloads.decode_telemetry(payload, NOW).samples


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
            patch.setattr(payloads, "parse", strict_json.parse_carefully)
            patch.setattr(payloads, "_add_flat", lambda *_: False)
        try:
            return [
                (each.metric, repr(each.value), each.time) for each in payloads.decode_telemetry(payload, NOW).samples
            ]
        except Refusal as refusal:
            return refusal.reason


def test_it_decodes_status() -> None:
    assert payloads.decode_status(b"offline", NOW).availability is Availability.OFFLINE
    with pytest.raises(Refusal):
        payloads.decode_status(b"asleep", NOW)


def test_it_decodes_attributes() -> None:
    assert payloads.decode_attributes(b'{"firmware": "1.2", "slots": 3}').facts == {"firmware": "1.2", "slots": 3}
    with pytest.raises(Refusal):
        payloads.decode_attributes(b'{"a": {"b": 1}}')


def test_it_decodes_answers() -> None:
    assert payloads.decode_answer(b'{"ok": true, "result": [1, {"a": null}]}', "c1") == Answer(
        "c1", True, [1, {"a": None}]
    )
    assert payloads.decode_answer(b'{"ok": false, "error": "jammed"}', "c1") == Answer("c1", False, None, "jammed")


@pytest.mark.parametrize(
    "payload", [b"1", b"{}", b'{"ok": 1}', b'{"ok": false, "error": 5}', b'{"ok":true,"result":"\\u0000"}']
)
def test_it_refuses_malformed_answers(payload: bytes) -> None:
    with pytest.raises(Refusal):
        payloads.decode_answer(payload, "c1")
