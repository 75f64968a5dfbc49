"""Keeps before every device by which keys the ledger has gone on, each signed by the one before."""

import threading
from collections.abc import Callable

from ledger.events import wire
from ledger.events.base import Event
from ledger.events.cases import LedgerKeyAnnounced
from ledger.rules.ledger_keys import LedgerKeysCase, evolve_ledger_keys


class KeyKeeper:
    """Publishes the chain of the ledger's keys when it grew, and to a broker that has just started."""

    names = ("ledger-key-announced.v1",)

    def __init__(self, ledger: str, publish: Callable[[str, bytes], None]) -> None:
        self._ledger, self._publish = ledger, publish
        self._lock = threading.Lock()
        self._case = LedgerKeysCase()
        self._told = 0
        self.position = 0

    @property
    def links(self) -> tuple[wire.KeyLink, ...]:
        """The keys that were announced so far."""
        return self._case.links

    def take(self, position: int, event: Event) -> None:
        """Takes in an announcement."""
        if isinstance(event, LedgerKeyAnnounced):
            self._case = evolve_ledger_keys(self._case, event)

    def step(self) -> None:
        """Publishes what is new."""
        if self._case.version != self._told:
            self._told = self._case.version
            self.publish()

    def publish(self) -> None:
        """Publishes the chain, if there is one."""
        with self._lock:
            if self.links:
                keys = wire.LedgerKeys(ledger=self._ledger, links=self.links)
                self._publish(wire.keys_topic(self._ledger), wire.encode(keys))
