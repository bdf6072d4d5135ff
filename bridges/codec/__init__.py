"""Payloads to typed values and back, without I/O, for MQTT, HTTP and CSV. The formats: `docs/protocol/payloads.md`."""
