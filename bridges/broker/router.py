"""From a published message to the sessions that get it: subscriptions, rights to receive, retained messages."""

from __future__ import annotations

from collections import Counter

from bridges.mqtt.packets import ReasonCode, RetainHandling, Subscription

from .authentication import may_receive, may_subscribe
from .grants import Copy, Grant, grant_of, merged
from .limits import Limits
from .publication import Publication
from .retained import Retained
from .session import Session
from .subscriptions import SHARED, Group, Subscribers, is_valid, split
from .topics import TopicTree

ROUTES_CACHED = 10_000
REFUSED = {
    "invalid": ReasonCode.TOPIC_FILTER_INVALID,
    "foreign": ReasonCode.NOT_AUTHORIZED,
    "too_many": ReasonCode.QUOTA_EXCEEDED,
}
"""The code of a refused subscription, by the reason under which it is counted."""


class TopicRoute:
    """Where the messages of a topic go. A recipient's second copy is the one of its own messages."""

    __slots__ = ("groups", "recipients")

    def __init__(self) -> None:
        self.recipients: list[tuple[Session, Copy | None, Copy | None]] = []
        self.groups: list[Group] = []


class Router:
    """All calls are synchronous: between the check of a right and the delivery nothing else runs."""

    def __init__(self, limits: Limits, stats: Counter[str]) -> None:
        self.retained = Retained(limits, stats)
        self._limits = limits
        self._stats = stats
        self._subscribers: TopicTree[Subscribers] = TopicTree()
        self._routes: dict[str, TopicRoute] = {}

    def publish(self, publication: Publication, *, keep: bool, account: str) -> None:
        """Delivers to everyone subscribed who may receive it. The right to publish is the caller's to check."""
        if keep:
            self.retained.keep(publication, account)
        route = self._routes.get(publication.topic)
        if route is None:
            route = self._route(publication.topic)
        for session, copy, local in route.recipients:
            if local is not copy and publication.publisher == session.key:
                copy = local
            if copy is not None:
                retain = copy.keeps_retain and publication.retain
                session.deliver(publication, copy.qos, copy.subscription_ids, retain=retain)
        for group in route.groups:
            self._deliver_to_one(group, publication)

    def wants(self, topic: str) -> bool:
        """Whether anybody would get a message on this topic."""
        route = self._routes.get(topic)
        if route is None:
            route = self._route(topic)
        return bool(route.recipients or route.groups)

    def subscribe(self, session: Session, wanted: Subscription, subscription_id: int = 0) -> ReasonCode:
        """The code for the SUBACK: the QoS granted, or why it is refused. Counts that."""
        reason = self._refusal(session, wanted.filter)
        if reason is not None:
            self._stats[f"refused_subscriptions.{reason}"] += 1
            return REFUSED[reason]
        self.restore(session, wanted.filter, grant_of(wanted, subscription_id))
        return ReasonCode(wanted.qos)

    def restore(self, session: Session, topic_filter: str, grant: Grant) -> None:
        """Subscribes without asking whether the session may: `check_again` does."""
        self._stats["subscriptions"] += topic_filter not in session.subscriptions
        session.subscriptions[topic_filter] = grant
        group, own = split(topic_filter)
        subscribers = self._subscribers.get(own)
        if subscribers is None:
            subscribers = Subscribers()
            self._subscribers.set(own, subscribers)
        subscribers.add(session, group, grant)
        session.note_change()
        self._routes.clear()

    def deliver_retained(self, session: Session, wanted: Subscription, subscription_id: int, *, is_new: bool) -> None:
        """Only to this session, only for this filter, only where it may receive."""
        handling = wanted.retain_handling
        if handling is RetainHandling.DO_NOT_SEND or (handling is RetainHandling.SEND_IF_NEW and not is_new):
            return
        if wanted.filter.startswith(SHARED):
            return
        ids = (subscription_id,) if subscription_id else ()
        for publication in self.retained.matching(wanted.filter):
            if may_receive(session.principal, publication.topic):
                session.deliver(publication, wanted.qos, ids, retain=True)

    def unsubscribe(self, session: Session, topic_filter: str) -> bool:
        """Whether there was such a subscription."""
        if session.subscriptions.pop(topic_filter, None) is None:
            return False
        self._stats["subscriptions"] -= 1
        group, own = split(topic_filter)
        subscribers = self._subscribers.get(own)
        if subscribers is not None:
            subscribers.remove(session, group)
            if subscribers.empty:
                self._subscribers.remove(own)
        session.note_change()
        self._routes.clear()
        return True

    def check_again(self, session: Session) -> None:
        """Removes the subscriptions that the session's principal, which may be a new one, is no longer allowed."""
        for topic_filter in list(session.subscriptions):
            if not may_subscribe(session.principal, split(topic_filter)[1]):
                self.unsubscribe(session, topic_filter)
        self._routes.clear()

    def forget_routes(self) -> None:
        """A principal may receive something else than before."""
        self._routes.clear()

    def forget(self, session: Session) -> None:
        for topic_filter in list(session.subscriptions):
            self.unsubscribe(session, topic_filter)

    def _refusal(self, session: Session, topic_filter: str) -> str | None:
        if not is_valid(topic_filter, self._limits):
            return "invalid"
        own = split(topic_filter)[1]
        if not may_subscribe(session.principal, own):
            return "foreign"
        full = len(session.subscriptions) >= session.limits.subscriptions
        return "too_many" if full and topic_filter not in session.subscriptions else None

    def _deliver_to_one(self, group: Group, publication: Publication) -> None:
        chosen = group.choose(publication)
        if chosen is not None:
            session, grant = chosen
            ids = (grant.subscription_id,) if grant.subscription_id else ()
            session.deliver(publication, grant.qos, ids, retain=grant.retain_as_published and publication.retain)

    def _route(self, topic: str) -> TopicRoute:
        grants: dict[Session, list[Grant]] = {}
        route = TopicRoute()
        for subscribers in self._subscribers.filters_of(topic):
            route.groups += subscribers.groups.values()
            for session, grant in subscribers.sessions.items():
                grants.setdefault(session, []).append(grant)
        for session, found in grants.items():
            if may_receive(session.principal, topic):
                copy = merged(found)
                is_local = any(each.no_local for each in found)
                local = merged(each for each in found if not each.no_local) if is_local else copy
                route.recipients.append((session, copy, local))
        if len(self._routes) >= ROUTES_CACHED:
            self._routes.clear()
        self._routes[topic] = route
        return route
