"""A wedge scanner read straight from the kernel, grabbed so that no window sees its keys.

Input methods for Chinese swallow what a wedge types into a window; here nothing stands between.
Linux input event interface: linux/input.h, linux/input-event-codes.h.
"""

import errno
import fcntl
import struct
from collections.abc import Iterator
from io import RawIOBase
from pathlib import Path
from typing import BinaryIO

# struct input_event on 64-bit kernels: seconds, microseconds, type, code, value.
EVENT = struct.Struct("llHHi")
EVIOCGRAB = 0x40044590
EV_KEY = 1
PRESSED = 1
KEY_ENTER, KEY_KPENTER = 28, 96
SHIFTS = (42, 54)
CONTROLS = (29, 97)
KEY_RIGHTBRACE = 27
LINE_MAX = 2048

_ROWS = {2: "1234567890-=", 16: "qwertyuiop[]", 30: "asdfghjkl;'`", 44: "zxcvbnm,./"}
_SHIFTED_ROWS = {2: "!@#$%^&*()_+", 16: "QWERTYUIOP{}", 30: 'ASDFGHJKL:"~', 44: "ZXCVBNM<>?"}
_KEYPAD = dict(zip((79, 80, 81, 75, 76, 77, 71, 72, 73, 82), "1234567890", strict=True))


def _table(rows: dict[int, str]) -> dict[int, str]:
    return {first + i: char for first, row in rows.items() for i, char in enumerate(row)}


KEYS = {**_table(_ROWS), **_KEYPAD, 43: "\\", 57: " "}
SHIFTED = {**_table(_SHIFTED_ROWS), **_KEYPAD, 43: "|", 57: " "}


def grabbed_lines(device: Path) -> Iterator[str]:
    """Grabs an input device exclusively and yields what it types, line by line.

    Raises `PermissionError` or `FileNotFoundError` from opening, `OSError` when it is no input
    device or somebody else holds it.
    """
    with device.open("rb", buffering=0) as file:
        try:
            fcntl.ioctl(file, EVIOCGRAB, 1)
        except OSError as error:
            if error.errno == errno.ENOTTY:
                raise OSError(f"{device} is no input device: look in /dev/input") from error
            raise OSError(f"{device} is held by another program: {error.strerror}") from error
        yield from typed_lines(file)


def typed_lines(file: BinaryIO | RawIOBase) -> Iterator[str]:
    """Yields lines from a stream of input events; Ctrl+] is the group separator scanners send."""
    held: set[int] = set()
    line = ""
    while len(data := file.read(EVENT.size) or b"") == EVENT.size:
        _, _, kind, code, value = EVENT.unpack(data)
        if kind != EV_KEY:
            continue
        if code in SHIFTS + CONTROLS:
            (held.add if value else held.discard)(code)
        elif value == PRESSED and code in (KEY_ENTER, KEY_KPENTER):
            if line:
                yield line
            line = ""
        elif value == PRESSED and len(line) < LINE_MAX:
            line += _character(code, held)


def _character(code: int, held: set[int]) -> str:
    if held & set(CONTROLS):
        return "\x1d" if code == KEY_RIGHTBRACE else ""
    return (SHIFTED if held & set(SHIFTS) else KEYS).get(code, "")
