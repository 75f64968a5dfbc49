"""A keyboard wedge on standard input: one line a scan, or what a thumb typed."""

import re
from collections.abc import Iterator
from typing import NamedTuple, TextIO

# A wedge that sends AIM identifiers says what it read; one that does not leaves only what its
# digits alone make certain.
AIM = re.compile(r"^(\][A-Za-z][0-9A-Za-z])(.*)$", re.DOTALL)
# Longer than any code of the trade: a scanner gone wild, or a file piped in by mistake.
LINE_MAX = 2048


class Line(NamedTuple):
    """A line as a scan (`aim` and `raw`), or as typed text (`aim` None)."""

    aim: str | None
    raw: bytes
    text: str


def lines_of(stream: TextIO) -> Iterator[Line]:
    """Yields lines until the stream ends."""
    while line := stream.readline(LINE_MAX):
        text = line.rstrip("\r\n")
        if text:
            yield classify(text)


def classify(text: str) -> Line:
    """Tells a scan from typing, and what kind of code it can only be.

    Without an AIM identifier: 8, 12 or 13 digits are a retail code, 14 an ITF-14, an address a
    Digital Link, `SY:` our own sheets. Element strings need the identifier and stay text.
    """
    if (match := AIM.match(text)) is not None:
        return Line(match[1], match[2].encode(errors="replace"), text)
    text = text.strip()
    raw = text.encode(errors="replace")
    if text.isascii() and text.isdigit():
        kinds = {8: "]E4", 12: "]E0", 13: "]E0", 14: "]I1"}
        return Line(kinds.get(len(text)), raw, text)
    if text.lower().startswith(("http://", "https://")):
        return Line("]Q1", raw, text)
    if text.startswith("SY:"):
        return Line("]C0", raw, text)
    return Line(None, raw, text)
