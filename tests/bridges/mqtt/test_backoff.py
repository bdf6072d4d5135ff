from bridges.mqtt.backoff import Backoff, scattered


def test_waits_longer_each_time_up_to_a_limit():
    backoff = Backoff(0.5, 5)
    waits = [backoff.next_s() for _ in range(20)]
    assert 0.25 <= waits[0] <= 0.5
    assert all(2.5 <= wait <= 5 for wait in waits[5:])
    backoff.reset()
    assert backoff.next_s() <= 0.5


def test_no_two_clients_wait_equally_long():
    assert len({Backoff().next_s() for _ in range(50)}) == 50
    assert all(15 <= scattered(30) <= 30 for _ in range(50))
