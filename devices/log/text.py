"""Rules for texts of messages and names of files. Pure."""

from __future__ import annotations

import re
import unicodedata

from devices.errors import Invalid

MAX_TEXT = 2_000
"""Characters of a message."""
MAX_FILE_NAME = 200

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Unicode's Bidi_Control characters: they change the order in which a text is shown, and can disguise a link."""
_LAYOUT = frozenset("\n\t")
_INVISIBLE = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Unicode's Default_Ignorable_Code_Point, and U+FFF9 to U+FFFB: they show nothing, so that a text can hide another one,
or two different texts look the same. The bidi controls, which belong to it, are refused by themselves."""
_VISIBLE_USES = re.compile(
    # A joiner after a character that is not Latin (emoji, Persian, Hindi), with a variation selector before it or not.
    f"(?<=[^\\s\\0-\u024f{_INVISIBLE}])[\ufe00-\ufe0f]?[\u200c\u200d]"
    # A variation selector after anything but a letter of ASCII: symbols, digits in keys, Chinese, Mongolian.
    f"|(?<=[^\\sA-Za-z{_INVISIBLE}])[\ufe00-\ufe0f]"
    "|(?<=[\u3400-\u9fff\U00020000-\U0003ffff])[\U000e0100-\U000e01ef]"
    "|(?<=[\u1820-\u18aa])[\u180b-\u180d\u180f]"
    # The flags of England, Scotland and Wales end in tags.
    "|(?<=\U0001f3f4)[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f"
)
_FIRST_INVISIBLE = re.compile(f"[{_INVISIBLE}]")
_BLANK = "\u2800"
"""The Braille pattern without dots: a picture of dots may contain it, but a message may not consist of it."""
_UNSEEN = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, surrogates, and line and paragraph separators."""


def checked(text: str) -> str:
    """The text without surrounding white space. Raises `Invalid` unless it has 1 to 2,000 characters, no controls,
    and nothing that is invisible."""
    text = text.replace("\r\n", "\n").strip()
    if not 1 <= len(text) <= MAX_TEXT or not text.replace(_BLANK, "").strip():
        raise Invalid(f"a message has 1 to {MAX_TEXT:,} characters")
    for character in text:
        if character in _BIDI:
            raise Invalid(f"a message must not change the writing direction (it contains U+{ord(character):04X})")
        if unicodedata.category(character) in ("Cc", "Cs") and character not in _LAYOUT:
            raise Invalid(f"a message must not contain control characters (it contains U+{ord(character):04X})")
    if not text.isascii() and (hidden := _FIRST_INVISIBLE.search(_VISIBLE_USES.sub("", text))):
        raise Invalid(f"a message must not contain invisible characters (it contains U+{ord(hidden[0]):04X})")
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
