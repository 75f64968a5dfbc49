"""Settings: one frozen value, read once from suyuan.toml and the environment."""

import os
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec

from ledger.errors import BadSetting

PREFIX = "SUYUAN_"
LOOPBACK = "127.0.0.1"
# In a data folder from the first byte of a restore to its end.
UNFINISHED = "restore-unfinished"
# Set in a database that is a copy of a ledger to rehearse on.
REHEARSAL = "suyuan.rehearsal"


Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a service is told from outside; `SUYUAN_<NAME>` outranks suyuan.toml.

    Each DSN belongs to the database role of one service; `data` holds keys, documents and, on one
    machine, the cluster. `mqtt_port` is not the brokers' usual 1883, which one of the system's may
    hold. `clock` is for demonstrations, see `Clock`. `public_name` is the host name or address under
    which other machines come, over TLS alone; without one every service stays on loopback.
    """

    ledger: str = "local"
    data: str = ""
    owner_dsn: str = ""
    writer_dsn: str = ""
    follower_dsn: str = ""
    reader_dsn: str = ""
    publisher_dsn: str = ""
    mqtt_host: str = ""
    mqtt_port: Port = 8703
    mqtt_share: str = ""
    mqtt_authority: str = ""
    mqtt_certificate: str = ""
    mqtt_key: str = ""
    mqtt_access_file: str = ""
    public_name: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    tls_authority: str = ""
    intake_tls_port: Port = 8711
    query_tls_port: Port = 8712
    kiosk_tls_port: Port = 8710
    log_tls_port: Port = 8714
    mqtt_tls_port: Port = 8713
    intake_address: str = ""
    query_address: str = ""
    mqtt_address: str = ""
    copies: Annotated[int, msgspec.Meta(ge=1, le=8)] = 1
    intake_port: Port = 8701
    query_port: Port = 8702
    kiosk_port: Port = 8700
    log_port: Port = 8704
    log_origin: str = ""
    log_witnesses: str = ""
    source_url: str = ""
    intake_url: str = "http://127.0.0.1:8701"
    query_url: str = "http://127.0.0.1:8702"
    second_factor_roles: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_redirects: str = ""
    clock: str = ""
    rehearsal: bool = False
    log_level: str = "INFO"


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Reads the settings. Raises `BadSetting` naming the setting that cannot be."""
    env = os.environ if environment is None else environment
    if env.get("POSTGRES_ENABLE_DB_FUNCTIONS"):
        raise BadSetting("POSTGRES_ENABLE_DB_FUNCTIONS loses events for whoever follows: unset it")
    path = Path(env.get("SUYUAN_CONFIG", "suyuan.toml"))
    if "SUYUAN_CONFIG" in env and not path.is_file():
        raise BadSetting(f"SUYUAN_CONFIG names {path}, and there is no such file")
    stated: dict[str, object] = {}
    if path.is_file():
        try:
            stated = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadSetting(f"{path}: {error}") from error
    for name in Settings.__struct_fields__:
        if (value := env.get(PREFIX + name.upper())) is not None:
            stated[name] = value
    try:
        return msgspec.convert(stated, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise BadSetting(_blame(str(error), stated, env, path)) from error


def _blame(problem: str, stated: dict[str, object], env: Mapping[str, str], path: Path) -> str:
    """Says which setting is wrong, what it says and where it was set."""
    name = problem.rpartition("$.")[2].rstrip("`")
    if name not in stated:
        return f"{path}: {problem}"
    variable = PREFIX + name.upper()
    where = variable if variable in env else f"{name} in {path}"
    return f"{where} says {stated[name]!r}: {problem.partition(' - at ')[0]}"


def with_addresses(settings: Settings) -> Settings:
    """Returns settings in which it stands how others reach the services, derived where it was not said."""
    here = in_address(settings.public_name or "localhost")
    broker = settings.mqtt_host or LOOPBACK
    if settings.mqtt_authority and settings.public_name and broker in ("localhost", LOOPBACK):
        broker = settings.public_name
    scheme = "mqtts" if settings.mqtt_authority else "mqtt"
    return msgspec.structs.replace(
        settings,
        intake_address=settings.intake_address or f"https://{here}:{settings.intake_tls_port}",
        query_address=settings.query_address or f"https://{here}:{settings.query_tls_port}",
        mqtt_address=settings.mqtt_address
        or f"{scheme}://{in_address(broker)}:{settings.mqtt_port}",
    )


def in_address(host: str) -> str:
    """Writes a host as an address has it: an IPv6 address in brackets (RFC 3986, section 3.2.2)."""
    return f"[{host}]" if ":" in host else host


def refuse_unfinished(data: Path) -> None:
    """Raises `BadSetting` for a data folder whose restore did not come to its end: it was not verified."""
    if (data / UNFINISHED).exists():
        raise BadSetting(
            f"a restore into {data} was cut off: what is there was not verified, and would go on as a log"
            " that others have seen otherwise. Remove the folder and restore again"
        )


class Clock:
    """The ledger's clock: the real one, or for demonstrations one that is told where to start.

    `SHOWN=REAL@RATE/FOR` shows the instant SHOWN at the real instant REAL, passes RATE seconds a
    second for FOR real seconds and keeps ordinary time before and after that.
    """

    def __init__(self, text: str) -> None:
        self._told = None
        if not text:
            return
        try:
            start, pace = text.split("@")
            shown, real = map(datetime.fromisoformat, start.split("="))
            rate, duration = map(float, pace.split("/"))
            self._told = (shown.astimezone(UTC), real.astimezone(UTC), rate, duration)
        except ValueError as error:
            raise BadSetting(f"clock is SHOWN=REAL@RATE/FOR, not {text!r}") from error

    def now(self) -> datetime:
        """Returns the present instant, aware, in UTC."""
        if self._told is None:
            return datetime.now(UTC)
        shown, real, rate, duration = self._told
        passed = (datetime.now(UTC) - real).total_seconds()
        quick = max(0.0, min(passed, duration))
        return shown + timedelta(seconds=quick * rate + (passed - quick))
