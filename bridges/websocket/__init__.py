"""MQTT over WebSocket: the bytes of a connection in binary frames, as browsers can send them."""
