"""The domain's errors in one tree, with one table of their codes and retry advice."""

from __future__ import annotations

RETRY: dict[str, bool] = {
    # Code -> whether the same request may succeed later without being changed.
    "not_found": False,
    "forbidden": False,
    "invalid": False,
    "unavailable": True,
    "too_many": True,
    "unauthenticated": False,
    "too_large": False,
    "internal": False,
}

REFUSALS: dict[str, str] = {
    # Reason -> its meaning, as shown to people on the device's page and in the log.
    "bad_topic": "a device may not publish on this topic",
    "bad_filter": "a device may not subscribe to this topic filter",
    "bad_will": "a device may not leave a will on this topic",
    "too_many_connections": "the device has as many connections as it may have",
    "unknown_device": "there is no device with this uid",
    "wrong_broker": "the device belongs to another broker than the one its message came through",
    "payload_too_large": "the payload is larger than 128 KiB",
    "empty_payload": "the payload is empty",
    "retained": "telemetry must not be retained",
    "invalid_utf8": "the payload is not UTF-8",
    "invalid_encoding": "the payload is UTF-16 or UTF-32 instead of UTF-8",
    "invalid_json": "the payload is not JSON",
    "invalid_shape": "the JSON does not have the documented form",
    "invalid_unicode": "a string contains half of a surrogate pair",
    "nul_character": "a string contains the NUL character",
    "duplicate_key": "an object contains a key twice",
    "not_finite": "a number is NaN or infinite",
    "out_of_range": "an integer does not fit into 64 bits",
    "number_too_long": "a number has too many digits",
    "too_deep": "values are nested more than 8 deep",
    "text_too_long": "a string value has more than 1,024 characters",
    "name_invalid": "a name is empty, longer than 128 characters or contains control characters",
    "too_many_values": "one message contains too many values",
    "too_many_metrics": "the device would have too many metrics",
    "timestamp_invalid": "a time is neither milliseconds since 1970 nor ISO 8601",
    "timestamp_misplaced": "a time is among the values instead of beside them",
    "older_than_retention": "a time is older than the readings that are kept",
    "rate_limited": "the device sends more per second than its limits allow",
    "time_in_future": "a time is more than five minutes in the future",
    "invalid_csv": "the line is not valid CSV: a quote is not closed, or text follows it",
    "invalid_header": "the first line does not name a column of times and one of values",
    "wrong_columns": "the line has more or fewer columns than the first line",
    "line_too_long": "the line is longer than 64 KiB",
    "not_storable": "the database did not accept the message",
    "unknown_command": "the answer belongs to no command of this device, or to one that it has answered before",
}


class HubbubError(Exception):
    """Root of the errors that may be shown to a client: a stable `code` and a sentence."""

    code = "invalid"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def retry(self) -> bool:
        """Whether the same request may succeed later."""
        return RETRY[self.code]


class NotFound(HubbubError):
    """Missing, or not visible to the person: the error is the same, so that nobody can probe for names."""

    code = "not_found"


class Forbidden(HubbubError):
    """Visible, but the person's role does not allow the action."""

    code = "forbidden"


class Invalid(HubbubError):
    """A field or argument that cannot be accepted; the message names it."""

    code = "invalid"


class TooMany(HubbubError):
    """A limit of a rate or a number was exceeded."""

    code = "too_many"


class TooLarge(HubbubError):
    """A text or file is larger than its limit."""

    code = "too_large"


class Unavailable(HubbubError):
    """A part of the hub is unavailable; the same request may succeed later."""

    code = "unavailable"


class Refusal(HubbubError):
    """A message of a device that cannot be accepted; `reason` is a key of `REFUSALS`, `detail` adds to its meaning."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{REFUSALS[reason]}: {detail}" if detail else REFUSALS[reason])
        self.reason = reason
        self.detail = detail
