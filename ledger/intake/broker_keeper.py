"""Keeps the broker's list of who may do what: every device that is enrolled and not revoked, with its tapes."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psycopg

from ledger.devices.broker_access import access_list
from ledger.durable import write_whole
from ledger.errors import JournalUnavailable
from ledger.events.base import Event
from ledger.events.cases import DeviceEnrolled, DeviceKeyReplaced, DeviceRevoked

# A new tape is let through within this time; its first reports wait on it meanwhile.
TAPES_S = 1.0
log = logging.getLogger("suyuan.intake")
TAPES = "SELECT device, tape::text FROM ledger.tapes ORDER BY device, tape"


class BrokerKeeper:
    """Writes the list when a device or tape came or went; the broker reads it again when it changed."""

    names = ("device-enrolled.v1", "device-key-replaced.v1", "device-revoked.v1")

    def __init__(
        self,
        ledger: str,
        path: Path,
        tapes: Callable[[], Mapping[str, Sequence[str]]],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger, self._path, self._tapes = ledger, path, tapes
        self._monotonic = monotonic
        self._devices: dict[str, str] = {}
        self._written = ""
        self._looked = -TAPES_S
        self.position = 0

    def take(self, position: int, event: Event) -> None:
        """Takes in who came and who is no longer trusted."""
        match event:
            case DeviceEnrolled(device=device, key=key) | DeviceKeyReplaced(device=device, key=key):
                self._devices[device] = key
                self._looked = -TAPES_S
            case DeviceRevoked(device=device):
                self._devices.pop(device, None)
                self._looked = -TAPES_S

    def step(self) -> None:
        """Writes the list if it is another one. Raises `JournalUnavailable`."""
        now = self._monotonic()
        if now - self._looked < TAPES_S:
            return
        self._looked, found = now, self._tapes()
        text = access_list(self._ledger, self._devices, found)
        if text == self._written:
            return
        try:
            write_whole(self._path, text.encode())
            self._written = text
        except OSError as error:
            log.warning("the broker's list of access could not be written: %s", error)


class PgTapes:
    """The tapes that the record knows, by device."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def __call__(self) -> dict[str, list[str]]:
        """Returns them. Raises `JournalUnavailable`."""
        found: dict[str, list[str]] = {}
        try:
            with psycopg.connect(self._dsn, autocommit=True, connect_timeout=2) as connection:
                for device, tape in connection.execute(TAPES):
                    found.setdefault(device, []).append(tape)
        except psycopg.OperationalError as error:
            raise JournalUnavailable(str(error)) from error
        return found
