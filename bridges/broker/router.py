"""From a published message to the sessions that get it: subscriptions, rights to receive, retained messages."""

from __future__ import annotations

from collections import Counter

from bridges.mqtt.packets import ReasonCode

from .limits import Limits
from .publication import Publication
from .retained import Retained
from .session import Session
from .topics import TopicTree, is_filter

REFUSED = ReasonCode.UNSPECIFIED_ERROR
_GRANTED = (ReasonCode.GRANTED_QOS_0, ReasonCode.GRANTED_QOS_1)
ROUTES_CACHED = 10_000

Route = list[tuple[Session, int]]


class Router:
    """All calls are synchronous: between the check of a right and the delivery nothing else runs."""

    def __init__(self, limits: Limits, stats: Counter[str]) -> None:
        self.retained = Retained(limits, stats)
        self._limits = limits
        self._stats = stats
        self._subscribers: TopicTree[dict[Session, int]] = TopicTree()
        self._routes: dict[str, Route] = {}

    def publish(self, publication: Publication, *, retain: bool, account: str) -> None:
        """Delivers to everyone subscribed who may receive it. The right to publish is the caller's to check."""
        if retain:
            self.retained.keep(publication, account)
        route = self._routes.get(publication.topic)
        if route is None:
            route = self._route(publication.topic)
        for session, qos in route:
            session.deliver(publication, qos)

    def wants(self, topic: str) -> bool:
        """Whether anybody would get a message on this topic."""
        route = self._routes.get(topic)
        return bool(self._route(topic) if route is None else route)

    def subscribe(self, session: Session, topic_filter: str, qos: int) -> ReasonCode:
        """The code for the SUBACK: the QoS granted, 0 or 1, or `REFUSED`. Counts why it is refused."""
        reason = self._refusal(session, topic_filter)
        if reason is not None:
            self._stats[f"refused_subscriptions.{reason}"] += 1
            return REFUSED
        granted = _GRANTED[min(qos, 1)]
        self._stats["subscriptions"] += topic_filter not in session.subscriptions
        session.subscriptions[topic_filter] = granted
        subscribers = self._subscribers.get(topic_filter)
        if subscribers is None:
            subscribers = {}
            self._subscribers.set(topic_filter, subscribers)
        subscribers[session] = granted
        self._routes.clear()
        return granted

    def deliver_retained(self, session: Session, topic_filter: str, qos: int) -> None:
        """Only to this session, only for this filter, only where it may receive."""
        for publication in self.retained.matching(topic_filter):
            if session.principal.may_receive(publication.topic):
                session.deliver(publication, qos, retained=True)

    def unsubscribe(self, session: Session, topic_filter: str) -> None:
        subscribers = self._subscribers.get(topic_filter)
        if session.subscriptions.pop(topic_filter, None) is None or subscribers is None:
            return
        self._stats["subscriptions"] -= 1
        del subscribers[session]
        if not subscribers:
            self._subscribers.remove(topic_filter)
        self._routes.clear()

    def check_again(self, session: Session) -> None:
        """Removes the subscriptions that the session's principal, which may be a new one, is no longer allowed."""
        for topic_filter in [each for each in session.subscriptions if not session.principal.may_subscribe(each)]:
            self.unsubscribe(session, topic_filter)
        self._routes.clear()

    def forget(self, session: Session) -> None:
        for topic_filter in list(session.subscriptions):
            self.unsubscribe(session, topic_filter)

    def _refusal(self, session: Session, topic_filter: str) -> str | None:
        if topic_filter.startswith("$share/"):
            return "shared"
        if not is_filter(topic_filter, self._limits):
            return "invalid"
        if topic_filter.startswith("$") or not session.principal.may_subscribe(topic_filter):
            return "foreign"
        full = len(session.subscriptions) >= session.limits.subscriptions
        return "too_many" if full and topic_filter not in session.subscriptions else None

    def _route(self, topic: str) -> Route:
        best: dict[Session, int] = {}  # overlapping filters of a session: one copy, at the highest QoS granted
        for subscribers in self._subscribers.filters_of(topic):
            for session, qos in subscribers.items():
                best[session] = max(qos, best.get(session, 0))
        route = [(session, qos) for session, qos in best.items() if session.principal.may_receive(topic)]
        if len(self._routes) >= ROUTES_CACHED:
            self._routes.clear()
        self._routes[topic] = route
        return route
