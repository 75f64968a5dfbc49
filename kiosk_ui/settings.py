"""What the kiosk is told from outside."""

import os
from collections.abc import Mapping
from typing import NamedTuple


class KioskSettings(NamedTuple):
    """Where to listen and whom to ask; `public` opens the port beyond loopback."""

    port: int
    query_url: str
    public: bool


def read_settings(environment: Mapping[str, str] | None = None) -> KioskSettings:
    """Reads the kiosk's settings from the environment."""
    env = os.environ if environment is None else environment
    return KioskSettings(
        int(env.get("SUYUAN_KIOSK_PORT", "8700")),
        env.get("SUYUAN_QUERY_URL", "http://127.0.0.1:8702"),
        env.get("SUYUAN_KIOSK_PUBLIC", "") == "1",
    )
