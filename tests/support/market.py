"""A market with two stalls and a wholesaler, and browsers there that are scanners."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from playwright.sync_api import BrowserContext

from ledger.events.cases import MerchantRegistered, PremisesAdded
from ledger.events.holds import StoppedGoods
from ledger.rules.access import Grant
from ledger.rules.holds import PlaceHold
from ledger.rules.requests import AddPremises, RegisterMerchant, RegisterProduct
from ledger.values.day import day_at
from scanners.asking import ask
from suyuan.participants import ZONE
from suyuan.parts.machine import Machine
from tests.support.faces import Keyboard, said_by, sign_in_at, until
from tests.support.make import MILK, YOGHURT, registered
from tests.support.people import CHIEF, add_account, chief_of

TODAY = day_at(datetime.now(UTC), ZONE)
EAN, OTHER = MILK[1:], YOGHURT[1:]
SCAN = "/station/scan"
# Back to how it was when it had just joined; of its tape what is not confirmed, and the line that is chained to.
AFRESH = """() => new Promise((done, failed) => {
  const opening = indexedDB.open("suyuan-station");
  opening.onerror = () => failed(opening.error);
  opening.onsuccess = () => {
    const database = opening.result;
    const all = database.transaction(["about", "reports", "products", "papers", "pictures"], "readwrite");
    const about = all.objectStore("about");
    const kept = ["device", "key", "tape", "confirmed"];
    about.getAllKeys().onsuccess = ({ target }) => {
      for (const key of target.result) if (!kept.includes(key)) about.delete(key);
      about.put({ mode: "receive" }, "place");
    };
    about.get("confirmed").onsuccess = ({ target }) =>
      all.objectStore("reports").delete(IDBKeyRange.upperBound(target.result ?? 0, true));
    for (const name of ["products", "papers", "pictures"]) all.objectStore(name).clear();
    all.oncomplete = () => { database.close(); done(); };
    all.onabort = () => failed(all.error);
  };
})"""


def gtin(number: int) -> str:
    digits = f"069012{number:07d}"
    total = sum(int(d) * (3 if n % 2 == 0 else 1) for n, d in enumerate(digits))
    return digits + str(-total % 10)


def made_on(digits: str) -> date:
    """Returns the day that month and day, typed, mean of goods that were made: the last such one."""
    day = date(TODAY.year, int(digits[:2]), int(digits[2:]))
    return day if day <= TODAY else day.replace(year=day.year - 1)


GOODS = [gtin(n) for n in range(1, 31)]
# Of files alone: a lot that a file names by its date makes other entries of that date this lot's, too.
FILED = [gtin(n) for n in (31, 32)]


class Market:
    """A running ledger with two stalls, a wholesaler and their people."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.url = machine.kiosk_url.rstrip("/")
        # Who signed in once at this market is let in by the same cookies again.
        self.signed_in: dict[str, list[Any]] = {}
        owner = machine.dsn("suyuan_owner")
        add_account(owner, "stall-1", Grant("merchant", ("m-1",)))
        add_account(owner, "seller-1", Grant("merchant", ("w-1",)))
        add_account(owner, "chain-1", Grant("headquarters", ("m-1", "m-2")))
        self.chief = chief_of(machine)
        self.ask(
            *(RegisterMerchant(MerchantRegistered(merchant=m, name=name, kind=kind, district="d-1"))
              for m, name, kind in (("m-1", "张记奶品", "retailer"), ("m-2", "李记杂货", "retailer"),
                                    ("w-1", "城北批发", "wholesaler"))),
            *(AddPremises(PremisesAdded(merchant=m, premises=f"{m}-a", name="一号摊位", market="k-1"))
              for m in ("m-1", "m-2", "w-1")),
            *(RegisterProduct(registered(g, name_zh=f"商品{n}", shelf_life_days=180))
              for n, g in enumerate((MILK, YOGHURT, *GOODS, *FILED))),
        )  # fmt: skip

    def ask(self, *requests: Any) -> None:
        ask(self.machine.intake_url, list(requests), auth=self.chief)

    def hold(self, name: str, product: str, lot: str) -> None:
        """Stops the sale of a lot for a day."""
        goods = StoppedGoods(product=product, lot=lot)
        until_then = datetime.now(UTC) + timedelta(days=1)
        self.ask(
            PlaceHold(hold=name, goods=(goods,), authority="市监局", reason="抽检", until=until_then,
                      by=CHIEF)
        )  # fmt: skip

    def rows(self, merchant: str = "m-1") -> list[dict[str, Any]]:
        """Returns what the views believe that a merchant moved, in the order of the record."""
        query = (
            "SELECT kind, product, lot, produced, expires, amount, counterparty, premises, unit,"
            " delivery"
            " FROM trade.movements WHERE merchant = %s AND believed_to IS NULL ORDER BY position"
        )
        names = (
            "kind", "product", "lot", "produced", "expires", "amount", "partner", "premises", "unit", "delivery",
        )  # fmt: skip
        with psycopg.connect(self.machine.dsn("suyuan_owner")) as connection:
            found = connection.execute(query, [merchant]).fetchall()
        return [dict(zip(names, row, strict=True)) for row in found]

    def is_followed(self) -> bool:
        """Tells whether the views hold all that was recorded."""
        query = "SELECT (SELECT position FROM ledger.head) = (SELECT position FROM trade.position)"
        with psycopg.connect(self.machine.dsn("suyuan_owner")) as connection:
            return connection.execute(query).fetchone() == (True,)

    def came(self, merchant: str = "m-1", **wanted: Any) -> bool:
        """Waits until the last that a merchant moved is as it is told; tells whether it came."""
        return until(lambda: any(wanted.items() <= row.items() for row in self.rows(merchant)[-1:]))


class Station:
    """A browser that is a scanner."""

    def __init__(self, market: Market, context: BrowserContext) -> None:
        self.market, self.context = market, context
        self.open()

    def open(self) -> None:
        self.page = self.context.new_page()
        self.said = said_by(self.page)
        self.keys = Keyboard(self.page)

    def join(self, account: str = "stall-1") -> "Station":
        signed_in = self.market.signed_in
        if account in signed_in:
            self.context.add_cookies(signed_in[account])
            self.page.goto(self.market.url + SCAN)
        else:
            sign_in_at(self.page, self.market.url, account, there=SCAN)
            signed_in[account] = self.context.cookies()
        self.page.click("#join")
        # On a busy machine the services of a market that has just begun take their time.
        joined = until(lambda: self.page.is_visible("#station"), 60)
        assert joined, self.page.inner_text("main")
        assert until(lambda: self.waiting() == 0)
        return self

    def afresh(self) -> "Station":
        """Makes it a browser that has just joined, but for its tape, which goes on; faster than another one."""
        self.context.unroute_all()
        self.context.set_offline(False)
        if self.page.is_closed():
            self.open()
        self.page.set_viewport_size({"width": 1280, "height": 720})
        self.page.emulate_media(media="screen")
        self.said.clear()
        # A page of the same origin that does not hold the tape.
        self.page.goto(f"{self.market.url}/station/away")
        # Only now: a tab that another one took over from begins anew by itself where that one is closed.
        for page in self.context.pages:
            if page is not self.page:
                page.close()
        self.page.evaluate(AFRESH)
        self.go()
        assert until(lambda: self.waiting() == 0)
        assert until(self.market.is_followed)
        assert until(lambda: self.page.locator("#places [aria-pressed=true]").count() == 1)
        return self

    def go(self) -> None:
        self.page.goto(self.market.url + SCAN)
        shown = until(lambda: self.page.is_visible("#station"), 30)
        assert shown, self.page.inner_text("main")

    def waiting(self) -> int:
        return int(self.page.inner_text("#waiting") or "0")

    def verdict(self) -> str:
        return self.page.inner_text("#verdict")

    def colour(self) -> str:
        return (self.page.get_attribute("#verdict", "class") or "").removeprefix("told ")

    def sees(self, words: str) -> bool:
        return until(lambda: words in self.verdict())

    def scan(self, text: str, words: str, **how: Any) -> None:
        """Scans, and waits for what the hand is told."""
        self.keys.scan(text, **how)
        assert self.sees(words), (text, self.verdict())

    def refuses(self, code: str) -> bool:
        """Scans until the stop list has come, which turns the station red; tells whether it did."""

        def is_red() -> bool:
            self.keys.scan(code)
            return until(lambda: "停售" in self.verdict(), 2)

        return until(is_red, 30)

    def dated(self, code: str, digits: str) -> None:
        self.scan(code, "日期")
        self.keys.by_hand(digits)
        assert self.sees("已保存"), self.verdict()
