"""What a running source cannot change: with other settings it begins anew."""

from __future__ import annotations

from devices.registry.sources.models import Source

Settings = tuple[str, str, bool, str]


def settings_of(source: Source) -> Settings:
    return source.convention, source.prefix, source.adopt, repr(sorted(source.options.items()))
