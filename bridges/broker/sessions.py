"""All sessions, by account and client id."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from secrets import token_hex
from time import monotonic

from bridges.mqtt.packets import ConnectPacket, ReasonCode

from .authentication import Principal, most_sessions, session_limits
from .errors import LoginRefused
from .journal import Journal
from .limits import Limits, SessionLimits
from .outlet import Outlet, Pool
from .pending import finished_before
from .publication import Outgoing
from .router import Router
from .session import Session
from .stored import StoredSession
from .terms import session_expiry_s
from .throttled_log import ThrottledLog
from .wills import Wills


class Sessions:
    def __init__(
        self, limits: Limits, stats: Counter[str], router: Router, wills: Wills, warnings: ThrottledLog
    ) -> None:
        self._limits = limits
        self._stats = stats
        self._warnings = warnings
        self._router = router
        self._wills = wills
        self._pool = Pool(limits.queued_bytes)
        self._shared_pools: dict[SessionLimits, Pool] = {}
        self._by_account: dict[str, dict[str, Session]] = {}
        self._expiries: dict[Session, asyncio.TimerHandle] = {}
        self.journal: Journal | None = None
        self.by_number: dict[int, Session] = {}
        """Those that outlive the process, if there is a journal."""
        self._last_number = 0

    def open(self, principal: Principal, connect: ConnectPacket, outlet: Outlet) -> tuple[Session, bool]:
        """The session for a login, and whether it was there before. Raises `LoginRefused`.

        A connection that has it is closed first, as MQTT asks; that is always one of the same account.
        """
        client_id = connect.client_id or f"hub-{token_hex(12)}"
        session = self._take_over(principal.name, client_id)
        if session is not None and connect.clean_start:
            self.end(session)
            session = None
        present = session is not None
        limits = session_limits(principal, self._limits.session)
        if session is None:
            self._make_room(principal)
            session = self._add(principal, client_id, limits)
        else:
            self._wills.resumed(session)
        self._keep(session)
        session.expiry_s = session_expiry_s(connect, self._limits)
        if not present and session.expiry_s:
            self._number(session, self._last_number + 1)
        session.attach(outlet, principal, limits, connect.receive_maximum)
        self._router.check_again(session)
        session.discard_forbidden()
        session.note_change()
        return session, present

    def restore(self, number: int, stored: StoredSession, principal: Principal, messages: Sequence[Outgoing]) -> None:
        """A session of an earlier run of the broker, whose client is offline by now."""
        limits = session_limits(principal, self._limits.session)
        session = self._add(principal, stored.client_id, limits)
        session.limits, session.expiry_s, session.last_id = limits, stored.expiry_s, stored.last_id
        session.left_at = monotonic() - stored.gone_s()
        self._number(session, number)
        for topic_filter, grant in stored.subscriptions:
            self._router.restore(session, topic_filter, grant)
        self._router.check_again(session)
        session.received.update((packet_id, finished_before(packet_id)) for packet_id in stored.received)
        for message in messages:
            session.restore(message)
        self._expire_in(session, stored.left_s())

    def leave(self, session: Session) -> None:
        """Its connection has ended."""
        session.detach()
        if session.expiry_s:
            self._expire_in(session, session.expiry_s)
            session.note_change()
        else:
            self.end(session)

    def principals(self) -> set[Principal]:
        return {session.principal for mine in self._by_account.values() for session in mine.values()}

    def replace(self, old: Principal, new: Principal) -> None:
        """The sessions of `old` keep their subscriptions; what these deliver is for `new` to receive."""
        for session in self._by_account.get(old.name, {}).values():
            if session.principal == old:
                session.principal = new
                session.discard_forbidden()
        self._router.forget_routes()

    def is_connected(self, account: str, client_id: str) -> bool:
        """Whether a login with this client id takes over a connection instead of adding one."""
        session = self._by_account.get(account, {}).get(client_id)
        return session is not None and session.outlet is not None

    def end(self, session: Session) -> None:
        """Forgets the session with all it holds."""
        account = session.principal.name
        mine = self._by_account.get(account, {})
        if mine.get(session.client_id) is not session:
            return
        del mine[session.client_id]
        if not mine:
            del self._by_account[account]
        self._stats["sessions"] -= 1
        self._keep(session)
        if session.journal is not None:
            session.journal.session(session.number, ended=True)
            session.journal = None
            del self.by_number[session.number]
        self._router.forget(session)
        session.empty()
        self._wills.publish_now(session)

    def end_all(self, account: str, principal: Principal | None = None) -> None:
        """Only those of the principal, if one is given."""
        for session in list(self._by_account.get(account, {}).values()):
            if principal is None or session.principal == principal:
                self.end(session)

    def clear(self) -> None:
        for account in list(self._by_account):
            self.end_all(account)

    def _add(self, principal: Principal, client_id: str, limits: SessionLimits) -> Session:
        session = Session(principal, client_id, self._pool_for(limits), stats=self._stats, warnings=self._warnings)
        self._by_account.setdefault(principal.name, {})[client_id] = session
        self._stats["sessions"] += 1
        return session

    def _pool_for(self, limits: SessionLimits) -> Pool:
        """A session with limits of its own does not take its bytes from those of others."""
        if limits is self._limits.session:
            return self._pool
        if not limits.pool_bytes:
            return Pool(limits.queue_bytes)
        return self._shared_pools.setdefault(limits, Pool(limits.pool_bytes))

    def _number(self, session: Session, number: int) -> None:
        """The session outlives the process, under this number."""
        if self.journal is not None:
            session.number, session.journal = number, self.journal
            self.by_number[number] = session
            self._last_number = max(self._last_number, number)

    def _expire_in(self, session: Session, seconds: float) -> None:
        self._expiries[session] = asyncio.get_running_loop().call_later(seconds, self.end, session)

    def _keep(self, session: Session) -> None:
        """It does not expire any more."""
        timer = self._expiries.pop(session, None)
        if timer is not None:
            timer.cancel()

    def _take_over(self, account: str, client_id: str) -> Session | None:
        session = self._by_account.get(account, {}).get(client_id)
        if session is not None and session.outlet is not None:
            session.outlet.close("taken_over")  # ends the session, too, if it was a clean one
            session = self._by_account.get(account, {}).get(client_id)
        return session

    def _make_room(self, principal: Principal) -> None:
        """A client with a new id at each start must not leave sessions behind for ever: the oldest idle one ends."""
        mine = self._by_account.get(principal.name, {})
        if len(mine) < most_sessions(principal, self._limits.sessions_per_account):
            return
        idle = next((session for session in mine.values() if session.outlet is None), None)
        if idle is None:
            raise LoginRefused(ReasonCode.QUOTA_EXCEEDED, "too_many_sessions")
        self.end(idle)
