"""The domain's errors in one tree, with one table of their codes and retry advice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

MAX_KEY = 200
"""Characters of a refusal's key, unprintable ones escaped."""
MAX_LISTED = 10
"""Values of one message that are named as skipped, each with its reason; further ones are only counted."""

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
    "not_a_child": "the gateway may not speak for this device",
    "too_many_children": "the gateway speaks for as many devices as it may: 1,000",
    "payload_too_large": "the payload is larger than 128 KiB",
    "empty_payload": "the payload is empty",
    "retained": "the broker repeated a retained message, which has no time of its own",
    "invalid_utf8": "the payload is not UTF-8",
    "invalid_encoding": "the payload is UTF-16 or UTF-32 instead of UTF-8",
    "unknown_encoding": "the payload has a content encoding other than gzip",
    "invalid_gzip": "the payload is not gzip, although Content-Encoding names gzip",
    "invalid_json": "the payload is not JSON",
    "invalid_shape": "the JSON does not have the documented form",
    "invalid_unicode": "a string contains half of a surrogate pair",
    "nul_character": "the payload or a string contains the NUL character",
    "duplicate_key": "an object contains a key twice",
    "not_finite": "a number is NaN or infinite",
    "out_of_range": "an integer does not fit into 64 bits",
    "number_too_long": "a number has too many digits",
    "too_deep": "values are nested more than 8 deep",
    "text_too_long": "a string value has more than 1,024 characters",
    "name_invalid": "a name is empty, longer than 128 characters or contains control characters",
    "array_too_long": "an array has more than 100 elements",
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
    "bridge_error": "the device's server or bridge reports an error with it",
    "not_readable": "the message is not one of its convention, or cannot be read",
    "template_not_supported": "the hub does not run this template",
    "birth_missing": "the birth of the device's node was not received, or does not name the metric",
    "decoder_failed": "the decoder's script failed",
    "decoder_error": "the decoder's script reports an error",
    "decoder_warning": "the decoder's script gives a warning",
    "decoder_result": "the decoder's script returned something else than a result",
    "decoder_timeout": "the decoder's script took too long",
    "decoder_memory": "the decoder's script used too much memory",
    "decoder_recursion": "the decoder's script called itself too deeply",
    "decoder_paused": "the decoder's script took too long too often, so it is not run for a while",
    "decoder_busy": "too many messages wait for the decoder's script",
    "decoder_unavailable": "the process that runs decoders ended or could not be started",
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
    """A message of a device that cannot be accepted, or one value of it.

    `reason` is a key of `REFUSALS`, `detail` adds to its meaning. `key` says which value: its path (`ENERGY.Power`) or
    the number of an item in a list; for a message on a wrong topic it is the topic. Unprintable characters in it are
    escaped.
    """

    def __init__(self, reason: str, detail: str = "", key: str = "") -> None:
        key = _printable(key)
        meaning = f"{REFUSALS[reason]}: {detail}" if detail else REFUSALS[reason]
        super().__init__(f"{key}: {meaning}" if key else meaning)
        self.reason = reason
        self.detail = detail
        self.key = key

    def of(self, key: str) -> Refusal:
        """The same refusal, of the value with this key."""
        return Refusal(self.reason, self.detail, key)


def _printable(key: str) -> str:
    """A device chooses its keys and topics: a line break in one must not forge a line of the log."""
    if key.isprintable():
        return key[:MAX_KEY]
    shown = (char if char.isprintable() else char.encode("unicode_escape").decode() for char in key[:MAX_KEY])
    return "".join(shown)[:MAX_KEY]


class SkippedValues:
    """Values that were left out of a message whose other values are stored.

    All are counted by reason; the first `MAX_LISTED` keys and reasons are listed.
    """

    __slots__ = ("_listed", "counts")

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._listed: dict[tuple[str, str], tuple[Refusal, int]] = {}

    def __bool__(self) -> bool:
        return bool(self.counts)

    def __iter__(self) -> Iterator[tuple[Refusal, int]]:
        """The listed refusals, in the order of the message, and of how many values each is."""
        return iter(self._listed.values())

    @property
    def total(self) -> int:
        """The number of values, listed or not."""
        return self.counts.total()

    @property
    def first(self) -> Refusal:
        """The first of them, which stands for all if nothing is left of the message. A new one each time: an exception
        that is raised again and again accumulates tracebacks."""
        refusal, _ = next(iter(self))
        return refusal.of(refusal.key)

    def add(self, refusal: Refusal, count: int = 1) -> None:
        """Adds the refusal of one value, or of several of the same key."""
        self.counts[refusal.reason] += count
        key = (refusal.reason, refusal.key)
        if key in self._listed:
            self._listed[key] = (refusal, self._listed[key][1] + count)
        elif len(self._listed) < MAX_LISTED:
            self._listed[key] = (refusal, count)

    def merge(self, other: SkippedValues) -> None:
        """Adds those of another part of the message."""
        unlisted = Counter(other.counts)
        for refusal, count in other:
            self.add(refusal, count)
            unlisted[refusal.reason] -= count
        self.counts += unlisted
