"""The stage of the guided story: each step is done for real, by the people and parts of the demonstration."""

import threading
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg

from ledger.bundles import checking as bundle_check
from ledger.bundles.log_place import log_place
from ledger.bundles.proofs import LogSource
from ledger.bundles.writing import Sources, Wanted, write_bundle
from ledger.events.holds import StoppedGoods
from ledger.events.recalls import RecallChecked, RecallDrafted
from ledger.events.reports import GoodsAsRead, GoodsSold, TestReportFiled
from ledger.journal.documents import DocumentStore
from ledger.log.files import FolderFiles, reading
from ledger.log.postgres import PgLog
from ledger.rules.recalls import CheckRecall, DraftRecall, PublishRecall, digest_of
from ledger.values.quantity import StatedQuantity, Unit
from scanners.agent import Agent, enroll, keep_document, learn_home
from scanners.asking import ask
from scanners.entries import Standing
from scanners.identity import Clocks
from scanners.labels import Label, png
from suyuan.audit_rows import RowsCheck
from suyuan.badge import Badge
from suyuan.demo.check import wait_followed
from suyuan.demo.people import ADMINISTRATOR, CHECKER, REGULATOR
from suyuan.participants import LotTruth
from suyuan.parts.machine import Machine

STALL, PLACE = "m-013", "m-013-a"
WAIT_S = 30
SCANS = 3
# The administrator's hand: past every trigger, as somebody with all rights could.
TAMPER = """
ALTER TABLE ledger.events DISABLE TRIGGER events_append_only;
UPDATE ledger.events SET state = convert_to(replace(convert_from(state, 'UTF8'), %(old)s, %(new)s), 'UTF8')
WHERE notification_id = %(position)s;
ALTER TABLE ledger.events ENABLE TRIGGER events_append_only;
"""
FAILED = "SELECT max(position) FROM trade.papers WHERE result = 'failed'"


class Stage:
    """Does the story's steps, one at a time, and remembers what each showed."""

    def __init__(
        self, machine: Machine, lots: list[LotTruth], badges: dict[str, Badge], now: Any
    ) -> None:
        """`lots` are told of in turn: one that was recalled is told of again after all others only."""
        self._machine, self._lots, self._badges, self._now = machine, lots, badges, now
        self._lock = threading.Lock()
        self.run = 0
        self.bundle = machine.data / "story.zip"
        home = learn_home(machine.intake_url, "127.0.0.1", machine.broker.port)
        tape = enroll(
            machine.data / "tapes" / "story.tape", "story-till", home, [STALL], since=now().date(),
            auth=badges[ADMINISTRATOR],
        )  # fmt: skip
        self._till = Agent(tape, Clocks(wall=now))
        self._till.link.start()
        self._online = True
        self.facts: dict[str, Any] = {}

    @property
    def lot(self) -> LotTruth:
        """The lot that the story is about this time."""
        return self._lots[self.run % len(self._lots)]

    def state(self) -> dict[str, Any]:
        """Returns what the page shows: the stall's scanner now, and what the steps found."""
        if not self.facts:
            self._pass_over()
        return {
            "now": self._now().isoformat(), "run": self.run, "gtin": self.lot.gtin, "lot": self.lot.number, "stall": STALL,
            "online": self._online, "waiting": self._till.tape.count_waiting(),
            "red": self._is_stopped(), "facts": self.facts,
        }  # fmt: skip

    def _is_stopped(self) -> bool:
        """Tells whether the till refuses the lot that is told of."""
        goods = GoodsAsRead(gtin=self.lot.gtin, lot=self.lot.number)
        stopped = self._till.stops.meets(goods, Standing("sell", STALL, PLACE))
        return stopped is not None and stopped.how == "stopped"

    def _pass_over(self) -> None:
        """Begins with a lot that may still be sold: somebody at the desk may have stopped some."""
        for _ in self._lots:
            if not self._is_stopped():
                return
            self.run += 1

    def do(self, step: str) -> dict[str, Any]:
        """Does a step. Raises `KeyError` for one that there is not."""
        steps = {
            "cut": self._cut, "reconnect": self._reconnect, "fail": self._fail, "trace": self._trace,
            "publish": self._publish, "tamper": self._tamper, "bundle": self._make_bundle,
            "reset": self._reset,
        }  # fmt: skip
        with self._lock:
            begun = time.monotonic()
            found = steps[step]()
            self.facts[step] = found | {"seconds": round(time.monotonic() - begun, 2)}
        return self.state()

    def close(self) -> None:
        """Puts the till away."""
        self._till.link.stop()

    def _cut(self) -> dict[str, Any]:
        """The stall loses its network, and sells three all the same."""
        if self._online:
            self._till.link.stop()
            self._online = False
        for _ in range(SCANS):
            self._till.keep(self._sale())
        return {"kept": self._till.tape.count_waiting()}

    def _reconnect(self) -> dict[str, Any]:
        if not self._online:
            # As a till that was switched on again: the tape is all it needs.
            self._till = Agent(self._till.tape, self._till.clocks)
            self._till.link.start()
            self._online = True
        self._settle()
        return {"kept": self._till.tape.count_waiting()}

    def _fail(self) -> dict[str, Any]:
        """The laboratory's report says: failed."""
        tape = self._till.tape
        picture = keep_document(tape, "image/png", png(Label("qr", self.lot.gtin, self.lot.number)))
        report = TestReportFiled(
            document=picture, number=f"S-{self.run + 1:03d}", laboratory="市食品检验所", result="failed",
            tested_on=self._now().date(), gtins=(self.lot.gtin,), lots=(self.lot.number,),
            **self._common(),
        )  # fmt: skip
        self._till.keep(report)
        self._till.send_documents()
        self._settle()
        return {"number": report.number}

    def _trace(self) -> dict[str, Any]:
        with self._asking(REGULATOR) as query:
            asked = {"product": self.lot.gtin, "lot": self.lot.number}
            begun = time.perf_counter()
            flow = query.get("/v1/trace/flow", params=asked).raise_for_status().json()
            took = time.perf_counter() - begun
        how = [node["how"] for node in flow["nodes"]]
        return {
            "certain": how.count("certain"), "possible": how.count("possible"),
            "behind": how.count("behind"), "ms": round(took * 1000),
        }  # fmt: skip

    def _publish(self) -> dict[str, Any]:
        """Drafted by one officer, checked by another, published; then the till turns red by itself."""
        name, url = f"story-{self.run + 1}", self._machine.intake_url
        draft = RecallDrafted(
            recall=name, grade="I", reason="检出沙门氏菌 Salmonella was found", authority="市市场监督管理局",
            goods=(StoppedGoods(product=self.lot.gtin, lot=self.lot.number),), by=REGULATOR,
            known_at=self._now(),
        )  # fmt: skip
        ask(url, [DraftRecall(draft)], auth=self._badges[REGULATOR])
        check = RecallChecked(recall=name, approved=True, by=CHECKER, draft_digest=digest_of(draft))
        ask(url, [CheckRecall(check)], auth=self._badges[CHECKER])
        wanted = PublishRecall(recall=name, notice="请勿食用，送回购买处退款。Do not eat it; take it back.",
                               by=REGULATOR)  # fmt: skip
        begun = time.monotonic()
        ask(url, [wanted], auth=self._badges[REGULATOR])
        while not self.state()["red"] and time.monotonic() - begun < WAIT_S:
            time.sleep(0.01)
        return {"recall": name, "red_after_ms": round((time.monotonic() - begun) * 1000)}

    def _tamper(self) -> dict[str, Any]:
        """The administrator makes the failed test a passed one; the check names it; then it is undone."""
        owner = self._machine.dsn("suyuan_owner")
        with psycopg.connect(owner, autocommit=True) as connection:
            row = connection.execute(FAILED).fetchone()
            position = int(row[0]) if row and row[0] else 1
            words: dict[str, Any] = {"position": position, "old": '"failed"', "new": '"passed"'}
            self._edit(connection, words)
            try:
                found = RowsCheck(owner).run().problems
            finally:
                self._edit(connection, words | {"old": '"passed"', "new": '"failed"'})
        return {"position": position, "problems": found[:5]}

    @staticmethod
    def _edit(connection: psycopg.Connection[Any], words: dict[str, Any]) -> None:
        for statement in TAMPER.strip().split(";")[:-1]:
            connection.execute(statement, words)

    def _make_bundle(self) -> dict[str, Any]:
        """What the stall shows instead of a drawer of paper (Food Safety Law, article 136)."""
        owner = self._machine.dsn("suyuan_owner")
        log = log_place(PgLog(owner), str(self._machine.data), None)
        assert log is not None
        self.bundle.unlink(missing_ok=True)
        files = reading(FolderFiles(Path(log.place)))
        source = LogSource(log.key, log.place, files)
        wanted = Wanted(STALL, [(self.lot.gtin, f"L:{self.lot.number}")], source)
        pictures = DocumentStore(self._machine.data / "documents", owner)
        made = write_bundle(Sources(owner, owner, pictures), wanted, self.bundle, datetime.now(UTC))
        checked = bundle_check.check(self.bundle, log.key.text)
        return {"records": made.records, "documents": made.documents, "problems": checked.problems}

    def _reset(self) -> dict[str, Any]:
        self._reconnect()
        self.run += 1
        self.facts = {}
        Path(self.bundle).unlink(missing_ok=True)
        return {}

    def _settle(self) -> None:
        """Waits until what the till said is on record, and in the views that the next step asks."""
        self._till.link.wait_drained(WAIT_S)
        with self._asking(REGULATOR) as query:
            wait_followed(query, WAIT_S)

    def _sale(self) -> GoodsSold:
        goods = GoodsAsRead(gtin=self.lot.gtin, lot=self.lot.number)
        one = StatedQuantity(amount=Decimal(1), unit=Unit.PIECE)
        return GoodsSold(goods=goods, quantity=one, **self._common())

    def _common(self) -> dict[str, Any]:
        return {
            "merchant": STALL, "premises": PLACE, "business_date": self._now().date(),
            "clock": self._till.clocks.read(), "session": "00000000-0000-4000-8000-00000000eeee",
        }  # fmt: skip

    def _asking(self, who: str) -> httpx.Client:
        return httpx.Client(
            base_url=self._machine.query_url,
            trust_env=False,
            timeout=WAIT_S,
            auth=self._badges[who],
        )
