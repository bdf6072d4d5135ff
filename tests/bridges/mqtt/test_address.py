import pytest

from bridges.mqtt.address import AddressError, BrokerAddress


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("mqtt://127.0.0.1:18830", BrokerAddress("127.0.0.1", 18830)),
        ("mqtt://bridge:pa%2Fss@broker.example", BrokerAddress("broker.example", 1883, "bridge", "pa/ss")),
        ("mqtts://broker.example", BrokerAddress("broker.example", 8883, tls=True)),
        ("mqtt://[::1]:1884", BrokerAddress("::1", 1884)),
    ],
)
def test_finds_host_port_and_login(url: str, broker: BrokerAddress):
    assert BrokerAddress.from_url(url) == broker


@pytest.mark.parametrize(
    "url",
    ["", "broker.example:1883", "http://broker.example", "mqtt://", "mqtt://h:99999", "mqtt://h:x", "mqtt://a..b"],
)
def test_refuses_what_is_no_address(url: str):
    with pytest.raises(AddressError):
        BrokerAddress.from_url(url)


def test_does_not_repeat_a_password():
    with pytest.raises(AddressError) as caught:
        BrokerAddress.from_url("http://user:hunter2@broker.example")
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in str(address := BrokerAddress.from_url("mqtt://user:hunter2@broker.example"))
    assert "hunter2" not in repr(address)


def test_prints_without_the_login():
    assert str(BrokerAddress.from_url("mqtt://me@[::1]:1884")) == "mqtt://[::1]:1884"
