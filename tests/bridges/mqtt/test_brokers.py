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
    bridged.MQTT_WEBSOCKET_URL = URL
    found = brokers.behind_websocket()
    assert (found.host, found.port, str(found.ca)) == ("10.0.0.2", 8884, "/ca.pem")
    assert found == BrokerAddress(found.host, found.port, tls=True, ca=found.ca)


def test_clients_over_websocket_are_led_to_the_listener_for_devices(bridged: Any) -> None:
    bridged.PUBLIC_BROKERS = {"main": "mqtts://mqtt.example.org"}
    assert str(brokers.behind_websocket()) == "mqtts://mqtt.example.org:8883"
    bridged.MQTT_WEBSOCKET_URL = "mqtt://mosquitto"
    assert str(brokers.behind_websocket()) == "mqtt://mosquitto:1883"


def test_they_are_not_led_to_what_may_be_a_listener_for_bridges(bridged: Any) -> None:
    with pytest.raises(AddressError, match=r"^MQTT_WEBSOCKET_URL or MQTT_PUBLIC_URL has to name"):
        brokers.behind_websocket()


def test_an_unusable_address_is_named(bridged: Any) -> None:
    bridged.PUBLIC_BROKERS = {"main": "mqtt://mosquitto/path"}
    with pytest.raises(AddressError, match=r"^MQTT_PUBLIC_URL: the broker's address must be"):
        brokers.behind_websocket()
    bridged.MQTT_WEBSOCKET_URL = "mqtt://mosquitto/path"
    with pytest.raises(AddressError, match=r"^MQTT_WEBSOCKET_URL: the broker's address must be"):
        brokers.behind_websocket()
