"""What a decoder's script may use. A script is foreign code: each of these is what stands between it and the hub."""

from __future__ import annotations

CPU_S = 0.05
"""Processor time of one message. Vendors' scripts need a thousandth of it."""
LOAD_CPU_S = 0.25
"""Processor time in which a script is read and its top level runs."""
BATCH_CPU_S = 0.05
"""Processor time after which a worker returns what it has of a batch, so that other decoders get their turn."""
WALL_S = 1.5
"""After so long without an answer a worker is killed: some of JavaScript's own functions, such as `reverse` of an array
with holes, cannot be interrupted."""
MEMORY_BYTES = 16 << 20
"""Memory of one script."""
STACK_BYTES = 256 << 10
PROCESS_BYTES = 512 << 20
"""Address space of a worker."""
MAX_SCRIPTS = 24
"""Scripts that a worker keeps ready to run; the one that was not used for longest makes room."""
MAX_RESULT = 64 << 10
"""Characters of JSON that a script may return for one message."""
MAX_CONSOLE_LINES, MAX_CONSOLE_LINE = 50, 500
MAX_NOTES, MAX_NOTE = 10, 200
"""Errors and warnings of one message, and characters of each."""

WORKERS = 2
"""Processes. One that is busy with a slow script must not be the only one."""
MAX_BATCH = 64
"""Messages handed to a worker at once."""
MAX_WAITING, MAX_WAITING_BYTES = 5_000, 4 << 20
"""Messages, and bytes of payload, that wait for one decoder. Past it they are refused."""

STRIKES, STRIKES_WITHIN_S = 3, 60.0
"""A script that uses up its time or memory so often within this time is paused."""
PAUSES_S = (10.0, 30.0, 60.0, 300.0)
"""How long its messages are refused without running it, each time longer until it behaves."""
