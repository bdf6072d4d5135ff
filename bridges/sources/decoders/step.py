"""The pipeline's messages through the pool."""

from __future__ import annotations

from collections.abc import Mapping

from bridges.ingest import decoding
from bridges.ingest.decoding import Done
from bridges.ingest.delivery import Delivery, EncodedPayload
from bridges.sources.decoders.calls import Call, Outcome
from bridges.sources.decoders.pool import Pool, pool, refusal_of, warnings_of


class PoolStep:
    """`bridges.ingest.decoding.PayloadDecoder`."""

    def __init__(self) -> None:
        self._pool: Pool = pool()

    @property
    def is_needed(self) -> bool:
        return self._pool.assignments.is_needed

    @property
    def devices(self) -> Mapping[str, int]:
        return self._pool.assignments.devices

    async def follow(self) -> None:
        await self._pool.assignments.follow()

    async def unfollow(self) -> None:
        if await self._pool.assignments.unfollow():
            await self._pool.close()

    def submit(self, decoder: int, delivery: Delivery, done: Done) -> None:
        def on_outcome(outcome: Outcome) -> None:
            if outcome.reason:
                delivery.refusal = refusal_of(outcome)
            else:
                delivery.payload, delivery.size = outcome.json, None
            done(delivery, warnings_of(outcome))

        how = delivery.encoded or EncodedPayload(decoder)
        time_ms = 0 if how.time is None else how.time // 1000
        call = Call(
            delivery.payload, how.f_port, delivery.received_at // 1000, time=time_ms, variables=how.variables.decode()
        )
        self._pool.submit(decoder, call, on_outcome, delivery.uid)


def install() -> None:
    """From now on, the pipelines of this process decode."""
    decoding.install(PoolStep)
