from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.rooms.chat.markdown import code, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("phase.l1", "phase.l1"),
        ("oil_pressure", r"oil\_pressure"),
        ("[x](http://y)", r"\[x\]\(http://y\)"),
        ("<b>", r"\<b\>"),
        ("`", r"\`"),
    ],
)
def test_markdown_characters_in_a_name_are_escaped(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"), [("a", "`a`"), ("a`b", "``a`b``"), ("`a", "`` `a ``"), ("a``", "``` a`` ```")]
)
def test_code_can_contain_backticks(text: str, shown: str) -> None:
    assert code(text) == shown


@given(st.text("a`b", min_size=1, max_size=20))
def test_no_text_can_close_its_code_span(text: str) -> None:
    shown = code(text)
    fence = re.match("`+", shown)
    assert fence is not None
    inner = shown[len(fence[0]) : -len(fence[0])]
    assert fence[0] not in re.findall("`+", inner)
    assert text in inner
