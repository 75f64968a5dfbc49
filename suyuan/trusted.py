"""Whom this user of the machine trusts to be a ledger: authorities by host, taken by their fingerprint."""

import os
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from ledger.durable import write_whole
from ledger.values.names import is_host
from scanners.trust import NotTrusted, checking, fetch_authority, refuse_plain
from suyuan.commands import Failed


def trust(url: str, fingerprint: str) -> str:
    """Takes a host's authority whose fingerprint is known; returns its host. Raises `Failed`."""
    host = _host(url)
    try:
        refuse_plain(url)
        authority = fetch_authority(url.rstrip("/"), fingerprint)
    except NotTrusted as error:
        raise Failed(str(error)) from error
    write_whole(_folder() / f"{host}.pem", authority.encode(), mode=0o600)
    return host


def authority_of(url: str) -> str | None:
    """Returns the authority (PEM) that was taken for an address; None where the system's count."""
    if not url.startswith("https:"):
        return None
    path = _folder() / f"{_host(url)}.pem"
    return path.read_text() if path.is_file() else None


def verify(url: str) -> ssl.SSLContext | bool:
    """Returns what httpx takes as `verify` for an address."""
    return checking(url, authority_of(url))


def _host(url: str) -> str:
    host = urlsplit(url).hostname or ""
    if not is_host(host):
        raise Failed(f"an address is https://HOST:PORT, not {url!r}")
    return host


def _folder() -> Path:
    """Returns where they are kept: `SUYUAN_AUTHORITIES`, else with the user's own state."""
    if stated := os.environ.get("SUYUAN_AUTHORITIES"):
        return Path(stated)
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "suyuan" / "authorities"
