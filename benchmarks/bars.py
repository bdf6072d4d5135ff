"""Draws the fan-out figures of docs/benchmarks.md as docs/images/fanout.svg and fanout-dark.svg.

.venv/bin/python -m benchmarks.bars
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
CASES = ("one device, 100 viewers", "one device, 500 viewers", "1,000 devices, 50 viewers of all")
WIDTH, LABEL, ROW, GAP = 900, 330, 24, 46
COLOURS = {
    "": {"text": "#1c1c28", "quiet": "#6b6b7b", "hub": "#3451d1", "peer": "#b9bccb"},
    "-dark": {"text": "#f1f1f5", "quiet": "#9a9aab", "hub": "#8c9bff", "peer": "#4b4d5e"},
}

_RATE = re.compile(r"= \**([0-9,]+)/s")


def figures() -> list[tuple[str, list[int | None]]]:
    """Each contender with the messages/s it delivered in each of `CASES`; None: not measured, or never in time."""
    section = (DOCS / "benchmarks.md").read_text().split("## Fan-out")[1].split("\n## ")[0]
    rows = [line[1:-1].split("|") for line in section.splitlines() if line.startswith("| ")][2:]
    found = []
    for name, *cells in rows:
        rates = [_RATE.search(cell) for cell in cells[: len(CASES)]]
        found.append((name.strip(), [int(rate[1].replace(",", "")) if rate else None for rate in rates]))
    return found


def draw(rows: list[tuple[str, list[int | None]]], colours: dict[str, str]) -> str:
    """Bars a case, the longest as wide as the picture."""
    parts, y = [], 8
    for place, case in enumerate(CASES):
        measured = [(name, rates[place]) for name, rates in rows if rates[place] is not None]
        most = max(rate or 0 for _, rate in measured)
        parts.append(f'<text x="0" y="{y + 14}" font-weight="600" fill="{colours["text"]}">{escape(case)}</text>')
        y += 26
        for name, rate in measured:
            parts += _bar(name, rate or 0, most, y, colours)
            y += ROW
        y += GAP - ROW
    style = "font-family: system-ui, sans-serif; font-size: 13px"
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" style="{style}">{"".join(parts)}</svg>\n'


def _bar(name: str, rate: int, most: int, y: int, colours: dict[str, str]) -> list[str]:
    width = max(2, round((WIDTH - LABEL - 110) * rate / most))
    colour = colours["hub" if name.startswith("hub") else "peer"]
    shown = f"{rate / 1_000_000:.2f} million/s" if rate >= 100_000 else f"{rate:,}/s"
    return [
        f'<text x="0" y="{y + 14}" fill="{colours["quiet"]}">{escape(name)}</text>',
        f'<rect x="{LABEL}" y="{y + 2}" width="{width}" height="{ROW - 8}" rx="3" fill="{colour}"/>',
        f'<text x="{LABEL + width + 8}" y="{y + 14}" fill="{colours["text"]}">{shown}</text>',
    ]


def main() -> None:
    rows = figures()
    for suffix, colours in COLOURS.items():
        (DOCS / "images" / f"fanout{suffix}.svg").write_text(draw(rows, colours))


if __name__ == "__main__":
    main()
