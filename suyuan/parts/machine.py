"""Everything on one machine: cluster, broker, schema, keys and services, as one thing."""

from collections.abc import Callable
from pathlib import Path

import psycopg

from ledger.errors import BadSetting
from ledger.journal import schema
from ledger.journal.keyfile import read_key
from suyuan.parts.broker import Broker
from suyuan.parts.cluster import Cluster
from suyuan.parts.places import free_port, make_folder, port_taken
from suyuan.parts.services import Services

Say = Callable[[str], None]


class Machine:
    """A ledger with all its services on this machine, on loopback.

    `kiosk_port` is the address people open; 0 takes any free port. Parts the settings name (a
    DSN, a broker) are used instead of private ones.
    """

    def __init__(
        self, data: Path, *, ledger: str = "local", kiosk_port: int = 0, clock: str = ""
    ) -> None:
        self.data = data
        self.ledger = ledger
        self.cluster = Cluster(data)
        self.broker = Broker(data, free_port())
        self._kiosk_port = kiosk_port
        self._clock = clock
        self.services: Services | None = None
        self.ports = {"intake": free_port(), "query": free_port(), "kiosk": kiosk_port}

    def start(self, say: Say = print) -> None:
        """Starts everything, saying in a line each which part was chosen."""
        if self._kiosk_port and port_taken(self._kiosk_port):
            raise BadSetting(
                f"port {self._kiosk_port} is taken: choose another with --port or SUYUAN_KIOSK_PORT"
            )
        self.ports["kiosk"] = self._kiosk_port or free_port()
        make_folder(self.data)
        read_key(self.data / "keys" / "ledger.key")
        try:
            self._start(say)
        except BaseException:
            self.stop()
            raise

    def _start(self, say: Say) -> None:
        self.cluster.start()
        assert self.cluster.binaries is not None
        version, source = self.cluster.binaries.version, self.cluster.binaries.source
        say(f"database: a private PostgreSQL {version} ({source}) in {self.cluster.folder}")
        with psycopg.connect(self.cluster.dsn()) as connection:
            schema.create(connection, self.ledger)
        self.broker.start()
        say(f"broker:   {self.broker.source} on 127.0.0.1:{self.broker.port}")
        self.services = Services(self.environment(), self.data)
        self.services.start()
        say("services: " + ", ".join(self.services.all))
        say(f"kiosk:    {self.kiosk_url}")

    @property
    def kiosk_url(self) -> str:
        """The address people open."""
        return f"http://127.0.0.1:{self.ports['kiosk']}/"

    @property
    def intake_url(self) -> str:
        """Where requests, and batches over HTTP, go."""
        return f"http://127.0.0.1:{self.ports['intake']}"

    @property
    def query_url(self) -> str:
        """Where questions go."""
        return f"http://127.0.0.1:{self.ports['query']}"

    def environment(self) -> dict[str, str]:
        """The settings of the services."""
        return {
            "SUYUAN_LEDGER": self.ledger,
            "SUYUAN_DATA": str(self.data),
            "SUYUAN_OWNER_DSN": self.cluster.dsn(),
            "SUYUAN_WRITER_DSN": self.cluster.dsn("suyuan_writer"),
            "SUYUAN_FOLLOWER_DSN": self.cluster.dsn("suyuan_follower"),
            "SUYUAN_READER_DSN": self.cluster.dsn("suyuan_reader"),
            "SUYUAN_MQTT_HOST": "127.0.0.1",
            "SUYUAN_MQTT_PORT": str(self.broker.port),
            "SUYUAN_INTAKE_PORT": str(self.ports["intake"]),
            "SUYUAN_QUERY_PORT": str(self.ports["query"]),
            "SUYUAN_KIOSK_PORT": str(self.ports["kiosk"]),
            "SUYUAN_INTAKE_URL": self.intake_url,
            "SUYUAN_QUERY_URL": self.query_url,
            "SUYUAN_CLOCK": self._clock,
        }

    def stop(self) -> None:
        """Stops everything, services first."""
        if self.services is not None:
            self.services.stop()
        self.broker.stop()
        self.cluster.stop()
