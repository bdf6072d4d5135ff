"""Payloads to typed values and back, without I/O. `docs/protocol.md` has the formats; MQTT, HTTP and CSV share them."""
