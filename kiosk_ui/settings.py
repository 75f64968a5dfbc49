"""What the kiosk is told from outside."""

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
    public_name: str = ""
    tls_port: int = 8710
    certificate: str = ""
    key: str = ""
    authority: str = ""


def read_settings(environment: Mapping[str, str] | None = None) -> KioskSettings:
    """Reads the kiosk's settings from the environment."""
    env = os.environ if environment is None else environment
    return KioskSettings(
        int(env.get("SUYUAN_KIOSK_PORT", "8700")),
        env.get("SUYUAN_QUERY_URL", "http://127.0.0.1:8702"),
        env.get("SUYUAN_KIOSK_PUBLIC", "") == "1",
        env.get("SUYUAN_PUBLIC_NAME", ""),
        int(env.get("SUYUAN_KIOSK_TLS_PORT", "8710")),
        env.get("SUYUAN_TLS_CERTIFICATE", ""),
        env.get("SUYUAN_TLS_KEY", ""),
        env.get("SUYUAN_TLS_AUTHORITY", ""),
    )
