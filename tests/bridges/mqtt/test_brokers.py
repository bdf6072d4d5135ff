from __future__ import annotations

from typing import Any

import pytest

from bridges.mqtt import brokers
from bridges.mqtt.address import AddressError, BrokerAddress


@pytest.fixture
def bridged(settings: Any) -> Any:
    settings.BROKERS = {"main": "mqtts://bridge:secret@10.0.0.2:8884?ca=/ca.pem&cert=/bridge.pem&key=/bridge.key"}
    return settings


def test_clients_over_websocket_use_neither_the_bridge_s_password_nor_its_certificate(bridged: Any) -> None:
    found = brokers.behind_websocket()
    assert (found.host, found.port, str(found.ca)) == ("10.0.0.2", 8884, "/ca.pem")
    assert found == BrokerAddress(found.host, found.port, tls=True, ca=found.ca)


def test_clients_over_websocket_are_led_to_the_listener_for_devices(bridged: Any) -> None:
    bridged.PUBLIC_BROKERS = {"main": "mqtts://mqtt.example.org"}
    assert str(brokers.behind_websocket()) == "mqtts://mqtt.example.org:8883"
    bridged.MQTT_WEBSOCKET_URL = "mqtt://mosquitto"
    assert str(brokers.behind_websocket()) == "mqtt://mosquitto:1883"


def test_an_unusable_address_is_named(bridged: Any) -> None:
    bridged.MQTT_WEBSOCKET_URL = "mqtt://mosquitto/path"
    with pytest.raises(AddressError, match=r"^MQTT_WEBSOCKET_URL: the broker's address must be"):
        brokers.behind_websocket()
