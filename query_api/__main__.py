"""The query service: `python -m query_api`."""

import logging
import sys
from pathlib import Path

from ledger import telling
from ledger.errors import LedgerError
from ledger.serving import listening_of, serve
from ledger.settings import Clock, read_settings
from query_api.app import build

log = logging.getLogger("suyuan.query")

if __name__ == "__main__":
    try:
        settings = read_settings()
    except LedgerError as error:
        sys.exit(f"query_api: {error}")
    arrays = Path(settings.data) / "arrays" if settings.data else None
    documents = Path(settings.data) / "documents" if settings.data else None
    telling.begin(settings.log_level)
    log.info("answering at port %s", settings.query_port)
    serve(
        build(settings.reader_dsn, Clock(settings.clock).now, arrays, documents),
        listening_of(settings, settings.query_port, settings.query_tls_port),
    )
