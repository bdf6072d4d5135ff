"""Rules for texts of messages and names of files. Pure."""

from __future__ import annotations

import unicodedata

from devices.errors import Invalid

MAX_TEXT = 2_000
"""Characters of a message."""
MAX_FILE_NAME = 200

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Unicode's Bidi_Control characters: they change the order in which a text is shown, and can disguise a link."""
_LAYOUT = frozenset("\n\t")
_UNSEEN = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, surrogates, and line and paragraph separators."""


def checked(text: str) -> str:
    """The text without surrounding white space. Raises `Invalid` unless it has 1 to 2,000 characters, no controls."""
    text = text.replace("\r\n", "\n").strip()
    if not 1 <= len(text) <= MAX_TEXT:
        raise Invalid(f"a message has 1 to {MAX_TEXT:,} characters")
    for character in text:
        if character in _BIDI:
            raise Invalid(f"a message must not change the writing direction (it contains U+{ord(character):04X})")
        if unicodedata.category(character) in ("Cc", "Cs") and character not in _LAYOUT:
            raise Invalid(f"a message must not contain control characters (it contains U+{ord(character):04X})")
    return text


def folded(text: str) -> str:
    """The text as search compares it: `Straße` is found by `STRASSE`."""
    return unicodedata.normalize("NFKC", text).casefold()


def words_of(text: str) -> list[str]:
    """The words that search looks for, folded; empty if no message can contain such a text."""
    try:
        return folded(checked(text)).split()
    except Invalid:
        return []


def checked_file_name(name: str) -> str:
    """The file name without surrounding white space. Raises `Invalid` for a name that a link or a disk cannot hold."""
    name = name.strip()
    if not 1 <= len(name) <= MAX_FILE_NAME:
        raise Invalid(f"a file's name has 1 to {MAX_FILE_NAME} characters")
    if name in (".", "..") or any(character in name for character in "/\\"):
        raise Invalid("a file's name must not be a path")
    if any(character in _BIDI or unicodedata.category(character) in _UNSEEN for character in name):
        raise Invalid("a file's name must not contain control characters or change the writing direction")
    return name
