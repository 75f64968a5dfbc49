"""Recall: from the officer's word to publish to a scanner that refuses, on connected scanners."""

import threading
import time
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from ledger.accounts.passwords import new_password
from ledger.events.holds import StoppedGoods
from ledger.events.recalls import RecallChecked, RecallDrafted, RecallWithdrawn
from ledger.events.reports import GoodsAsRead
from ledger.events.stop_list import stops_topic
from ledger.rules.access import Grant
from ledger.rules.recalls import (
    CheckRecall,
    DraftRecall,
    PublishRecall,
    WithdrawRecall,
    digest_of,
)
from scanners.agent import Agent, enroll, learn_home
from scanners.asking import ask
from scanners.entries import Standing
from scanners.identity import Clocks
from suyuan.badge import Badge
from suyuan.bench.comparison import bench, comparison
from suyuan.bench.roundtrip import Anchor, start_intake
from suyuan.bench.work import bench_cluster
from suyuan.parts.broker import Broker
from suyuan.parts.cluster import Cluster
from suyuan.parts.places import free_port
from suyuan.throw_away import ThrowAway, open_accounts, sign_in

ROUNDS = {"tiny": 3, "small": 50, "large": 300, "huge": 1000}
SCANNERS = 10
# So many lines are on the list already: a list of one would be too easy.
LISTED = 1000
GTIN = "06901234000009"
SELLING = Standing(mode="sell", merchant="m-001", premises="m-001-a")
WAIT_S = 20
FIRST, SECOND = "officer-1", "officer-2"
ANCHOR = "one fsynced INSERT + one echo through the same broker, p50"


def recall(size: str) -> dict[str, Any]:
    """From the request to the red answer, p50 against the least there is; p99 beside it."""
    with bench_cluster() as cluster:
        broker = Broker(cluster.data, free_port())
        broker.start()
        try:
            return _measure(cluster, broker, ROUNDS[size])
        finally:
            broker.stop()


class Watcher:
    """A connected scanner that notes when a lot turns red."""

    def __init__(
        self, cluster: Cluster, url: str, broker: Broker, *, number: int, auth: Badge
    ) -> None:
        home = learn_home(url, "127.0.0.1", broker.port)
        path = cluster.data / f"watcher-{number}.tape"
        tape = enroll(path, f"scanner-{number}", home, ["m-001"], since=date(2026, 1, 1),
                      auth=auth)  # fmt: skip
        self.agent = Agent(tape, Clocks())
        self._goods = GoodsAsRead(gtin=GTIN, lot="none")
        self._red = threading.Event()
        self.red_at = 0.0
        take = self.agent.stops.take

        def taken(payload: bytes) -> bool:
            found = take(payload)
            if self.is_red():
                self.red_at = self.red_at or time.perf_counter()
                self._red.set()
            return found

        # The bench looks where nobody else needs to.
        self.agent.link._retained[stops_topic(self.agent.home.ledger, "+")] = taken
        self.agent.link.start()

    def expect(self, lot: str) -> None:
        """Looks out for a lot from now on."""
        self._goods, self.red_at = GoodsAsRead(gtin=GTIN, lot=lot), 0.0
        self._red.clear()

    def is_red(self) -> bool:
        """Tells whether the scanner refuses the lot that it looks out for."""
        stopped = self.agent.stops.meets(self._goods, SELLING)
        return stopped is not None and stopped.how == "stopped"

    def wait(self) -> float:
        """Returns when it turned red. Raises `TimeoutError` when it never does."""
        if not self._red.wait(WAIT_S):
            raise TimeoutError("a scanner never turned red")
        return self.red_at

    def close(self) -> None:
        """Leaves the broker."""
        self.agent.link.stop()
        self.agent.tape.close()


def _measure(cluster: Cluster, broker: Broker, rounds: int) -> dict[str, Any]:
    intake, url = start_intake(cluster, broker)
    officers = Officers(cluster.dsn(), url)
    watchers = [
        Watcher(cluster, url, broker, number=number, auth=officers.first)
        for number in range(SCANNERS)
    ]
    anchor = Anchor(cluster, broker)
    officers.prepare("listed", [f"X{number}" for number in range(LISTED)])
    officers.publish("listed")
    taken: list[float] = []
    least: list[float] = []
    try:
        for number in range(rounds):
            name, lot = f"r-{number}", f"L{number}"
            officers.prepare(name, [lot])
            for watcher in watchers:
                watcher.expect(lot)
            begun = time.perf_counter()
            officers.publish(name)
            taken += [(watcher.wait() - begun) * 1000 for watcher in watchers]
            _, stored, echoed = anchor.once()
            least.append((stored + echoed) * 1000)
            officers.withdraw(name)
        equal = all(watcher.agent.stops.version for watcher in watchers)
    finally:
        for watcher in watchers:
            watcher.close()
        anchor.close()
        intake.stop()
    p50, p99 = np.percentile(taken, 50), np.percentile(taken, 99)
    part = comparison(
        "a published recall to a red scanner, p50", ours=[float(p50)],
        anchor=[float(np.median(least))], anchor_name=ANCHOR, unit="ms", equal=equal, n=len(taken),
    )  # fmt: skip
    return bench("recall", [part]) | {
        "p99_ms": round(float(p99), 1), "worst_ms": round(max(taken), 1), "scanners": SCANNERS,
        "listed": LISTED, "broker": broker.source,
    }  # fmt: skip


class Officers:
    """Two officers, signed in at the ledger that is measured."""

    def __init__(self, owner_dsn: str, url: str) -> None:
        self._url = url
        grants = (Grant("regulator", ("bench",)), Grant("administrator"))
        people = [ThrowAway(name, name, new_password(), grants) for name in (FIRST, SECOND)]
        open_accounts(owner_dsn, people)
        self.first, self._second = (sign_in(url, one) for one in people)

    def publish(self, name: str) -> None:
        """Announces a recall that was prepared."""
        wanted = PublishRecall(recall=name, notice="Do not eat it.", by=FIRST)
        ask(self._url, [wanted], auth=self.first)

    def withdraw(self, name: str) -> None:
        """Takes a recall back."""
        entry = RecallWithdrawn(recall=name, reason="bench", by=FIRST, checked_by=SECOND)
        ask(self._url, [WithdrawRecall(entry)], auth=self.first, second=self._second.second)

    def prepare(self, name: str, lots: list[str]) -> None:
        """Drafts a recall and has it checked."""
        goods = tuple(StoppedGoods(product=GTIN, lot=lot) for lot in lots)
        draft = RecallDrafted(
            recall=name, grade="I", goods=goods, reason="bench", authority="bench",
            known_at=datetime.now(UTC), by=FIRST,
        )  # fmt: skip
        ask(self._url, [DraftRecall(draft)], auth=self.first)
        check = RecallChecked(recall=name, approved=True, by=SECOND, draft_digest=digest_of(draft))
        ask(self._url, [CheckRecall(check)], auth=self._second)
