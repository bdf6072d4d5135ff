"""Vendors' JavaScript decoders, run as they are in worker processes of their own.

`pool.pool()` is the entry for everything that has a payload to decode:

    decoded = await pool().decode(decoder_id, payload, f_port, at)     # `Decoded`, or raises `Refusal`
    downlink = await pool().encode(decoder_id, {"interval": 60})        # `Downlink`, or raises `Refusal`
    decoder_id = pool().assignments.decoder_for(space_id, profile, uid)

A message that goes through a pipeline needs nothing but `uplinks.encode_delivery(delivery, encoded, space_id)`.

Calls of many messages at a time are handed to a worker in batches, in the order of the calls for each decoder. `at` is
in microseconds. `Decoded.json` is telemetry for `bridges.codec.payloads.decode_telemetry`, and `Decoded.telemetry(at)`
does that.

This package imports nothing of Django at its top: the workers import it too.
"""
