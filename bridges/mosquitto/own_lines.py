"""Files that the hub writes in part: what an owner has added around our lines stays. Pure."""

from __future__ import annotations

BEGINNING = "# The hub writes what follows; changes are lost."
END = "# The hub writes what precedes; add your own lines below."


def merged(ours: str, present: str) -> str:
    """`ours`, marked, in place of our earlier lines in the file as it is now.

    A file without our marks is one of an earlier version, which wrote all of it.
    """
    block = f"{BEGINNING}\n{ours}{END}\n"
    before, beginning, rest = present.partition(f"{BEGINNING}\n")
    _, end, after = rest.partition(f"{END}\n")
    return f"{before}{block}{after}" if beginning and end else block
