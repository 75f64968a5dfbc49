"""A camera: its pictures one after the other, each code told once while it stays in sight."""

import time
from collections.abc import Iterator

import cv2
import numpy as np

from scanners.reader import Code, read_picture

# A code that was out of sight for this long is a new scan of the same goods.
FORGET_S = 2.0


def camera_codes(name: str) -> Iterator[Code]:
    """Yields sure codes from a camera's number, or from the address or file of a stream.

    Raises `OSError` when there is no such camera.
    """
    camera = cv2.VideoCapture(int(name) if name.isdecimal() else name)
    if not camera.isOpened():
        raise OSError(f"there is no camera {name}: plug it in, or name another")
    seen: dict[bytes, float] = {}
    try:
        while True:
            there, picture = camera.read()
            if not there:
                return
            grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
            now = time.monotonic()
            for code in read_picture(grey):
                # One that comes into focus is read unsurely first: that is no scan yet.
                if code.status != "sure" and code.raw not in seen:
                    continue
                fresh = now - seen.get(code.raw, -FORGET_S) >= FORGET_S
                seen[code.raw] = now
                if fresh and code.status == "sure":
                    yield code
    finally:
        camera.release()
