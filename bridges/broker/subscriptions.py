"""The subscribers of a filter: sessions of their own, and groups of sessions that share a subscription."""

from __future__ import annotations

from .authentication import may_receive
from .grants import Grant
from .limits import Limits
from .publication import Publication
from .session import Session
from .topics import is_filter

SHARED = "$share/"


class Group:
    """The sessions that share a subscription. They take turns: first those that are connected, then those that keep the
    message until they are, and only then those that would drop it."""

    __slots__ = ("members",)

    def __init__(self) -> None:
        self.members: dict[Session, Grant] = {}

    def choose(self, publication: Publication) -> tuple[Session, Grant] | None:
        """The member whose turn it is, of those that may receive the message."""
        allowed = [session for session in self.members if may_receive(session.principal, publication.topic)]
        if not allowed:
            return None
        chosen = max(allowed, key=lambda session: (session.has_room(publication), session.outlet is not None))
        grant = self.members[chosen] = self.members.pop(chosen)  # to the end
        return chosen, grant


class Subscribers:
    """Groups by account and name: somebody else who uses the same name must not get a share of the messages."""

    __slots__ = ("groups", "sessions")

    def __init__(self) -> None:
        self.sessions: dict[Session, Grant] = {}
        self.groups: dict[tuple[str, str], Group] = {}

    @property
    def empty(self) -> bool:
        return not self.sessions and not self.groups

    def add(self, session: Session, group: str, grant: Grant) -> None:
        key = session.principal.name, group
        (self.groups.setdefault(key, Group()).members if group else self.sessions)[session] = grant

    def remove(self, session: Session, group: str) -> None:
        key = session.principal.name, group
        if not group:
            self.sessions.pop(session, None)
        elif key in self.groups:
            self.groups[key].members.pop(session, None)
            if not self.groups[key].members:
                del self.groups[key]


def split(topic_filter: str) -> tuple[str, str]:
    """The group that shares the subscription, "" for none, and the filter itself."""
    if not topic_filter.startswith(SHARED):
        return "", topic_filter
    group, _, own = topic_filter[len(SHARED) :].partition("/")
    return group, own


def is_valid(topic_filter: str, limits: Limits) -> bool:
    """Whether it is a filter, or a shared one, within the limits."""
    group, own = split(topic_filter)
    if topic_filter.startswith(SHARED) and (not group or not own or any(each in group for each in "+#")):
        return False
    return len(group.encode()) <= limits.topic_bytes and is_filter(own, limits)
