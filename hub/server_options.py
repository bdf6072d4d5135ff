"""Options that every web server of the hub gets, Daphne and uvicorn alike."""

PING_S, PONG_S = 10, 20
"""Seconds between pings of a WebSocket, and how long a pong may take. A client whose network is gone is noticed within
30 s, also where a protocol has no signs of life of its own (`/ws/chat/`). Browsers answer by themselves."""
SERVER_NAME = "hubbub"
SMALL_FRAGMENT_BYTES = 126
"""A smaller part of a message in several counts as a control frame: a message may have any number of them."""
