from __future__ import annotations

from typing import Any

import pytest

from bridges.mqtt import brokers
from bridges.mqtt.address import AddressError, BrokerAddress

URL = "mqtts://bridge:secret@10.0.0.2:8884?ca=/ca.pem&cert=/bridge.pem&key=/bridge.key"


@pytest.fixture
def bridged(settings: Any) -> Any:
    settings.BROKERS = {"main": URL}
    return settings


def test_clients_over_websocket_use_neither_the_bridge_s_password_nor_its_certificate(bridged: Any) -> None:
    found, is_for_devices = brokers.behind_websocket()
    assert not is_for_devices
    assert (found.host, found.port, str(found.ca)) == ("10.0.0.2", 8884, "/ca.pem")
    assert found == BrokerAddress(found.host, found.port, tls=True, ca=found.ca)


def test_clients_over_websocket_are_led_to_the_listener_for_devices(bridged: Any) -> None:
    bridged.MQTT_WEBSOCKET_URL = "mqtt://mosquitto"
    assert brokers.behind_websocket() == (BrokerAddress("mosquitto", 1883), True)


def test_an_unusable_address_is_named(bridged: Any) -> None:
    bridged.MQTT_WEBSOCKET_URL = "mqtt://mosquitto/path"
    with pytest.raises(AddressError, match=r"^MQTT_WEBSOCKET_URL: the broker's address must be"):
        brokers.behind_websocket()
