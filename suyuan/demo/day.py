"""A market's day: labels printed, spoilt and read, every report over MQTT, and the reckoning."""

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx

from ledger.errors import BadSetting
from ledger.events.reports import (
    CertificateFiled,
    GoodsAsRead,
    GoodsReceived,
    TestReportFiled,
)
from ledger.settings import Clock
from scanners.agent import keep_document, learn_home
from scanners.labels import Label, png
from suyuan.assortment import CATALOGUE
from suyuan.badge import Badge
from suyuan.demo import check
from suyuan.demo.hours import Hours, day_to_play
from suyuan.demo.market import Market
from suyuan.demo.people import ADMINISTRATOR, AUDITOR, CHECKER, REGULATOR, accounts_for
from suyuan.demo.spoil import LabelRead, read_spoilt
from suyuan.demo.stage import STALL, Stage
from suyuan.demo.stage_service import build, serve
from suyuan.participants import LABEL_KINDS, OPENS, ZONE, Action, LotTruth
from suyuan.parts import leftovers
from suyuan.parts.cluster import server_of
from suyuan.parts.machine import Machine, refuse_taken
from suyuan.parts.places import data_root, free_port
from suyuan.progress import Progress
from suyuan.simulate import Trade
from suyuan.throw_away import ThrowAway, open_accounts, sign_in

MERCHANTS = 24
SEED = 1
# The market's hours, eight at the most, pass in so many seconds; after that the clock runs as usual. A second of waiting is a
# quarter of an hour there: where more wait for a core than there are, the day takes longer, up to three times.
DAY_S, SLOWER_MAX = 36.0, 3.0
DRAIN_S = 60.0
MARKER = "demo.marker"
STORYTELLERS = (REGULATOR, CHECKER, ADMINISTRATOR)

Say = Callable[[str], None]


def day_s(waiting: float) -> float:
    """Returns how long the market's day takes while so many wait for each core."""
    return DAY_S * min(SLOWER_MAX, max(1.0, waiting / 1.5))


class Day:
    """One demonstration from an empty ledger to the reckoning."""

    def __init__(self, say: Say, *, kiosk_port: int, show: bool, tell_story: bool = False) -> None:
        """With `tell_story` the story is told once at the end, and must come out."""
        self._tell_story = tell_story
        self._say = say
        self._show = show
        self._started = time.monotonic()
        self._kiosk_port = kiosk_port
        self._data = empty_folder(data_root() / "demo")
        self.machine: Machine | None = None
        self.accounts: dict[str, ThrowAway] = {}
        self._trade_made: Trade | None = None
        self._numbers: dict[int, tuple[str, int]] = {}
        self._stage: Stage | None = None
        self._stage_port = free_port()
        self._day_s = day_s(os.getloadavg()[0] / (os.cpu_count() or 1))

    def run(self) -> dict[str, Any]:
        """Runs the day and returns the reckoning; everything is left running."""
        if self._kiosk_port:
            # Said now rather than after half a minute of reading labels.
            refuse_taken(self._kiosk_port)
        day = day_to_play(datetime.now(UTC))
        trade = self._trade_made = Trade(merchants=MERCHANTS, day=day, seed=SEED)
        self._say(
            f"trade:    {len(trade.merchants)} merchants, {len(trade.actions)} reports to come, tapes' openings"
            " and papers beside them"
        )
        reads = self._read_labels(trade)
        # Services start, people are let in and scanners learn the time before the first crate is set down.
        begin = datetime.now(UTC) + timedelta(seconds=10 * self._day_s / DAY_S)
        self._hours = Hours(day, begin, self._day_s)
        self._say_behind()
        clock = self._clock = self._hours.clock_text()
        # The kiosk is told where the stage is before there is one: it asks when somebody looks.
        os.environ["SUYUAN_STAGE_URL"] = f"http://127.0.0.1:{self._stage_port}"
        self.machine = Machine(self._data, kiosk_port=self._kiosk_port, clock=clock)
        self.machine.start(self._say)
        home = learn_home(self.machine.intake_url, "127.0.0.1", self.machine.broker.port)
        market = Market(trade, home, self._data / "tapes", Clock(clock).now)
        badges = self._let_people_in(trade)
        market.open(register=badges[REGULATOR], devices=badges[ADMINISTRATOR])
        self._auditor = badges[AUDITOR]
        self._trade(market, reads, Clock(clock).now)
        told = self._finish(market)
        result = self._reckon(market, reads, told)
        self._open_stage()
        if self._tell_story:
            story = check.story_problems(self.machine.kiosk_url)
            result |= {"story_told": not story, "ok": result["ok"] and not story}
            result["problems"] += story
        return result

    def sample_pages(self) -> dict[str, str]:
        """One address of every kind of page, for pictures and for a first look."""
        assert self._trade_made is not None
        stock = self._trade_made.truth.open_expiry_alerts(self._trade_made.day)
        expired = sorted(subject for kind, subject in stock if kind == "expired-in-stock")
        lots = sorted(self._trade_made.truth.lots.values(), key=lambda lot: lot.number)
        made = [lot for lot in lots if CATALOGUE[lot.product][4]]
        good, mixed = lots[0], made[0]
        ended = expired[0].split("|")
        return {
            "attract": "/",
            "search": "/search?q=酸奶",
            "product": f"/01/{good.gtin}",
            "lot": f"/01/{good.gtin}/10/{good.number}",
            "lot-mixed": f"/01/{mixed.gtin}/10/{mixed.number}",
            "lot-expired": f"/01/{ended[2]}/10/{ended[3][2:]}",
            "not-recorded": "/01/06901234999990/10/NOBODY",
            "unusable": "/01/123",
        }

    def _say_behind(self) -> None:
        """Says where the demonstration's times are not those of who looks."""
        minutes = round(self._hours.behind.total_seconds() / 60)
        if minutes:
            self._say(
                f"clock:    {minutes} min behind yours, so that the market's day does not end while somebody looks;"
                f" devices are heard by yours, and suyuan audit needs --fresh-within {(minutes + 15) * 60}"
            )

    def _open_stage(self) -> None:
        """Lets the story of the kiosk's page begin: its steps are done for real from now on."""
        assert self.machine is not None and self._trade_made is not None
        held = self._trade_made.truth.lots.values()
        day = self._trade_made.day

        # A yoghurt that is still good: its page has to be green before it turns.
        def first(lot: LotTruth) -> tuple[bool, bool, str]:
            return lot.expires <= day, "yoghurt" not in CATALOGUE[lot.product][1], lot.number

        lots = [lot for lot in sorted(held, key=first) if STALL in self._sold_to(lot)]
        badges = {one: sign_in(self.machine.intake_url, self.accounts[one]) for one in STORYTELLERS}
        self._stage = Stage(self.machine, lots, badges, Clock(self._clock).now)
        serve(build(self._stage, list(self.accounts.values())), self._stage_port)

    def stop(self) -> None:
        """Stops what runs."""
        if self._stage is not None:
            self._stage.close()
        if self.machine is not None:
            self.machine.stop()

    def _sold_to(self, lot: LotTruth) -> set[str]:
        """Returns who took delivery of a lot."""
        assert self._trade_made is not None
        return {
            str(action.fields["merchant"]) for action in self._trade_made.actions
            if action.label is not None and action.label.number == lot.number
            and action.kind is GoodsReceived
        }  # fmt: skip

    def _read_labels(self, trade: Trade) -> dict[int, LabelRead]:
        labelled = [action for action in trade.actions if action.label is not None]
        jobs = [
            (
                LABEL_KINDS[number % len(LABEL_KINDS)], action.label.gtin, action.label.number,
                action.label.produced.isoformat(), action.label.expires.isoformat(), number,
            )
            for number, action in enumerate(labelled)
            if action.label is not None
        ]  # fmt: skip
        reads = {}
        with (
            ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool,
            Progress("labels read", len(jobs), show=self._show) as progress,
        ):
            for action, read in zip(
                labelled, pool.map(read_spoilt, jobs, chunksize=8), strict=True
            ):
                reads[id(action)] = read
                progress.step()
        return reads

    def _trade(
        self, market: Market, reads: dict[int, LabelRead], now: Callable[[], datetime]
    ) -> None:
        actions = market.trade.actions
        odd = self._odd_moments(market)
        with Progress("reports on tapes", len(actions), show=self._show) as progress:
            for action in actions:
                while odd and action.at >= odd[0][0]:
                    odd.pop(0)[1]()
                self._wait(self._hours.moment(action.at), now)
                self._scan(market, action, reads.get(id(action)))
                progress.step()
        for _, act in odd:
            act()
        # What is asked about the day afterwards is asked at the usual pace.
        self._wait(self._hours.closes, now)

    def _wait(self, moment: datetime, now: Callable[[], datetime]) -> None:
        while (wait := (moment - now()).total_seconds()) > 0:
            time.sleep(min(0.2, wait / self._hours.rate))

    def _scan(self, market: Market, action: Action, read: LabelRead | None) -> None:
        if action.by_voucher:
            self._take_voucher(market, action)
            return
        if action.kind is CertificateFiled:
            action = market.keep_paper(action)
        goods = None
        if read is not None and action.label is not None:
            goods = read.goods
            if goods is None:
                # The reader asked for a rescan: the person keys in what is printed.
                told = action.label.goods()
                goods = GoodsAsRead(
                    gtin=told.gtin, lot=told.lot, produced=told.produced, expires=told.expires,
                    dates_from="keyed",
                )  # fmt: skip
        target = self._numbers[id(action.corrects)] if action.corrects else None
        number = market.scan(action, goods, target)
        self._numbers[id(action)] = (market.agents[action.device].tape.id, number)

    def _take_voucher(self, market: Market, action: Action) -> None:
        """Receives all lines of a delivery with the first of them."""
        if id(action) in self._numbers:
            return
        delivery = action.fields["delivery"]
        lines = [
            a for a in market.trade.actions if a.by_voucher and a.fields["delivery"] == delivery
        ]
        for line, place in zip(lines, market.receive_by_voucher(lines), strict=True):
            self._numbers[id(line)] = place

    def _odd_moments(self, market: Market) -> list[tuple[datetime, Callable[[], None]]]:
        day = datetime.combine(market.trade.day, OPENS, ZONE)
        return [
            (day + timedelta(hours=5.0), market.copy_one),
            (day + timedelta(hours=5.5), market.reset_one),
            (day + timedelta(hours=6.5), market.come_back),
        ]

    def _finish(self, market: Market) -> dict[str, bool]:
        self._papers(market)
        drained = all(a.link.wait_drained(DRAIN_S) for a in market.agents.values())
        forked = market.clone_scans()
        refused = market.stranger_scans()
        market.close()
        return {"drained": drained, "forked": forked, "refused": refused}

    def _papers(self, market: Market) -> None:
        """A maker files a test report with its picture, and a certificate whose picture is awaited."""
        lots = sorted(market.trade.truth.lots.values(), key=lambda lot: lot.number)
        maker = market.trade.merchants[0]
        agent = market.agents[maker.device]
        picture = png(Label("qr", lots[0].gtin, lots[0].number))
        common: dict[str, Any] = {
            "merchant": maker.id, "premises": maker.premises,
            "business_date": market.trade.day, "session": "00000000-0000-4000-8000-00000000ffff",
        }  # fmt: skip
        for number, lot in enumerate(lots[:12]):
            report = TestReportFiled(
                document=keep_document(agent.tape, "image/png", picture),
                number=f"T-{market.trade.day:%Y}-{number + 1:04d}", laboratory="岳麓区快检室",
                result="passed", tested_on=market.trade.day, gtins=(lot.gtin,), lots=(lot.number,),
                clock=agent.clocks.read(), **common,
            )  # fmt: skip
            agent.keep(report)
        certificate = CertificateFiled(
            document=hashlib.sha256(b"not scanned yet").hexdigest(), kind="release",
            number="R-0001", issuer=maker.name, valid_from=market.trade.day,
            gtins=tuple(sorted({lot.gtin for lot in lots})), clock=agent.clocks.read(), **common,
        )  # fmt: skip
        agent.keep(certificate)
        for agent in market.agents.values():
            agent.send_documents()

    def _let_people_in(self, trade: Trade) -> dict[str, Badge]:
        """Opens an account for every role; returns what those show who work here."""
        assert self.machine is not None
        self.accounts = accounts_for(trade.merchants)
        open_accounts(self.machine.dsn("suyuan_owner"), list(self.accounts.values()))
        url = self.machine.intake_url
        working = (AUDITOR, REGULATOR, ADMINISTRATOR)
        return {name: sign_in(url, self.accounts[name]) for name in working}

    def _reckon(
        self, market: Market, reads: dict[int, LabelRead], told: dict[str, bool]
    ) -> dict[str, Any]:
        assert self.machine is not None
        with httpx.Client(
            base_url=self.machine.query_url, trust_env=False, timeout=10, auth=self._auditor
        ) as query:
            followed = check.wait_followed(query, DRAIN_S)
            stock = check.stock_differences(query, market.trade)
            alerts = check.alert_differences(
                query, check.expected_alerts(market, self._numbers), market.trade.overdrawn_papers()
            )
            alerts += check.group_problems(query)
            books = check.book_problems(query, market.trade)
        pages = check.page_problems(self.machine.kiosk_url, market.trade)
        log = check.log_problems(self.machine.log_url, market.tapes(), Clock(self._clock).now)
        counts = check.stored_counts(self.machine.cluster.dsn(), market)
        sent = sum(tape.last() for tape in market.tapes())
        result = {
            "merchants": len(market.trade.merchants),
            "reports_sent": sent,
            **counts,
            "lost": sum(tape.count_waiting() for tape in market.tapes()),
            **_label_counts(market.trade, reads),
            "fork_noticed": told["forked"],
            "stranger_refused": told["refused"],
            "stock_equal": followed and not stock,
            "alerts_equal": followed and not alerts,
            "books_equal": followed and not books,
            "pages_ok": not pages,
            "log_audited": not log,
            "problems": (stock + alerts + books + pages + log)[:20],
            "seconds": round(time.monotonic() - self._started, 1),
        }
        return result | {"ok": _is_right(result)}


def _label_counts(trade: Trade, reads: dict[int, LabelRead]) -> dict[str, int]:
    wrong = 0
    for action in trade.actions:
        read = reads.get(id(action))
        if read is not None and read.goods is not None and action.label is not None:
            told = action.label.goods()
            seen = (read.goods.gtin, read.goods.lot, read.goods.produced, read.goods.expires)
            wrong += seen != (told.gtin, told.lot, told.produced, told.expires)
    sure = sum(read.goods is not None for read in reads.values())
    return {
        "labels_read": sure,
        "labels_rescan": len(reads) - sure,
        "labels_wrong": wrong,
    }


def _is_right(result: dict[str, Any]) -> bool:
    return bool(
        result["reports_sent"] == result["reports_stored"]
        and result["stored_twice"] == result["lost"] == result["labels_wrong"] == 0
        and result["quarantined"] == 1
        and result["labels_read"] >= 300
        and all(
            result[name]
            for name in (
                "fork_noticed", "stranger_refused", "stock_equal", "alerts_equal", "books_equal", "pages_ok",
                "log_audited",
            )
        )
    )  # fmt: skip


def empty_folder(folder: Path) -> Path:
    """Empties the demonstration's own folder; refuses one that is not marked as such."""
    if folder.exists():
        if any(folder.iterdir()) and not (folder / MARKER).exists():
            raise BadSetting(f"{folder} is not a demonstration's folder: move it away")
        leftovers.end(folder)
        if (pid := server_of(folder / "postgres")) is not None:
            raise BadSetting(
                f"a demonstration runs in {folder} already (its database is process {pid}):"
                " end it with Ctrl-C first, or set SUYUAN_DATA"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / MARKER).touch()
    return folder
