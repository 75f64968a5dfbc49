"""Bytes as an address or a code bears them: base64url without padding (RFC 4648, section 5)."""

import base64
import re

TEXT = re.compile(r"[A-Za-z0-9_-]*")


def base64url(raw: bytes) -> str:
    """Writes bytes."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def base64url_bytes(text: str) -> bytes:
    """Reads bytes. Raises `ValueError` for what is none; Python's own would skip characters it does not know."""
    if TEXT.fullmatch(text) is None:
        raise ValueError("base64url has A-Z, a-z, 0-9, - and _ alone")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
