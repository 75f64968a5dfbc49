"""The intake service: `python -m ledger.intake`."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import psycopg
from eventsourcing.postgres import PostgresDatastore
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from ledger import telling
from ledger.accounts.door import Door
from ledger.accounts.factor import FactorSeal
from ledger.accounts.provider import Client, Provider
from ledger.accounts.single_sign_on import SingleSignOn
from ledger.accounts.subjects import PgSubjects
from ledger.devices.authority import Authority, read_authority
from ledger.errors import EXIT_DAMAGED, BadSetting, Conflict, JournalUnavailable, LedgerError
from ledger.intake.answers import PgAnswers
from ledger.intake.broker_keeper import BrokerKeeper, PgTapes
from ledger.intake.committer import Committer
from ledger.intake.days import DayKeeper
from ledger.intake.deadlines import DeadlineKeeper
from ledger.intake.devices import Devices
from ledger.intake.guard import Guard, GuardedRequests, PgRequestLog
from ledger.intake.http import IntakeParts, build
from ledger.intake.joining import Joining, Welcome
from ledger.intake.keepers import Keeper, read_cases
from ledger.intake.key_keeper import KeyKeeper
from ledger.intake.known_lots import PgKnownLots
from ledger.intake.metrics import IntakeMetrics
from ledger.intake.mqtt import MqttIntake, tls_of
from ledger.intake.published import PublishedCheckpoint
from ledger.intake.requests import Requests
from ledger.intake.screens import Screens
from ledger.intake.seen_alerts import PgSeenAlerts
from ledger.intake.states import DeviceStates
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
from ledger.papers.apart import Busy, PaperReader
from ledger.replication import Timeline, timeline_in
from ledger.rules.access import ROLES
from ledger.serving import listening_of, serve
from ledger.settings import (
    Clock,
    Settings,
    read_settings,
    refuse_unfinished,
    with_addresses,
)
from ledger.values.keys import SigningKey

log = logging.getLogger("suyuan.intake")

# How long the committer waits before it tries a database that was away again.
AWAY_S = 0.2
DAYS_S = 1.0
# How often the keepers of stops and deadlines look when nothing is recorded.
CASES_S = 0.5
# How often somebody looks for papers that have no clean copy.
COPIES_S = 30.0


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


class IntakeLine(NamedTuple):
    """What takes reports and requests: from bytes to the record."""

    clock: Clock
    key: SigningKey
    recorder: LedgerRecorder
    cases: Cases
    devices: Devices
    committer: Committer
    requests: Requests
    persons: PgPersonalStore
    metrics: IntakeMetrics


def open_line(settings: Settings, checkpoint: Callable[[], str | None]) -> IntakeLine:
    """Opens the line; `checkpoint` gives the last one that the log has published."""
    clock, key = Clock(settings.clock), read_key(Path(settings.data) / "keys" / "ledger.key")
    persons = PgPersonalStore(settings.writer_dsn, os.urandom)
    sealer = Sealer(settings.ledger, entropy=os.urandom, persons=persons.remembered)
    timeline = timeline_in(settings.data)
    recorder = open_recorder(settings.writer_dsn, sealer, clock.now, timeline)
    cases = Cases(recorder)
    devices = Devices(cases)
    metrics = IntakeMetrics(settings.writer_dsn)
    committer = Committer(
        settings.ledger, PgAppender(settings.writer_dsn, sealer, timeline),
        Verifier(devices, sealer), devices, key=key, now=clock.now, checkpoint=checkpoint,
        meter=metrics,
    )  # fmt: skip
    metrics.watch(lambda: committer.counters)
    held = PgQuarantine(settings.writer_dsn).find
    requests = Requests(
        cases, (key.public,), devices.forget, clock.now, held, ledger=settings.ledger
    )
    return IntakeLine(clock, key, recorder, cases, devices, committer, requests, persons, metrics)


def main(settings: Settings) -> None:
    """Builds the parts and runs until told to end."""
    refuse_unfinished(Path(settings.data))
    settings = with_addresses(settings)
    line = open_line(settings, lambda: published.text)
    mqtt = MqttIntake(
        line.committer, ledger=settings.ledger, host=settings.mqtt_host, port=settings.mqtt_port,
        share=settings.mqtt_share, tls=tls_of(settings),
    )  # fmt: skip
    published = PublishedCheckpoint(settings.writer_dsn, settings.ledger, mqtt.retain)
    stops = StopKeeper(
        settings.ledger, line.key, mqtt.retain, known=PgKnownLots(settings.reader_dsn).read,
        now=line.clock.now,
    )  # fmt: skip
    keys = KeyKeeper(settings.ledger, mqtt.retain)
    parts = open_parts(settings, line, mqtt, stops, published)
    parts.succession = lambda: keys.links
    threading.Thread(target=commit_forever, args=[line.committer], daemon=True).start()
    threading.Thread(target=copy_forever, args=[parts.documents], daemon=True).start()
    keeper = DayKeeper(line.recorder, line.requests, line.clock.now)
    threading.Thread(target=keep_days_forever, args=[keeper], daemon=True).start()
    states = DeviceStates(settings.writer_dsn, line.devices, Clock("").now)
    screens = parts.screens
    mqtt.on_look = screens.hear
    screens.start()
    mqtt.on_state = lambda device, said, kept: states.hear(device, said, retained=kept)
    mqtt.on_connected = [stops.publish, published.publish, keys.publish]
    published.start()
    mqtt.start()
    book, keepers = (
        PgCasebook(settings.writer_dsn),
        [*keepers_of(settings, line, stops, states), keys],
    )
    threading.Thread(target=keep_cases_forever, args=[book, keepers], daemon=True).start()
    serve(build(parts), listening_of(settings, settings.intake_port, settings.intake_tls_port))
    mqtt.stop()


def open_parts(
    settings: Settings,
    line: IntakeLine,
    mqtt: MqttIntake,
    stops: StopKeeper,
    published: PublishedCheckpoint,
) -> IntakeParts:
    """Opens what the routes work on."""
    guard = Guard(line.cases, PgSeenAlerts(settings.reader_dsn), PgSubjects(settings.writer_dsn))
    asked = PgRequestLog(settings.writer_dsn)
    door = open_door(settings, line.key)
    door.announce()
    single = open_single(settings, door)
    joining = Joining(
        settings.writer_dsn, line.requests, guard=guard, note=asked,
        welcome=welcome_of(settings, line, lambda: published.log_key),
        authority=devices_authority(settings), now=Clock("").now, entropy=os.urandom,
    )  # fmt: skip
    return IntakeParts(
        line.committer, GuardedRequests(guard, asked, line.requests),
        PgAnswers(settings.writer_dsn),
        open_documents(settings), line.persons,
        line.devices, door, settings.ledger, line.key.public, joining, settings, line.clock.now,
        lambda: stops.signed, Screens(line.devices), settings.rehearsal, lambda: published.log_key, line.metrics.text,
        lambda: unready(settings.writer_dsn, mqtt), single=single,
    )  # fmt: skip


def open_documents(settings: Settings) -> DocumentStore:
    """Opens the folder of papers, each of which is read in a process of its own."""
    folder = Path(settings.data) / "documents"
    return DocumentStore(folder, settings.writer_dsn, PaperReader().read)


def copy_forever(documents: DocumentStore) -> None:
    """Makes the clean copies that are missing: of what came back from a backup."""
    while True:
        try:
            if documents.copy_one():
                continue
        except (JournalUnavailable, psycopg.OperationalError, Busy, OSError) as error:
            log.warning("no copies of papers can be made now: %s", error)
        time.sleep(COPIES_S)


def keepers_of(
    settings: Settings, line: IntakeLine, stops: StopKeeper, states: DeviceStates
) -> list[Keeper]:
    """Returns what keeps things true while time passes."""
    deadlines = DeadlineKeeper(line.requests.recalls.take, line.clock.now)
    keepers: list[Keeper] = [stops, deadlines, states]
    if settings.mqtt_access_file:
        access = Path(settings.mqtt_access_file)
        keepers.append(BrokerKeeper(settings.ledger, access, PgTapes(settings.writer_dsn)))
    return keepers


def open_door(settings: Settings, key: SigningKey) -> Door:
    """Returns the door of people, by this machine's own clock, whatever a demonstration's shows."""
    strict = settings.second_factor_roles.replace(",", " ").split()
    if unknown := sorted(set(strict) - set(ROLES)):
        raise BadSetting(f"second_factor_roles names no role: {', '.join(unknown)}")
    seal = FactorSeal(read_key(Path(settings.data) / "keys" / "accounts.key"))
    return Door(
        settings.writer_dsn, key, seal=seal, ledger=settings.ledger, now=Clock("").now, entropy=os.urandom,
        strict=strict,
    )  # fmt: skip


def open_single(settings: Settings, door: Door) -> SingleSignOn | None:
    """Opens single sign-on where a provider is named. Raises `BadSetting`."""
    if not settings.oidc_issuer:
        return None
    client = Client(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret)
    if not (client.id and client.secret):
        raise BadSetting("oidc_issuer needs oidc_client_id and oidc_client_secret")
    try:
        provider = Provider(client)
    except ValueError as error:
        raise BadSetting(f"oidc_issuer: {error}") from error
    return SingleSignOn(
        settings.writer_dsn, provider, door, redirects=settings.oidc_redirects.split(),
        now=Clock("").now, entropy=os.urandom,
    )  # fmt: skip


def devices_authority(settings: Settings) -> Authority | None:
    """Returns what signs devices' certificates; None where the broker asks devices for none."""
    if not settings.mqtt_access_file:
        return None
    keys, title = Path(settings.data) / "keys", f"Suyuan {settings.ledger}: devices"
    return read_authority(keys, "devices", title, Clock("").now())


def welcome_of(settings: Settings, line: IntakeLine, log_key: Callable[[], str | None]) -> Welcome:
    """Returns what devices are told when they join."""
    found = Path(settings.mqtt_authority).read_text() if settings.mqtt_authority else None
    keys = (line.key.public,)
    return Welcome(settings.ledger, keys, log_key, line.clock.now, settings.mqtt_address, found)


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
    """Drives the keepers: by notification, at the latest twice a second."""
    try:
        while True:
            try:
                read_cases(book, keepers)
                book.wait(CASES_S)
            except (JournalUnavailable, Conflict) as error:
                log.warning("the cases cannot be read now: %s", error)
                time.sleep(AWAY_S)
    except BaseException:
        log.critical("the keepers of cases stopped; call a human", exc_info=True)
        os._exit(EXIT_DAMAGED)


if __name__ == "__main__":
    found = read_settings()
    telling.begin(found.log_level)
    try:
        main(found)
    except LedgerError as error:
        sys.exit(f"intake: {error}")
