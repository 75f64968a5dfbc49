"""A scanner on a serial port: one line a scan."""

from collections.abc import Iterator

import serial

BAUD_DEFAULT = 9600
LINE_MAX = 2048


def serial_lines(port: str, baud: int = BAUD_DEFAULT) -> Iterator[str]:
    """Yields lines from a serial port until it is closed. Raises `serial.SerialException`."""
    with serial.Serial(port, baud, timeout=1) as link:
        pending = b""
        while True:
            pending += link.read(1) + link.read(link.in_waiting)
            *whole, pending = pending.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
            for line in whole:
                if line:
                    yield line[:LINE_MAX].decode("utf-8", errors="replace")
            pending = pending[-LINE_MAX:]
