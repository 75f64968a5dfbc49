"""What the faces are told from outside."""

import os
from collections.abc import Mapping
from typing import NamedTuple


class KioskSettings(NamedTuple):
    """Where to listen and whom to ask; `public` opens the plain port beyond loopback.

    Over TLS it is reached under `public_name`, on loopback alone where there is none. `authority` is the
    file of the certificate that visitors have to install first; empty where every browser knows it.
    """

    port: int
    query_url: str
    public: bool
    intake_url: str = "http://127.0.0.1:8701"
    log_url: str = "http://127.0.0.1:8704"
    public_name: str = ""
    tls_port: int = 8710
    certificate: str = ""
    key: str = ""
    authority: str = ""
    # Where the demonstration's stage is; empty everywhere else, where there is no story.
    stage_url: str = ""
    # Whether people may sign in at a provider's own page.
    has_provider: bool = False
    # A copy to rehearse on: every page says so.
    rehearsal: bool = False
    # Where the source of the programs is that check the log, and the keys of who cosigns it.
    source_url: str = ""
    witnesses: tuple[str, ...] = ()


def read_settings(environment: Mapping[str, str] | None = None) -> KioskSettings:
    """Reads the faces' settings from the environment."""
    env = os.environ if environment is None else environment
    return KioskSettings(
        int(env.get("SUYUAN_KIOSK_PORT", "8700")),
        env.get("SUYUAN_QUERY_URL", "http://127.0.0.1:8702"),
        env.get("SUYUAN_KIOSK_PUBLIC", "") == "1",
        env.get("SUYUAN_INTAKE_URL", "http://127.0.0.1:8701"),
        f"http://127.0.0.1:{env.get('SUYUAN_LOG_PORT', '8704')}",
        env.get("SUYUAN_PUBLIC_NAME", ""),
        int(env.get("SUYUAN_KIOSK_TLS_PORT", "8710")),
        env.get("SUYUAN_TLS_CERTIFICATE", ""),
        env.get("SUYUAN_TLS_KEY", ""),
        env.get("SUYUAN_TLS_AUTHORITY", ""),
        env.get("SUYUAN_STAGE_URL", ""),
        bool(env.get("SUYUAN_OIDC_ISSUER", "")),
        env.get("SUYUAN_REHEARSAL", "") == "1",
        _address(env.get("SUYUAN_SOURCE_URL", "")),
        _keys(env.get("SUYUAN_LOG_WITNESSES", "")),
    )


def _address(text: str) -> str:
    """Returns an address that a page may lead to; nothing of any other kind."""
    return text if text.startswith(("https://", "http://")) else ""


def _keys(text: str) -> tuple[str, ...]:
    """Returns the keys of the witnesses out of their setting: an address and a key each, with commas between."""
    return tuple(one.split()[-1] for one in text.split(",") if one.strip())
