from __future__ import annotations

import pytest
from django.http import QueryDict

from dashboards.live.consumers import event_stream_query
from devices.errors import Invalid, TooMany


def wanted(query: str, last_event_id: str = "") -> list[tuple[str, int | None]]:
    return [(one.stream, one.after_seq) for one in event_stream_query.wanted(QueryDict(query), last_event_id)]


def test_it_names_each_stream_once() -> None:
    assert wanted("device=a&room=5&inbox=1&device=a&dashboard=2") == [
        ("device:a", None),
        ("dashboard:2", None),
        ("room:5", None),
        ("inbox", None),
    ]
    assert wanted("inbox=0") == []


def test_rooms_go_on_from_the_position_of_the_client() -> None:
    assert wanted("room=5&room=7&after_seq=812&after_seq=40") == [("room:5", 812), ("room:7", 40)]
    assert wanted("room=5&after_seq=812", "42;5:900") == [("room:5", 900)]


@pytest.mark.parametrize(
    "query", ["room=5&after_seq=", "room=5&after_seq=1&after_seq=2", "after_seq=1", "room=5&after_seq=-1", "rooms=1"]
)
def test_a_senseless_query_is_refused(query: str) -> None:
    with pytest.raises(Invalid):
        wanted(query)


@pytest.mark.parametrize(
    "query", ["&".join(f"device=d{n}" for n in range(201)), "&".join(f"room={n}" for n in range(21))]
)
def test_streams_and_rooms_of_a_query_are_limited(query: str) -> None:
    with pytest.raises(TooMany):
        wanted(query)


@pytest.mark.parametrize("text", ["", "42", "x", "0;", "1;5", "1;05:3", "1;5:", "1;5:3x", "1;5:" + "9" * 30, "1;٥:٣"])
def test_a_foreign_event_id_holds_no_position(text: str) -> None:
    assert event_stream_query.read_positions(text) == {}


def test_an_event_id_is_read_as_it_was_made() -> None:
    assert event_stream_query.event_id(42, {}) == "42"
    assert event_stream_query.event_id(42, {5: 812, 7: 40}) == "42;5:812;7:40"
    assert event_stream_query.read_positions("42;5:812;7:40") == {"room:5": 812, "room:7": 40}
