"""`{% icon "name" %}`: a Lucide icon, inlined so that it has the colour of the text around it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from django import template
from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

_SVG = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)
_NAME = re.compile(r"[a-z0-9-]+")


@register.simple_tag
def icon(name: str, size: int = 16) -> SafeString:
    """The icon `name` as inline SVG of `size` pixels, hidden from screen readers, which read the text beside it.

    Raises `TemplateSyntaxError` for a name that is not in the installed icon set.
    """
    return mark_safe(  # noqa: S308 - the shapes come from the pinned package, name and size from our templates
        f'<svg class="icon" width="{int(size)}" height="{int(size)}" viewBox="0 0 24 24" fill="none"'
        ' stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"'
        f' aria-hidden="true" focusable="false">{_shapes(name)}</svg>'
    )


@cache
def _shapes(name: str) -> str:
    """The shapes between the icon's `<svg>` tags."""
    path = Path(settings.BASE_DIR) / "node_modules/lucide-static/icons" / f"{name}.svg"
    if not _NAME.fullmatch(name) or not path.is_file():
        raise template.TemplateSyntaxError(f"there is no icon {name!r}; was `npm ci` run?")
    found = _SVG.search(path.read_text())
    if found is None:
        raise template.TemplateSyntaxError(f"{path.name} holds no SVG")
    return " ".join(found[1].split())
