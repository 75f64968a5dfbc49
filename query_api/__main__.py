"""The query service: `python -m query_api`."""

import logging
import sys
from pathlib import Path

import uvicorn

from ledger import telling
from ledger.errors import LedgerError
from ledger.settings import Clock, read_settings
from query_api.app import build

log = logging.getLogger("suyuan.query")

if __name__ == "__main__":
    try:
        settings = read_settings()
    except LedgerError as error:
        sys.exit(f"query_api: {error}")
    arrays = Path(settings.data) / "arrays" if settings.data else None
    telling.begin(settings.log_level)
    log.info("answering at port %s", settings.query_port)
    uvicorn.run(
        build(settings.reader_dsn, Clock(settings.clock).now, arrays), host="127.0.0.1", port=settings.query_port,
        log_level="warning", access_log=False, timeout_graceful_shutdown=1,
    )  # fmt: skip
