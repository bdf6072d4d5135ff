"""Options that every web server of the hub gets, Daphne and uvicorn alike."""

PING_S, PONG_S = 10, 20
"""Seconds between pings of a WebSocket, and how long a pong may take. A client whose network is gone is noticed within
30 s, also where a protocol has no signs of life of its own (`/ws/chat/`). Browsers answer by themselves."""
SERVER_NAME = "hubbub"
MQTT_PATH, MQTT_FRAME_BYTES = "/mqtt", 256 * 1024
"""Of a frame of MQTT over WebSocket: clients send each packet in one, and the largest is somewhat above 128 KiB."""
SMALL_FRAGMENT_BYTES = 126
"""A smaller part of a message in several counts as a control frame: a message may have any number of them."""
