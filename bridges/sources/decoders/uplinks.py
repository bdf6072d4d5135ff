"""Payloads of The Things Network, ChirpStack and the like, to the decoder that is for them."""

from __future__ import annotations

import msgspec

from bridges.ingest.delivery import Delivery, EncodedPayload
from bridges.sources.convention import Encoded
from bridges.sources.decoders.pool import pool


def encode_delivery(delivery: Delivery, encoded: Encoded, space: int) -> bool:
    """Has the pipeline decode the payload of `encoded`, in order with the device's other messages, before it is stored.

    Returns False, and changes nothing, where neither the device has a decoder nor its profile in this space.
    """
    decoder = pool().assignments.decoder_for(space, encoded.profile, delivery.uid)
    if decoder is None:
        return False
    variables = msgspec.json.encode(dict(encoded.variables)) if encoded.variables else b""
    delivery.kind, delivery.payload, delivery.content = "telemetry", encoded.payload, None
    delivery.encoded = EncodedPayload(decoder, encoded.f_port, encoded.time, variables)
    return True
