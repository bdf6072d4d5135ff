from bridges.simulator.backoff import FIRST_S, MOST_S, REFUSED_S, Backoff


def test_waits_longer_each_time_up_to_a_limit():
    backoff = Backoff()
    waits = [backoff.next_s() for _ in range(20)]
    assert FIRST_S / 2 <= waits[0] <= FIRST_S
    assert all(MOST_S / 2 <= wait <= MOST_S for wait in waits[5:])
    backoff.reset()
    assert backoff.next_s() <= FIRST_S


def test_no_two_devices_wait_equally_long():
    assert len({Backoff().next_s() for _ in range(50)}) == 50


def test_refusal_is_asked_again_seldom():
    assert REFUSED_S / 2 <= Backoff().refused_s() <= REFUSED_S
