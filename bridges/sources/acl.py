"""What a broker must allow the hub's login, as lines of the broker's own configuration. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection


def mosquitto(username: str, reads: Collection[str], writes: Collection[str]) -> str:
    """For `acl_file`."""
    lines = [f"topic read {each}" for each in reads] + [f"topic write {each}" for each in writes]
    return "\n".join([f"user {username}", *lines])


def emqx(username: str, reads: Collection[str], writes: Collection[str]) -> str:
    """For `acl.conf`."""
    user = json.dumps(username)
    rules = [(topic, "subscribe") for topic in reads] + [(topic, "publish") for topic in writes]
    return "\n".join(f"{{allow, {{user, {user}}}, {action}, [{json.dumps(topic)}]}}." for topic, action in rules)


def nats(username: str, reads: Collection[str], writes: Collection[str]) -> str:
    """For `authorization.users`. NATS writes topics as subjects."""
    allow = {
        action: [subject for each in filters for subject in subjects(each)]
        for action, filters in (("subscribe", reads), ("publish", writes))
    }
    permissions = ", ".join(f"{action}: {json.dumps(found)}" for action, found in allow.items())
    return f"{{user: {json.dumps(username)}, password: $PASSWORD, permissions: {{{permissions}}}}}"


def subjects(topic_filter: str) -> list[str]:
    """The subjects that a filter stands for: `a/#` is `a` as well, which `a.>` is not."""
    levels = ["*" if level == "+" else level.replace(".", "//") for level in topic_filter.split("/")]
    if levels[-1] != "#":
        return [".".join(levels)]
    return [".".join(levels[:-1]), ".".join([*levels[:-1], ">"])] if len(levels) > 1 else [">"]
