"""The fields of an MQTT 3.1.1 body: numbers, texts and byte strings, in order."""

from __future__ import annotations

from .errors import MalformedPacket


class FieldReader:
    """Reads the fields of a body one after the other. Each method raises `MalformedPacket`."""

    __slots__ = ("_data", "_pos")

    def __init__(self, data: bytes, pos: int) -> None:
        self._data = data
        self._pos = pos

    @property
    def finished(self) -> bool:
        return self._pos == len(self._data)

    def fixed(self, size: int) -> bytes:
        end = self._pos + size
        if end > len(self._data):
            raise MalformedPacket("a field reaches beyond the packet")
        found = self._data[self._pos : end]
        self._pos = end
        return found

    def byte(self) -> int:
        return self.fixed(1)[0]

    def number(self) -> int:
        return int.from_bytes(self.fixed(2))

    def packet_id(self) -> int:
        found = self.number()
        if not found:
            raise MalformedPacket("packet id 0")
        return found

    def binary(self) -> bytes:
        return self.fixed(self.number())

    def text(self) -> str:
        """UTF-8 without NUL, which MQTT does not allow in any text."""
        found = self.topic()
        if "\0" in found:
            raise MalformedPacket("a text with NUL")
        return found

    def topic(self) -> str:
        """UTF-8. Whether it may be the topic of a message is for the receiver to judge, NUL included."""
        try:
            return self.binary().decode()
        except UnicodeDecodeError:
            raise MalformedPacket("a text that is not UTF-8") from None

    def end(self) -> None:
        """The body has no more fields."""
        if not self.finished:
            raise MalformedPacket("bytes beyond the last field")


def binary_field(data: bytes) -> bytes:
    """Raises `ValueError` for more than 65,535 bytes."""
    if len(data) > 0xFFFF:
        raise ValueError(f"a field of {len(data)} bytes is longer than MQTT allows")
    return len(data).to_bytes(2) + data


def text_field(text: str) -> bytes:
    """Raises `ValueError` where MQTT has no such text."""
    return binary_field(text.encode())
