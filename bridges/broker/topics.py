"""Topics and filters: what is valid, and a tree that finds the filters of a topic and the topics of a filter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from bridges.mqtt.packets import MessageProperties

from .errors import ProtocolError
from .limits import Limits

V = TypeVar("V")


def check_topic(topic: str, limits: Limits) -> None:
    """Raises `ProtocolError("invalid_topic")` for what cannot be the topic of a message."""
    if not topic or not _fits(topic, limits) or any(character in topic for character in "+#\0"):
        raise ProtocolError("invalid_topic")


def check_response_topic(properties: MessageProperties | None) -> None:
    """Raises `ProtocolError` for one that no message can have, and that could not be sent to a subscriber."""
    topic = None if properties is None else properties.response_topic
    if topic is not None and (not topic or "+" in topic or "#" in topic):
        raise ProtocolError("protocol_error")


def is_filter(text: str, limits: Limits) -> bool:
    """Whether `+` and `#` stand where MQTT lets them stand, within the limits of length and depth.

    `text` is from a packet, so it is not empty and holds no NUL.
    """
    if not _fits(text, limits):
        return False
    *parents, last = text.split("/")
    return all(level == "+" or not ("+" in level or "#" in level) for level in parents) and (
        last in ("+", "#") or not ("+" in last or "#" in last)
    )


def _fits(text: str, limits: Limits) -> bool:
    return len(text.encode()) <= limits.topic_bytes and text.count("/") < limits.topic_levels


class _Node(Generic[V]):
    __slots__ = ("children", "value")

    def __init__(self) -> None:
        self.children: dict[str, _Node[V]] = {}
        self.value: V | None = None


class TopicTree(Generic[V]):
    """Values by path, a level of the path per level of the tree.

    Used with filters as paths (who subscribes to this topic?) and with topics as paths (what is retained under this
    filter?). A wildcard at the first level does not match a topic that starts with `$`.
    """

    def __init__(self) -> None:
        self._root: _Node[V] = _Node()

    def get(self, path: str) -> V | None:
        node: _Node[V] | None = self._root
        for level in path.split("/"):
            if node is None:
                return None
            node = node.children.get(level)
        return None if node is None else node.value

    def set(self, path: str, value: V) -> None:
        node = self._root
        for level in path.split("/"):
            node = node.children.setdefault(level, _Node())
        node.value = value

    def remove(self, path: str) -> None:
        """Forgets the value, and the branches that only led to it: they must not pile up."""
        trail = [self._root]
        levels = path.split("/")
        for level in levels:
            child = trail[-1].children.get(level)
            if child is None:
                return
            trail.append(child)
        trail[-1].value = None
        for parent, level in zip(reversed(trail[:-1]), reversed(levels), strict=True):
            child = parent.children[level]
            if child.children or child.value is not None:
                return
            del parent.children[level]

    def filters_of(self, topic: str) -> Iterator[V]:
        """Values whose path, read as a filter, matches the topic."""
        levels = topic.split("/")
        nodes = [self._root]
        if topic.startswith("$"):
            first = self._root.children.get(levels.pop(0))
            nodes = [] if first is None else [first]
        for level in levels:
            deeper = []
            for node in nodes:
                yield from _value(node.children.get("#"))
                deeper += [child for key in (level, "+") if (child := node.children.get(key)) is not None]
            nodes = deeper
        for node in nodes:
            yield from _value(node)
            yield from _value(node.children.get("#"))  # "a/#" matches "a" too

    def topics_of(self, topic_filter: str) -> Iterator[V]:
        """Values whose path, read as a topic, is matched by the filter."""
        nodes = [self._root]
        for level in topic_filter.split("/"):
            if level == "#":
                for node in nodes:
                    yield from self._all(node)
                return
            if level == "+":
                nodes = [child for node in nodes for child in self._open_children(node)]
            else:
                nodes = [child for node in nodes if (child := node.children.get(level)) is not None]
        for node in nodes:
            yield from _value(node)

    def _all(self, node: _Node[V]) -> Iterator[V]:
        yield from _value(node)
        for child in self._open_children(node):
            yield from self._all(child)

    def _open_children(self, node: _Node[V]) -> Iterator[_Node[V]]:
        """Those that a wildcard matches."""
        if node is not self._root:
            yield from node.children.values()
            return
        yield from (child for level, child in node.children.items() if not level.startswith("$"))


def _value(node: _Node[V] | None) -> Iterator[V]:
    if node is not None and node.value is not None:
        yield node.value
