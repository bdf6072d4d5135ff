"""Where messages of clients go: to the sink, and to the sessions subscribed."""

from __future__ import annotations

from collections import Counter

from bridges.mqtt.packets import PublishPacket, Will

from .intake import Inlet
from .limits import Limits
from .load import WillOnItsWay
from .publication import Publication
from .router import Router
from .session import Session
from .sink import Done, Published


class Exchange:
    def __init__(self, router: Router, inlet: Inlet, limits: Limits, stats: Counter[str]) -> None:
        self._router = router
        self._inlet = inlet
        self._limits = limits
        self._stats = stats

    def publish(self, publish: PublishPacket, session: Session, done: Done | None) -> bool:
        """A message of a session that may publish it. Whether any session has subscribed to it."""
        name = session.principal.name
        published = Published(
            name, publish.topic, publish.payload, publish.size, publish.qos, publish.retain, publish.properties
        )
        return self._hand_on(published, session, done, publish.expiry_s)

    def publish_will(self, will: Will, session: Session) -> None:
        name, size = session.principal.name, len(will.payload)
        load = self._inlet.load_of(name)
        if load.wills >= self._limits.sink_wills:
            self._stats["dropped.wills"] += 1
            return
        published = Published(name, will.topic, will.payload, size, will.qos, will.retain, will.properties)
        self._hand_on(published, session, WillOnItsWay(load).done, will.expiry_s)

    def _hand_on(self, published: Published, session: Session, done: Done | None, expiry_s: int | None) -> bool:
        """What is too large goes to the sink only."""
        router = self._router
        keep = self._inlet.sink.offer(published, done) and published.retain
        if published.size != len(published.payload):
            return False
        is_wanted = router.wants(published.topic)
        if not (keep or is_wanted):
            return False
        publication = Publication(
            published.topic,
            published.payload,
            published.qos,
            retain=published.retain,
            publisher=session.key,
            properties=published.properties,
            expires_in_s=expiry_s,
        )
        router.publish(publication, keep=keep, account=published.account)
        return is_wanted
