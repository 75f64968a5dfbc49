"""A key in a file that only its owner can read."""

import os
from pathlib import Path

from ledger.errors import BadSetting
from ledger.values.keys import SigningKey

SEED_BYTES = 32


def read_key(path: Path) -> SigningKey:
    """Reads the key in `path`, making one where there is none yet."""
    try:
        seed = path.read_bytes()
    except FileNotFoundError:
        seed = _make(path)
    if len(seed) != SEED_BYTES:
        raise BadSetting(f"{path} holds {len(seed)} bytes, a key has {SEED_BYTES}: restore it")
    return SigningKey(seed)


def _make(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(os.urandom(SEED_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        # link, not rename: of two starters the first one's key stays.
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        partial.unlink()
    return path.read_bytes()
