import pytest

from bridges.simulator.address import AddressError, Broker, parse


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("mqtt://127.0.0.1:18830", Broker("127.0.0.1", 18830)),
        ("mqtt://bridge:pa%2Fss@broker.example", Broker("broker.example", 1883)),
        ("mqtts://broker.example", Broker("broker.example", 8883, tls=True)),
        ("mqtt://[::1]:1884", Broker("::1", 1884)),
    ],
)
def test_finds_host_and_port_and_passes_over_the_login(url: str, broker: Broker):
    assert parse(url) == broker


@pytest.mark.parametrize(
    "url",
    ["", "broker.example:1883", "http://broker.example", "mqtt://", "mqtt://h:99999", "mqtt://h:x", "mqtt://a..b"],
)
def test_refuses_what_is_no_address(url: str):
    with pytest.raises(AddressError):
        parse(url)


def test_does_not_repeat_a_password():
    with pytest.raises(AddressError) as caught:
        parse("http://user:hunter2@broker.example")
    assert "hunter2" not in str(caught.value)


def test_prints_as_host_and_port():
    assert str(parse("mqtt://[::1]:1884")) == "[::1]:1884"
