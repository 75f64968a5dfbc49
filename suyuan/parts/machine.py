"""Everything on one machine: cluster, broker, schema, keys and services, as one thing."""

import os
from collections.abc import Callable
from pathlib import Path

import psycopg

from ledger.accounts.schema import create_accounts
from ledger.devices.broker_access import access_list
from ledger.durable import write_whole
from ledger.errors import BadSetting
from ledger.journal import schema
from ledger.journal.keyfile import read_key
from ledger.serving import EVERYWHERE, LOOPBACK
from ledger.settings import Settings, in_address, refuse_unfinished
from ledger.values.ids import is_id
from suyuan.parts import leftovers
from suyuan.parts.broker import Broker, Guarded
from suyuan.parts.certificates import Certificates, for_the_broker, prepare, spaced
from suyuan.parts.cluster import Cluster
from suyuan.parts.places import database_user, free_port, make_folder, port_taken
from suyuan.parts.services import Services

Say = Callable[[str], None]


def refuse_taken(kiosk_port: int) -> None:
    """Raises `BadSetting` when the address people open cannot be ours."""
    if port_taken(kiosk_port):
        raise BadSetting(f"port {kiosk_port} is taken: choose another with --port (make: PORT=)")


class Machine:
    """A ledger with all its services on this machine, on loopback.

    `kiosk_port` is the address people open; 0 takes any free port. A database (`owner_dsn` and
    the DSN of each role) or a broker (`mqtt_host`) that `given` names is used instead of a
    private one. With `fixed` the other ports are those of the settings, which scanners remember;
    without, any free ones.
    """

    def __init__(
        self,
        data: Path,
        *,
        ledger: str = "local",
        kiosk_port: int = 0,
        clock: str = "",
        given: Settings | None = None,
        fixed: bool = False,
        fill: Callable[[str, str], None] | None = None,
    ) -> None:
        """`fill` is called with the owner's and the follower's DSN before any service starts."""
        self._fill = fill
        self.data = data
        self.ledger = ledger
        self.cluster = Cluster(data)
        self._given = given or Settings()
        settled = self._given
        self.broker = Broker(data, settled.mqtt_port if fixed else free_port())
        self._kiosk_port = kiosk_port
        self._clock = clock
        self.services: Services | None = None
        self.ports = {
            "intake": settled.intake_port if fixed else free_port(),
            "query": settled.query_port if fixed else free_port(),
            "kiosk": kiosk_port,
            "log": settled.log_port if fixed else free_port(),
        }
        # The same services over TLS, and the broker.
        self.tls_ports = {
            "intake": settled.intake_tls_port if fixed else free_port(),
            "query": settled.query_tls_port if fixed else free_port(),
            "kiosk": settled.kiosk_tls_port if fixed else free_port(),
            "log": settled.log_tls_port if fixed else free_port(),
            "mqtt": settled.mqtt_tls_port if fixed else free_port(),
        }
        self.certificates: Certificates | None = None
        self._fixed = fixed
        self._noted: list[int] = []
        self._keys_known: dict[str, int] = {}

    def start(self, say: Say = print) -> None:
        """Starts everything, saying in a line each which part was chosen."""
        if left := leftovers.end(self.data):
            say(f"cleaned:  {left} processes of a suyuan that was killed here")
        if self._kiosk_port:
            refuse_taken(self._kiosk_port)
        self.ports["kiosk"] = self._kiosk_port or free_port()
        self._refuse_taken_ports()
        if not is_id(self.ledger):
            raise BadSetting(f"a ledger's name has a-z, 0-9 and -, not {self.ledger!r}")
        make_folder(self.data)
        refuse_unfinished(self.data)
        for name in ("ledger.key", "accounts.key"):
            read_key(self.data / "keys" / name)
        self._keys_known = self._key_times()
        try:
            self._start(say)
        except BaseException:
            self.stop()
            raise

    def keep_running(self) -> None:
        """Starts again what fell: a service, the private broker, the private database."""
        assert self.services is not None
        self._note()
        if self.cluster.process is not None and self.cluster.process.poll() is not None:
            self.cluster.run()
        if self.broker.process is not None and self.broker.process.poll() is not None:
            self.broker.start()
        self._take_new_keys()
        self.services.keep_running()
        self._note()

    def _take_new_keys(self) -> None:
        """Starts intake again when one of its keys became another (`suyuan keys rotate`)."""
        assert self.services is not None
        if (found := self._key_times()) != self._keys_known:
            self._keys_known = found
            for name, service in self.services.all.items():
                if name.startswith("intake"):
                    service.stop()
                    service.start()

    def _key_times(self) -> dict[str, int]:
        """Returns when each key of intake's was written."""
        keys = self.data / "keys"
        found = {name: keys / name for name in ("ledger.key", "accounts.key")}
        return {name: path.stat().st_mtime_ns for name, path in found.items() if path.exists()}

    def _note(self) -> None:
        """Notes what runs, so that the next suyuan can end it should this one be killed."""
        if (pids := self._pids()) != self._noted:
            leftovers.note(self.data, pids)
            self._noted = pids

    def _pids(self) -> list[int]:
        started = [self.cluster.process, self.broker.process]
        started += (
            [service.process for service in self.services.all.values()] if self.services else []
        )
        return [process.pid for process in started if process is not None]

    def _refuse_taken_ports(self) -> None:
        ports = {f"{name}_port": port for name, port in self.ports.items() if name != "kiosk"}
        ports |= {f"{name}_tls_port": port for name, port in self.tls_ports.items()}
        if not self._given.mqtt_host:
            ports["mqtt_port"] = self.broker.port
        for name, port in ports.items():
            if self._fixed and port_taken(port):
                raise BadSetting(f"port {port} is taken: set SUYUAN_{name.upper()} to another")

    def _certify(self, say: Say) -> None:
        """Makes what services show; the private broker lets devices in by it, if it can."""
        self.certificates = prepare(self.data, self.ledger, self._given)
        outside = self._given.public_name
        if not self._given.mqtt_host:
            if self.broker.can_guard:
                owner = database_user()
                folder = make_folder(self.data / "broker", owner)
                for_the_broker(self.certificates, folder, owner)
                host = EVERYWHERE if outside else LOOPBACK
                self.broker.guarded = Guarded(folder, host, self.tls_ports["mqtt"], owner)
                if not self.broker.guarded.access.exists():
                    # Intake says later who else may what; without any rule the broker fails.
                    write_whole(
                        self.broker.guarded.access, access_list(self.ledger, {}, {}).encode()
                    )
            elif outside:
                raise BadSetting(
                    f"the embedded broker knows neither TLS nor who is who, so that nobody at"
                    f" {outside} may reach it: install mosquitto, or name a broker of yours"
                    " (mqtt_host)"
                )
        fingerprint = spaced(self.certificates.fingerprint) or "that of your own certificate"
        say(f"tls:      {self.https('kiosk')}, fingerprint {fingerprint}")

    def https(self, service: str) -> str:
        """Returns a service's address over TLS, as other machines reach it where they may."""
        host = in_address(self._given.public_name or "localhost")
        return f"https://{host}:{self.tls_ports[service]}"

    def _start(self, say: Say) -> None:
        self._certify(say)
        self._start_database(say)
        self._note()
        with psycopg.connect(self.dsn("suyuan_owner")) as connection:
            schema.create(connection, self.ledger)
            create_accounts(connection)
        if self._fill is not None:
            self._fill(self.dsn("suyuan_owner"), self.dsn("suyuan_follower"))
        if self._given.mqtt_host:
            say(f"broker:   the given one at {self._given.mqtt_host}:{self._given.mqtt_port}")
        else:
            self.broker.start()
            self._note()
            say(f"broker:   a private {self.broker.source} on 127.0.0.1:{self.broker.port}")
        spares = [free_port() for _ in range(self._given.copies - 1)]
        if spares and not self.share:
            raise BadSetting(
                "several intakes need a broker with shared subscriptions: install mosquitto,"
                " or name yours and its mqtt_share"
            )
        self.services = Services(self.environment(), self.data, spares)
        self.services.start(self._note)
        say("services: " + ", ".join(self.services.all))
        public = " and from outside" if self.public_pages else ""
        say(f"kiosk:    {self.kiosk_url}{public}")

    def _start_database(self, say: Say) -> None:
        if self._given.owner_dsn:
            roles = ("writer_dsn", "follower_dsn", "reader_dsn", "publisher_dsn")
            if missing := [name for name in roles if not getattr(self._given, name)]:
                raise BadSetting(f"owner_dsn is given, so {', '.join(missing)} must be too")
            say("database: the given one")
            return
        self.cluster.start()
        assert self.cluster.binaries is not None
        version, source = self.cluster.binaries.version, self.cluster.binaries.source
        say(f"database: a private PostgreSQL {version} ({source}) in {self.cluster.folder}")

    def dsn(self, role: str) -> str:
        """Returns how a service's role connects."""
        given = {
            "suyuan_owner": self._given.owner_dsn,
            "suyuan_writer": self._given.writer_dsn,
            "suyuan_follower": self._given.follower_dsn,
            "suyuan_reader": self._given.reader_dsn,
            "suyuan_publisher": self._given.publisher_dsn,
        }
        return given[role] or self.cluster.dsn(role)

    @property
    def public_pages(self) -> bool:
        """Whether what everybody may see is shown to other machines in plain, too."""
        return os.environ.get("SUYUAN_KIOSK_PUBLIC") == "1" or bool(self._given.public_name)

    @property
    def kiosk_url(self) -> str:
        """The address people open."""
        return f"http://127.0.0.1:{self.ports['kiosk']}/"

    @property
    def mqtt(self) -> tuple[str, int]:
        """The broker's host and port."""
        if self._given.mqtt_host:
            return self._given.mqtt_host, self._given.mqtt_port
        return "127.0.0.1", self.broker.port

    @property
    def share(self) -> str:
        """The group in which several intakes share what the broker has; empty for one alone."""
        private = not self._given.mqtt_host and self.broker.source == "mosquitto"
        if self._given.mqtt_share or self._given.copies == 1 or not private:
            return self._given.mqtt_share
        return "intake"

    @property
    def intake_url(self) -> str:
        """Where requests, and batches over HTTP, go."""
        return f"http://127.0.0.1:{self.ports['intake']}"

    @property
    def query_url(self) -> str:
        """Where questions go."""
        return f"http://127.0.0.1:{self.ports['query']}"

    @property
    def log_url(self) -> str:
        """Where the transparency log is published."""
        return f"http://127.0.0.1:{self.ports['log']}/log"

    def environment(self) -> dict[str, str]:
        """The settings of the services."""
        return {
            **self._tls_environment(),
            "SUYUAN_LEDGER": self.ledger,
            "SUYUAN_DATA": str(self.data),
            "SUYUAN_OWNER_DSN": self.dsn("suyuan_owner"),
            "SUYUAN_WRITER_DSN": self.dsn("suyuan_writer"),
            "SUYUAN_FOLLOWER_DSN": self.dsn("suyuan_follower"),
            "SUYUAN_READER_DSN": self.dsn("suyuan_reader"),
            "SUYUAN_PUBLISHER_DSN": self.dsn("suyuan_publisher"),
            "SUYUAN_MQTT_SHARE": self.share,
            "SUYUAN_INTAKE_PORT": str(self.ports["intake"]),
            "SUYUAN_QUERY_PORT": str(self.ports["query"]),
            "SUYUAN_KIOSK_PORT": str(self.ports["kiosk"]),
            "SUYUAN_LOG_PORT": str(self.ports["log"]),
            "SUYUAN_LOG_ORIGIN": self._given.log_origin,
            "SUYUAN_LOG_WITNESSES": self._given.log_witnesses,
            "SUYUAN_SOURCE_URL": self._given.source_url,
            "SUYUAN_INTAKE_URL": self.intake_url,
            "SUYUAN_QUERY_URL": self.query_url,
            "SUYUAN_SECOND_FACTOR_ROLES": self._given.second_factor_roles,
            "SUYUAN_OIDC_ISSUER": self._given.oidc_issuer,
            "SUYUAN_OIDC_CLIENT_ID": self._given.oidc_client_id,
            "SUYUAN_OIDC_CLIENT_SECRET": self._given.oidc_client_secret,
            "SUYUAN_OIDC_REDIRECTS": self._given.oidc_redirects,
            "SUYUAN_CLOCK": self._clock,
            "SUYUAN_REHEARSAL": str(int(self._given.rehearsal)),
        }

    def _tls_environment(self) -> dict[str, str]:
        """How services show who they are, and how intake shows the broker that it is intake."""
        made, given = self.certificates, self._given
        assert made is not None
        told = {
            "SUYUAN_PUBLIC_NAME": given.public_name,
            "SUYUAN_KIOSK_PUBLIC": str(int(self.public_pages)),
            "SUYUAN_TLS_CERTIFICATE": str(made.server),
            "SUYUAN_TLS_KEY": str(made.server_key),
            "SUYUAN_TLS_AUTHORITY": str(made.authority or ""),
            "SUYUAN_INTAKE_ADDRESS": given.intake_address,
            "SUYUAN_QUERY_ADDRESS": given.query_address,
            "SUYUAN_MQTT_HOST": self.mqtt[0],
            "SUYUAN_MQTT_PORT": str(self.mqtt[1]),
            "SUYUAN_MQTT_ADDRESS": given.mqtt_address,
            **{f"SUYUAN_{k.upper()}_TLS_PORT": str(port) for k, port in self.tls_ports.items()},
        }
        guarded = self.broker.guarded
        if guarded is None:
            names = ("mqtt_authority", "mqtt_certificate", "mqtt_key", "mqtt_access_file")
            return told | {f"SUYUAN_{name.upper()}": getattr(given, name) for name in names}
        return told | {
            "SUYUAN_MQTT_HOST": "localhost",
            "SUYUAN_MQTT_PORT": str(guarded.port),
            "SUYUAN_MQTT_AUTHORITY": str(made.devices),
            "SUYUAN_MQTT_CERTIFICATE": str(made.intake),
            "SUYUAN_MQTT_KEY": str(made.intake_key),
            "SUYUAN_MQTT_ACCESS_FILE": str(guarded.access),
        }

    def stop(self) -> None:
        """Stops everything, services first."""
        if self.services is not None:
            self.services.stop()
        self.broker.stop()
        self.cluster.stop()
        leftovers.forget(self.data)
