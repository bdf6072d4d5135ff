"""From MQTT to the group, a message at a time: paho's callback and `async_to_sync`. Nothing is stored."""

from __future__ import annotations

import json
import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.peers.tutorial.settings")

import django
import paho.mqtt.client as mqtt
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

django.setup()
send = async_to_sync(get_channel_layer().group_send)


def on_connect(client: mqtt.Client, *_: Any) -> None:
    client.subscribe("devices/+/telemetry", qos=1)


def on_subscribe(*_: Any) -> None:
    print("subscribed", flush=True)


def on_message(client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
    device = message.topic.split("/")[1]
    send("telemetry", {"type": "telemetry", "device": device, "values": json.loads(message.payload)})


def main() -> None:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="subscriber")
    client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
    client.connect("127.0.0.1", int(os.environ["MQTT_PORT"]))
    client.loop_forever()


if __name__ == "__main__":
    main()
