"""A person as brokers know them. Without the database, so that what is pure may name it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Login:
    """An active person with a token. `hashed` is their newest token as a `$7$` hash; empty if they only have tokens
    from before these hashes were kept."""

    person_id: int
    username: str
    hashed: str = field(repr=False)
