"""Brings the state back at the start, and writes its changes in the background."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from .authentication import Authenticator, account_limits
from .journal import Changes, Journal
from .publication import Publication
from .retained import Retained
from .sessions import Sessions
from .state_file import Rows, State, StateFile
from .stored import StoredMessage, StoredPublication, StoredRetained, StoredSession
from .throttled_log import ThrottledLog

WRITE_EVERY_S = 0.5
"""A killed hub loses the changes of this time, and of the write after it."""
RETRY_S = 5.0
"""Pause after a write that failed: the next one writes all that there is."""


class StateKeeper:
    """Of `sessions` and `retained`, from `start` to `stop`."""

    def __init__(
        self,
        path: Path,
        sessions: Sessions,
        retained: Retained,
        authenticator: Authenticator,
        stats: Counter[str],
        warnings: ThrottledLog,
    ) -> None:
        self._file = StateFile(path)
        self._stats = stats
        self._warnings = warnings
        self._sessions = sessions
        self._retained = retained
        self._authenticator = authenticator
        self._journal = Journal()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="broker-state")
        self._writing: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._lock = asyncio.Lock()  # a later write must not overtake an earlier one

    async def start(self) -> None:
        """Restores what is stored, of accounts that still exist, and then writes what changes."""
        state = await asyncio.get_running_loop().run_in_executor(self._thread, self._file.load)
        self._stats["state_set_aside"] = int(self._file.set_aside)
        self._sessions.journal = self._retained.journal = self._journal
        await self._restore(state)
        self._writing = asyncio.create_task(self._keep_writing(), name="broker state")

    async def stop(self) -> None:
        """Writes the last changes. What happens afterwards is the end of the process, not that of the sessions."""
        writing, self._writing = self._writing, None
        if writing is None:
            return
        self._stopping.set()
        await writing
        self._sessions.journal = self._retained.journal = None
        await self._write()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._file.close)
        self._thread.shutdown(wait=False)

    async def written(self) -> None:
        """Writes the changes up to now, unless the last write failed: then it is not tried again for each of them."""
        if self._writing is not None and not self._journal.incomplete:
            # The caller may be cancelled. Without the shield, the changes of a write that then fails would be lost.
            await asyncio.shield(self._write())

    async def _restore(self, state: State) -> None:
        names = {session.account for session in state.sessions.values()} | {each.account for each in state.retained}
        principals = await self._authenticator.principals(names)
        for name, principal in principals.items():
            self._retained.grant(name, account_limits(principal))
        for each in state.retained:
            publication = each.publication.restored()
            if each.account in principals and not publication.is_expired():
                self._retained.keep(publication, each.account)
        for number, stored in state.sessions.items():
            owner = principals.get(stored.account)
            if owner is not None and stored.left_s() > 0:
                messages = [message.restored(place) for place, message in state.messages.get(number, [])]
                self._sessions.restore(number, stored, owner, messages)
        # Sessions and messages that were not restored are not to come back at the next start.
        self._journal.give_up()

    async def _keep_writing(self) -> None:
        while not self._stopping.is_set():
            pause_s = WRITE_EVERY_S if await self._write() else RETRY_S
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()

    async def _write(self) -> bool:
        """Whether it could. What could not be written is written next time."""
        async with self._lock:
            return await self._try_to_write()

    async def _try_to_write(self) -> bool:
        try:
            rows = self._rows()
            if rows is not None:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._file.write, rows)
        except Exception as error:  # whatever it is: nothing would be written any more if this task ended
            self._stats["state_write_failures"] += 1
            self._warnings.warn("state", "The state of the broker cannot be written: %s", error)
            self._journal.give_up()
            return False
        return True

    def _rows(self) -> Rows | None:
        changes = self._journal.take()
        if self._journal.incomplete:
            self._journal.incomplete = False
            return self._everything()
        if not changes:
            return None
        sessions = self._sessions.by_number
        return Rows(
            _stored_retained(changes),
            [
                (number, StoredSession.of(sessions[number]) if exists and number in sessions else None)
                for number, exists in changes.sessions.items()
            ],
            ((key, None if each is None else StoredMessage.of(each)) for key, each in changes.messages.items()),
        )

    def _everything(self) -> Rows:
        sessions = dict(self._sessions.by_number)
        messages = [
            ((number, outgoing.number), outgoing)
            for number, session in sessions.items()
            for outgoing in session.undelivered()
        ]
        for _, outgoing in messages:
            outgoing.stored = True
        retained: dict[str, tuple[Publication, str] | None] = {}
        retained.update((kept[0].topic, kept) for kept in self._retained.everything())
        return Rows(
            _stored_retained(Changes(retained)),
            [(number, StoredSession.of(session)) for number, session in sessions.items()],
            ((key, StoredMessage.of(outgoing)) for key, outgoing in messages),
            replaces=True,
        )


def _stored_retained(changes: Changes) -> Iterator[tuple[str, StoredRetained | None]]:
    for topic, kept in changes.retained.items():
        if kept is None:
            yield topic, None
        else:
            publication, account = kept
            yield topic, StoredRetained(StoredPublication.of(publication), account)
