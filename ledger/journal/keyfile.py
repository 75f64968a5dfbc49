"""A key in a file that only its owner can read."""

import os
from pathlib import Path

from ledger.durable import write_secret_once
from ledger.errors import BadSetting
from ledger.values.keys import SigningKey

SEED_BYTES = 32


def read_key(path: Path) -> SigningKey:
    """Reads the key in `path`, making one where there is none yet."""
    try:
        seed = path.read_bytes()
    except FileNotFoundError:
        write_secret_once(path, os.urandom(SEED_BYTES))
        seed = path.read_bytes()
    if len(seed) != SEED_BYTES:
        raise BadSetting(f"{path} holds {len(seed)} bytes, a key has {SEED_BYTES}: restore it")
    return SigningKey(seed)
