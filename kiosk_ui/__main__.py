"""The kiosk service: `python -m kiosk_ui`."""

import uvicorn

from kiosk_ui.app import build
from kiosk_ui.settings import read_settings

if __name__ == "__main__":
    settings = read_settings()
    uvicorn.run(
        build(settings.query_url),
        host="0.0.0.0" if settings.public else "127.0.0.1",  # noqa: S104  # only when asked for
        port=settings.port, log_level="info", access_log=False, timeout_graceful_shutdown=1,
    )  # fmt: skip
