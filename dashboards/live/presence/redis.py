"""Presence over several processes: a sorted set for each room in Redis, with Redis's clock."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from dashboards.live.presence.contract import TTL_S, PresenceForgotten, PresenceReport

PREFIX = "hubbub:presence:"
LIFE = "hubbub:presence-life"
"""A Redis that was emptied has lost the value of this key: the process that comes first afterwards sets another."""

# A member is "process:username", its score the millisecond until which the report holds. The key itself expires too, so
# that nothing is left once every process was killed.
_REPORT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ttl, here = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for i = 3, 2 + here do redis.call('ZADD', KEYS[1], now + ttl, ARGV[i]) end
for i = 3 + here, #ARGV do redis.call('ZREM', KEYS[1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ttl)
return redis.call('ZRANGE', KEYS[1], 0, -1)
"""


class RedisPresence:
    def __init__(self, url: str, ttl_s: float = TTL_S) -> None:
        # One more attempt, for a connection that broke unnoticed. Whether to wait longer is up to the caller.
        self._redis = Redis.from_url(url, decode_responses=True, retry=Retry(NoBackoff(), 1))
        self._script = self._redis.register_script(_REPORT)
        self._ttl_ms = int(ttl_s * 1000)
        self._process = secrets.token_hex(8)
        self._life = ""

    async def report(self, rooms: Mapping[int, PresenceReport]) -> dict[int, frozenset[str]]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for room_id, report in rooms.items():
                await self._script([f"{PREFIX}{room_id}"], self._arguments(report), client=pipeline)
            pipeline.set(LIFE, secrets.token_hex(8), nx=True)
            pipeline.get(LIFE)
            *answers, _, life = await pipeline.execute()
        before, self._life = self._life, life
        if before and before != life:
            raise PresenceForgotten
        return {
            room_id: frozenset(member.partition(":")[2] for member in members)
            for room_id, members in zip(rooms, answers, strict=True)
        }

    def _arguments(self, report: PresenceReport) -> list[str | int]:
        here, gone = ([f"{self._process}:{name}" for name in names] for names in (report.here, report.gone))
        return [self._ttl_ms, len(here), *here, *gone]

    async def close(self) -> None:
        await self._redis.aclose()
