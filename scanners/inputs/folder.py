"""A watched folder: every picture that is put there is read once."""

import time
from collections.abc import Iterator
from pathlib import Path

ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
LOOK_S = 0.3


def new_pictures(folder: Path, *, once: bool = False) -> Iterator[Path]:
    """Yields pictures in the order of their names as they come; with `once` what is there only.

    A picture counts when its size has stayed the same for one look, so that none is read half.
    """
    done: set[Path] = set()
    sizes: dict[Path, int] = {}
    while True:
        for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in ENDINGS):
            size = path.stat().st_size
            if path not in done and (once or sizes.get(path) == size):
                done.add(path)
                yield path
            sizes[path] = size
        if once:
            return
        time.sleep(LOOK_S)
