"""What follows the name of a chat command. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from devices.errors import Invalid

_STRING = msgspec.json.Decoder(str)


def first(text: str) -> tuple[str, str]:
    """The first word and what follows it, both without white space around them.

    `"oil pressure" 4` begins with one word too; inside the quotes everything is as in JSON. Raises `Invalid` where
    they do not close, and for a word that cannot be a name.
    """
    word, rest = _quoted(text) if text.startswith('"') else _plain(text)
    if not word.isprintable():
        raise Invalid("a name has only printable characters")
    return word, rest.strip()


def value(text: str) -> Any:
    """JSON where it is JSON, else the text itself: `40`, `true`, `"40"`, `[1, 2]`, `auto`."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text


def _plain(text: str) -> tuple[str, str]:
    word, *rest = text.split(None, 1) or [""]
    return word, rest[0] if rest else ""


def _quoted(text: str) -> tuple[str, str]:
    end = _end_of_quotes(text)
    try:
        return _STRING.decode(text[:end]), text[end:]
    except msgspec.DecodeError:
        raise Invalid('what is in quotes is written as in JSON: "oil \\"A\\" pressure"') from None


def _end_of_quotes(text: str) -> int:
    """Where the string that begins the text is over."""
    escaped = False
    for i, character in enumerate(text[1:], 1):
        if character == '"' and not escaped:
            return i + 1
        escaped = character == "\\" and not escaped
    raise Invalid('the quotes do not close: "oil pressure"')
