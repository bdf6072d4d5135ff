"""The retained messages: the last one of each topic, bounded in all and per account."""

from __future__ import annotations

from collections import Counter

from .journal import Journal
from .limits import AccountLimits, Limits
from .publication import Publication
from .topics import TopicTree


class Retained:
    """An account that fills its share does not reduce another's."""

    def __init__(self, limits: Limits, stats: Counter[str]) -> None:
        self.journal: Journal | None = None
        self._limits = limits
        self._stats = stats
        self._tree: TopicTree[tuple[Publication, str]] = TopicTree()
        self._messages: Counter[str] = Counter()  # per account
        self._bytes: Counter[str] = Counter()
        self._expiring: dict[str, set[str]] = {}  # account -> topics of its messages that expire
        self._own_limits: dict[str, AccountLimits] = {}
        self._own_messages = self._own_bytes = 0  # of accounts with limits of their own

    def grant(self, account: str, limits: AccountLimits | None) -> None:
        """The account may retain as much as these limits say, whatever others do."""
        if limits is not None and account not in self._own_limits:
            self._own_messages += self._messages[account]
            self._own_bytes += self._bytes[account]
        if limits is not None:
            self._own_limits[account] = limits

    def keep(self, publication: Publication, account: str) -> bool:
        """Puts the publication in the place of the topic's last; one without payload only removes that.

        False when there is no room: then nothing is kept for the topic, for what was kept would no longer be true.
        """
        self._remove(publication.topic)
        if not publication.payload:
            return True
        if not self._fits(publication, account):
            self._remove_expired(account)
        if not self._fits(publication, account):
            self._stats["dropped.retained_full"] += 1
            return False
        self._tree.set(publication.topic, (publication, account))
        self._note(publication.topic, account, (publication, account))
        self._add(account, 1, publication.size)
        if publication.expires_at is not None:
            self._expiring.setdefault(account, set()).add(publication.topic)
        return True

    def matching(self, topic_filter: str) -> list[Publication]:
        found = [publication for publication, _ in self._tree.topics_of(topic_filter)]
        expired = [publication.topic for publication in found if publication.is_expired()]
        for topic in expired:
            self._remove(topic)
        return [publication for publication in found if not publication.is_expired()] if expired else found

    def everything(self) -> list[tuple[Publication, str]]:
        """With the accounts; without the broker's own topics."""
        return list(self._tree.topics_of("#"))

    def forget(self, account: str) -> None:
        """Removes the messages of the account."""
        for publication, owner in self.everything():
            if owner == account:
                self._remove(publication.topic)

    def clear(self) -> None:
        self._tree = TopicTree()
        self._messages.clear()
        self._bytes.clear()
        self._expiring.clear()
        self._stats["retained_messages"] = self._stats["retained_bytes"] = 0
        self._own_messages = self._own_bytes = 0

    def _remove_expired(self, account: str) -> None:
        """What nobody will get any more must not take the place of something new of the same account."""
        for topic in tuple(self._expiring.get(account, ())):
            kept = self._tree.get(topic)
            if kept is not None and kept[0].is_expired():
                self._remove(topic)

    def _remove(self, topic: str) -> None:
        kept = self._tree.get(topic)
        if kept is not None:
            publication, account = kept
            self._tree.remove(topic)
            self._note(topic, account, None)
            self._forget_expiry(topic, account)
            self._add(account, -1, -publication.size)

    def _forget_expiry(self, topic: str, account: str) -> None:
        topics = self._expiring.get(account)
        if topics is not None:
            topics.discard(topic)
            if not topics:
                del self._expiring[account]

    def _note(self, topic: str, account: str, kept: tuple[Publication, str] | None) -> None:
        """The hub's own messages are not stored: it publishes them again after a restart."""
        if self.journal is not None and account:
            self.journal.retain(topic, kept)

    def _fits(self, publication: Publication, account: str) -> bool:
        limits, stats, own = self._limits, self._stats, self._own_limits.get(account)
        if own is not None:
            messages, size = self._messages[account], self._bytes[account]
            return messages < own.retained_messages and size + publication.size <= own.retained_bytes
        return (
            stats["retained_messages"] - self._own_messages < limits.retained_messages
            and stats["retained_bytes"] - self._own_bytes + publication.size <= limits.retained_bytes
            and self._messages[account] < limits.account_retained_messages
            and self._bytes[account] + publication.size <= limits.account_retained_bytes
        )

    def _add(self, account: str, messages: int, size: int) -> None:
        self._stats["retained_messages"] += messages
        self._stats["retained_bytes"] += size
        if account in self._own_limits:
            self._own_messages += messages
            self._own_bytes += size
        self._messages[account] += messages
        self._bytes[account] += size
        if not self._messages[account]:
            del self._messages[account], self._bytes[account]
