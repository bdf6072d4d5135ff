import json

from bridges.simulator.backlog import BACKLOG_LIMIT, LIST_LIMIT, Backlog


def test_a_single_measurement_is_an_object_with_its_time():
    backlog = Backlog()
    backlog.add(1000, {"rpm": 7}, live=True)
    assert json.loads(backlog.pop_payload()) == {"ts": 1000, "values": {"rpm": 7}}
    assert not backlog


def test_a_device_without_timestamps_sends_plain_values():
    backlog = Backlog(timestamps=False)
    backlog.add(1000, {"level": 7}, live=True)
    assert json.loads(backlog.pop_payload()) == {"level": 7}


def test_delayed_measurements_carry_their_time_even_so():
    backlog = Backlog(timestamps=False)
    backlog.add(1000, {"level": 7}, live=False)
    assert json.loads(backlog.pop_payload()) == {"ts": 1000, "values": {"level": 7}}
    backlog.add(2000, {"level": 8}, live=True)
    backlog.add(3000, {"level": 9}, live=True)
    assert [entry["ts"] for entry in json.loads(backlog.pop_payload())] == [2000, 3000]


def test_many_measurements_become_lists_in_order():
    backlog = Backlog()
    for ts in range(1, LIST_LIMIT + 11):
        backlog.add(ts, {"n": ts}, live=False)
    assert [entry["ts"] for entry in json.loads(backlog.pop_payload())] == list(range(1, LIST_LIMIT + 1))
    assert len(json.loads(backlog.pop_payload())) == 10
    assert not backlog


def test_no_two_measurements_share_a_millisecond():
    backlog = Backlog()
    for ts in (5000, 5000, 4000, 6000):
        backlog.add(ts, {}, live=True)
    assert [entry["ts"] for entry in json.loads(backlog.pop_payload())] == [5000, 5001, 5002, 6000]


def test_a_full_backlog_drops_the_oldest_and_counts_them():
    backlog = Backlog()
    for ts in range(BACKLOG_LIMIT + 3):
        backlog.add(ts + 1, {}, live=False)
    assert len(backlog) == BACKLOG_LIMIT
    assert backlog.dropped == 3
    assert json.loads(backlog.pop_payload())[0]["ts"] == 4
