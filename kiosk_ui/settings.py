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
    )
