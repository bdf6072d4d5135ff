"""Parses the arguments of chat commands. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from devices.errors import Invalid

_STRING = msgspec.json.Decoder(str)


def first(text: str) -> tuple[str, str]:
    """The first word and what follows it, both without surrounding white space.

    `"oil pressure" 4` begins with one word too; inside the quotes everything is as in JSON. Raises `Invalid` where
    they do not close, and for a word that cannot be a name.
    """
    word, rest = _quoted(text) if text.startswith('"') else _plain(text)
    if not word.isprintable():
        raise Invalid("a name must only have printable characters")
    return word, rest.strip()


def value(text: str) -> Any:
    """The JSON value, or the text itself if it is not JSON: `40`, `true`, `"40"`, `[1, 2]`, `auto`."""
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
        raise Invalid('text in quotes is written as in JSON: "oil \\"A\\" pressure"') from None


def _end_of_quotes(text: str) -> int:
    """Index behind the string with which the text begins."""
    escaped = False
    for i, character in enumerate(text[1:], 1):
        if character == '"' and not escaped:
            return i + 1
        escaped = character == "\\" and not escaped
    raise Invalid('the quotes do not close: "oil pressure"')
