"""The intake service: `python -m ledger.intake`."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import psycopg
import uvicorn
from eventsourcing.postgres import PostgresDatastore
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from ledger import telling
from ledger.accounts.door import Door
from ledger.errors import EXIT_DAMAGED, BadSetting, Conflict, JournalUnavailable, LedgerError
from ledger.intake.answers import PgAnswers
from ledger.intake.committer import Committer
from ledger.intake.days import DayKeeper
from ledger.intake.deadlines import DeadlineKeeper
from ledger.intake.devices import Devices
from ledger.intake.guard import Guard, GuardedRequests, PgRequestLog
from ledger.intake.http import IntakeParts, build
from ledger.intake.keepers import Keeper, read_cases
from ledger.intake.known_lots import PgKnownLots
from ledger.intake.metrics import IntakeMetrics
from ledger.intake.mqtt import MqttIntake
from ledger.intake.published import PublishedCheckpoint
from ledger.intake.requests import Requests
from ledger.intake.seen_alerts import PgSeenAlerts
from ledger.intake.stops import StopKeeper
from ledger.intake.verify import Verifier
from ledger.journal.casebook import PgCasebook
from ledger.journal.cases import Cases
from ledger.journal.documents import DocumentStore
from ledger.journal.keyfile import read_key
from ledger.journal.personal import PgPersonalStore
from ledger.journal.postgres import PgAppender
from ledger.journal.quarantine import PgQuarantine
from ledger.journal.recorder import LedgerRecorder
from ledger.journal.sealing import Sealer
from ledger.replication import Timeline, timeline_in
from ledger.rules.access import ROLES
from ledger.settings import Clock, Settings, read_settings, refuse_unfinished
from ledger.values.keys import SigningKey

log = logging.getLogger("suyuan.intake")

# How long the committer waits before it tries a database that was away again.
AWAY_S = 0.2
DAYS_S = 1.0
# How often the keepers of stops and deadlines look when nothing is recorded.
CASES_S = 0.5


def datastore(dsn: str) -> PostgresDatastore:
    """Opens the library's pool for the cases; requests are few, so it is small."""
    parts = conninfo_to_dict(dsn)
    store = PostgresDatastore(
        dbname=str(parts["dbname"]), host=str(parts.get("host") or ""),
        port=str(parts.get("port") or "5432"), user=str(parts["user"]),
        password=str(parts.get("password") or ""), pool_size=1, max_overflow=7, pre_ping=True,
        schema="ledger",
    )  # fmt: skip
    # The library hands on these five alone; several hosts need the rest of what is said.
    store.pool.kwargs = {**parts, "row_factory": dict_row}
    return store


def open_recorder(
    dsn: str, sealer: Sealer, now: Callable[[], datetime], timeline: Timeline | None = None
) -> LedgerRecorder:
    """Opens the recorder of the cases."""
    return LedgerRecorder(datastore(dsn), sealer=sealer, now=now, timeline=timeline)


def open_committer(settings: Settings) -> Committer:
    """Opens a committer beside the service's own: the record's lock lets several write."""
    persons = PgPersonalStore(settings.writer_dsn, os.urandom)
    sealer = Sealer(settings.ledger, entropy=os.urandom, persons=persons.remembered)
    now = Clock(settings.clock).now
    timeline = timeline_in(settings.data)
    devices = Devices(Cases(open_recorder(settings.writer_dsn, sealer, now, timeline)))
    key = read_key(Path(settings.data) / "keys" / "ledger.key")
    return Committer(
        settings.ledger, PgAppender(settings.writer_dsn, sealer, timeline),
        Verifier(devices, sealer), devices, key=key, now=now,
    )  # fmt: skip


def main(settings: Settings) -> None:
    """Builds the parts and runs until told to end."""
    clock = Clock(settings.clock)
    data = Path(settings.data)
    refuse_unfinished(data)
    persons = PgPersonalStore(settings.writer_dsn, os.urandom)
    sealer = Sealer(settings.ledger, entropy=os.urandom, persons=persons.remembered)
    timeline = timeline_in(settings.data)
    recorder = open_recorder(settings.writer_dsn, sealer, clock.now, timeline)
    cases = Cases(recorder)
    devices = Devices(cases)
    key = read_key(data / "keys" / "ledger.key")
    metrics = IntakeMetrics(settings.writer_dsn)
    committer = Committer(
        settings.ledger,
        PgAppender(settings.writer_dsn, sealer, timeline),
        Verifier(devices, sealer),
        devices,
        key=key,
        now=clock.now,
        checkpoint=lambda: published.text,
        meter=metrics,
    )
    metrics.watch(lambda: committer.counters)
    held = PgQuarantine(settings.writer_dsn).find
    requests = Requests(cases, (key.public,), devices.forget, clock.now, held)
    documents = DocumentStore(data / "documents", settings.writer_dsn)
    door = open_door(settings, key)
    door.announce()
    mqtt = MqttIntake(
        committer, ledger=settings.ledger, host=settings.mqtt_host, port=settings.mqtt_port,
        share=settings.mqtt_share,
    )  # fmt: skip
    published = PublishedCheckpoint(settings.writer_dsn, settings.ledger, mqtt.retain)
    stops = StopKeeper(
        settings.ledger, key, mqtt.retain, known=PgKnownLots(settings.reader_dsn).read,
        now=clock.now,
    )  # fmt: skip
    parts = IntakeParts(
        committer, guarded(settings, cases, requests), PgAnswers(settings.writer_dsn), documents, persons, devices, door,
        settings.ledger, key.public, clock.now, lambda: stops.signed, settings.rehearsal,
        lambda: published.log_key, metrics.text, lambda: unready(settings.writer_dsn, mqtt),
    )  # fmt: skip
    threading.Thread(target=commit_forever, args=[committer], daemon=True).start()
    keeper = DayKeeper(recorder, requests, clock.now)
    threading.Thread(target=keep_days_forever, args=[keeper], daemon=True).start()
    mqtt.on_connected = [stops.publish, published.publish]
    published.start()
    mqtt.start()
    deadlines = DeadlineKeeper(requests.recalls.take, clock.now)
    book = PgCasebook(settings.writer_dsn)
    threading.Thread(
        target=keep_cases_forever, args=[book, [stops, deadlines]], daemon=True
    ).start()
    uvicorn.run(
        build(parts), host="127.0.0.1", port=settings.intake_port, log_level="warning",
        access_log=False,
    )  # fmt: skip
    mqtt.stop()


def open_door(settings: Settings, key: SigningKey) -> Door:
    """Returns the door of people, by this machine's own clock, whatever a demonstration's shows."""
    strict = settings.second_factor_roles.replace(",", " ").split()
    if unknown := sorted(set(strict) - set(ROLES)):
        raise BadSetting(f"second_factor_roles names no role: {', '.join(unknown)}")
    return Door(
        settings.writer_dsn, key, ledger=settings.ledger, now=Clock("").now, entropy=os.urandom,
        strict=strict,
    )  # fmt: skip


def guarded(settings: Settings, cases: Cases, requests: Requests) -> GuardedRequests:
    """Returns what takes requests from outside."""
    guard = Guard(cases, PgSeenAlerts(settings.reader_dsn))
    return GuardedRequests(guard, PgRequestLog(settings.writer_dsn), requests)


def unready(dsn: str, mqtt: MqttIntake) -> str:
    """Returns why nobody should rely on this intake now; nothing while all is well."""
    try:
        psycopg.connect(dsn, autocommit=True, connect_timeout=2).close()
    except psycopg.OperationalError as error:
        return f"the database is away: {error}"
    return "" if mqtt.connected else "the broker is away; batches over HTTP are taken"


def commit_forever(committer: Committer) -> None:
    """Drives the committer; ends the process when the record is damaged."""
    try:
        while True:
            try:
                committer.step(1.0)
            except (JournalUnavailable, psycopg.OperationalError) as error:
                log.warning("the database is away, the tapes keep everything: %s", error)
                time.sleep(AWAY_S)
    except BaseException:
        log.critical("the committer stopped; call a human", exc_info=True)
        os._exit(EXIT_DAMAGED)


def keep_days_forever(keeper: DayKeeper) -> None:
    """Drives the keeper of days; a database that is away is tried again."""
    try:
        while True:
            try:
                keeper.step()
            except (JournalUnavailable, Conflict) as error:
                log.warning("no day could be begun: %s", error)
            time.sleep(DAYS_S)
    except BaseException:
        log.critical("the keeper of days stopped; call a human", exc_info=True)
        os._exit(EXIT_DAMAGED)


def keep_cases_forever(book: PgCasebook, keepers: Sequence[Keeper]) -> None:
    """Drives the keepers of stops and deadlines: by notification, at the latest twice a second."""
    try:
        while True:
            try:
                read_cases(book, keepers)
                book.wait(CASES_S)
            except (JournalUnavailable, Conflict) as error:
                log.warning("holds and recalls cannot be read now: %s", error)
                time.sleep(AWAY_S)
    except BaseException:
        log.critical("the keeper of holds and recalls stopped; call a human", exc_info=True)
        os._exit(EXIT_DAMAGED)


if __name__ == "__main__":
    found = read_settings()
    telling.begin(found.log_level)
    try:
        main(found)
    except LedgerError as error:
        sys.exit(f"intake: {error}")
