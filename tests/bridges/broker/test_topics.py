import pytest

from bridges.broker.errors import ProtocolError
from bridges.broker.limits import Limits
from bridges.broker.topics import TopicTree, check_topic, is_filter

LIMITS = Limits()
TOPICS = ["a", "a/b", "a/b/c", "a//c", "/a", "b/b"]
MATCHES = {
    "a": {"a"},
    "a/b": {"a/b"},
    "+": {"a"},
    "a/+": {"a/b"},
    "+/b": {"a/b", "b/b"},
    "a/+/c": {"a/b/c", "a//c"},
    "#": set(TOPICS),
    "a/#": {"a", "a/b", "a/b/c", "a//c"},
    "a/b/#": {"a/b", "a/b/c"},
    "+/#": set(TOPICS),
    "/+": {"/a"},
    "+/+": {"a/b", "/a", "b/b"},
    "a/b/c/#": {"a/b/c"},
    "a/b/c/+": set(),
    "x/#": set(),
}


@pytest.mark.parametrize(("topic_filter", "topics"), MATCHES.items())
def test_filter_finds_its_topics(topic_filter, topics):
    tree: TopicTree[str] = TopicTree()
    for topic in TOPICS:
        tree.set(topic, topic)
    assert set(tree.topics_of(topic_filter)) == topics


@pytest.mark.parametrize("topic", TOPICS)
def test_topic_finds_its_filters(topic):
    tree: TopicTree[str] = TopicTree()
    for topic_filter in MATCHES:
        tree.set(topic_filter, topic_filter)
    assert sorted(tree.filters_of(topic)) == sorted(each for each, topics in MATCHES.items() if topic in topics)


def test_removing_leaves_no_branches_and_removes_no_others():
    tree: TopicTree[int] = TopicTree()
    for number, path in enumerate(("a/b", "a/b/c", "a/d"), 1):
        tree.set(path, number)
    tree.remove("a/b")
    assert (tree.get("a/b"), tree.get("a/b/c"), tree.get("a/d")) == (None, 2, 3)
    tree.remove("a/b/c")
    tree.remove("a/d")
    tree.remove("never/set")
    assert not tree._root.children


@pytest.mark.parametrize("text", ["#", "+", "a/#", "a/+/b", "+/+", "/", "a//b", "$SYS/#", "a b"])
def test_valid_filters(text):
    assert is_filter(text, LIMITS)


@pytest.mark.parametrize("text", ["#/a", "a#", "a/b#", "a+", "+a/b", "a/++/b", "##", "x" * 257, "/" * 16])
def test_invalid_filters(text):
    assert not is_filter(text, LIMITS)


@pytest.mark.parametrize("topic", ["", "a/+", "#", "a\0b", "x" * 257, "/" * 16])
def test_invalid_topics(topic):
    with pytest.raises(ProtocolError):
        check_topic(topic, LIMITS)


@pytest.mark.parametrize(
    ("topic_filter", "found"),
    [
        ("#", False),
        ("+/#", False),
        ("+/broker/x", False),
        ("$SYS/#", True),
        ("$SYS/+/x", True),
        ("$SYS/b/x", True),
    ],
)
def test_wildcards_do_not_match_topics_of_the_broker(topic_filter, found):
    by_topic: TopicTree[str] = TopicTree()
    by_topic.set("$SYS/b/x", "value")
    assert list(by_topic.topics_of(topic_filter)) == ["value"] * found
    by_filter: TopicTree[str] = TopicTree()
    by_filter.set(topic_filter, "value")
    assert list(by_filter.filters_of("$SYS/b/x")) == ["value"] * found
