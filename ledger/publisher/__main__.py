"""The log service: `python -m ledger.publisher`."""

import logging
import os
import sys
import threading
import time
from pathlib import Path

from ledger import telling
from ledger.errors import EXIT_DAMAGED, BadSetting, JournalUnavailable, LedgerError
from ledger.journal.keyfile import read_key
from ledger.log.files import FolderFiles
from ledger.log.notes import NoteKey, NoteWrong
from ledger.log.origins import origin_for
from ledger.log.postgres import PgLog
from ledger.log.publishing import LEAVES_MAX, LogSigner, Publisher
from ledger.publisher.cosigning import witnesses_of
from ledger.publisher.http import LogParts, build
from ledger.publisher.metrics import LogMetrics
from ledger.publisher.proving import Prover
from ledger.replication import timeline_in
from ledger.serving import listening_of, serve
from ledger.settings import Clock, Settings, read_settings, refuse_unfinished

log = logging.getLogger("suyuan.log")

# About once a second: a checkpoint costs a commit and a few small files.
PUBLISH_S = 1.0
# How long the publisher waits before it tries a database that was away again.
AWAY_S = 0.5


def main(settings: Settings) -> None:
    """Builds the parts and publishes until told to end."""
    data = Path(settings.data)
    refuse_unfinished(data)
    record = PgLog(settings.publisher_dsn, timeline_in(settings.data))
    origin = origin_for(settings.log_origin, settings.ledger, record.epoch())
    if settings.rehearsal:
        # A copy to rehearse on has a key of its own; nobody may take its log for the ledger's.
        origin += "/rehearsal"

    def files_of(epoch: int) -> FolderFiles:
        return FolderFiles(data / "log" / str(epoch))

    files = files_of(record.epoch())
    try:
        signer = LogSigner(origin, read_key(data / "keys" / "log.key"))
    except NoteWrong as error:
        raise BadSetting(f"log_origin: {error}") from error
    cosigners = witnesses_of(settings.log_witnesses, files)
    publisher = Publisher(
        signer, record, record, files, now=Clock(settings.clock).now,
        cosign=cosigners,
    )  # fmt: skip
    prover = Prover(
        settings.publisher_dsn, settings.ledger, files, key=NoteKey(signer.public),
        published=lambda: publisher.published,
    )  # fmt: skip
    threading.Thread(target=publish_forever, args=[publisher], daemon=True).start()
    metrics = LogMetrics(
        settings.publisher_dsn,
        lambda: publisher.published,
        Clock(settings.clock).now,
        lambda: cosigners.standing,
    )
    parts = LogParts(metrics, files, files_of, prover, signer.public, lambda: publisher.published)
    log.info("publishing %s", signer.public)
    serve(build(parts), listening_of(settings, settings.log_port, settings.log_tls_port))


def publish_forever(publisher: Publisher) -> None:
    """Drives the publisher; ends the process when the record is not what was published."""
    try:
        while True:
            begun = time.monotonic()
            try:
                # A backlog goes on at once; what comes meanwhile waits for the next second.
                while publisher.step() >= LEAVES_MAX:
                    pass
            except (JournalUnavailable, OSError) as error:
                log.warning("nothing can be published now: %s", error)
                time.sleep(AWAY_S)
            time.sleep(max(0.0, begun + PUBLISH_S - time.monotonic()))
    except BaseException:
        log.critical("the publisher stopped; call a human", exc_info=True)
        os._exit(EXIT_DAMAGED)


if __name__ == "__main__":
    found = read_settings()
    telling.begin(found.log_level)
    try:
        main(found)
    except LedgerError as error:
        sys.exit(f"log: {error}")
