"""Where codes come from at the edge: the options that name a scanner, and its lines."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def add_sources(source: Any) -> None:
    """Adds the options that name a scanner; standard input is the default."""
    source.add_argument("--wedge", action="store_true", help="standard input (the default)")
    source.add_argument("--evdev", type=Path, help="an input device, grabbed exclusively")
    source.add_argument("--serial", help="a serial port")
    source.add_argument("--camera", help="a camera's number, or its stream")


def lines_from(stated: argparse.Namespace) -> Iterator[Any]:
    """Yields the lines of a scanner that types, from the kernel, a port or standard input."""
    from scanners.inputs.wedge import classify, lines_of

    if stated.evdev:
        from scanners.inputs.evdev import grabbed_lines

        yield from map(classify, grabbed_lines(stated.evdev))
    elif stated.serial:
        from scanners.inputs.serial_port import serial_lines

        yield from map(classify, serial_lines(stated.serial))
    else:
        yield from lines_of(sys.stdin)
