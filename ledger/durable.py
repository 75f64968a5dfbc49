"""Files that are whole or not there, and outlive a power cut once they are written."""

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Writes a file instead of what was there; several may do so at once.

    On return its bytes and its name are on disk. Raises `OSError`; then nothing of it is to be seen.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A temporary file is its maker's alone; what is written here is read by other services too.
        Path(partial).chmod(mode)
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    sync(path.parent)


def write_secret_once(path: Path, content: bytes) -> None:
    """Writes a file that its owner alone may read, unless there is one: of two writers the first one's stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        # link, not rename: what is there already is somebody's key.
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        partial.unlink()
    sync(path.parent)


def sync(path: Path) -> None:
    """Brings a file, or a folder's names, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
