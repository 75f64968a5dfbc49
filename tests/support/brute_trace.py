"""A trace by brute force, written from docs/trace.md: every rule tried on every row until nothing new."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

LotName = tuple[str, str]
FOREVER = 2**62


class Told(NamedTuple):
    """What the brute force finds: lots with how they are reached, and who holds them."""

    forwards: dict[LotName, str]
    backwards: dict[LotName, str]
    holders: dict[tuple[str, LotName], str]
    loose_holders: dict[tuple[str, LotName], str]


class Row(NamedTuple):
    """A row of the page's words."""

    entry: int
    leg: int
    kind: str
    merchant: str
    other: str | None
    product: str
    key: str
    unit: str
    amount: int
    comes_in: bool
    delivery: str | None
    earliest: datetime
    latest: datetime
    stands: bool


class Brute:
    """Everything the page's rules say of the rows of a ledger in memory at a moment."""

    def __init__(self, line: Any, position: int | None = None, at: datetime | None = None) -> None:
        self.known = FOREVER if position is None else position
        ties: dict[LotName, set[str]] = {}
        for tie in line.rows("ties"):
            if tie.since <= self.known and (tie.ended == 0 or tie.ended > self.known):
                ties.setdefault((tie.product, tie.key), set()).add(tie.other)
        self.bearing = {name: self._lots_bearing(ties, name) for name in ties}
        self.open = {name: lots for name, lots in self.bearing.items() if len(lots) > 1}
        self.rows = [
            self._row(m) for m in line.rows("movements")
            if m.amount and m.position <= self.known and (at is None or m.happened <= at)
            and (m.believed_to is None or m.believed_to > self.known or m.contested is not None)
        ]  # fmt: skip
        self.came = self._came()
        self.unknown = self._unknown()
        self.edges = self._edges()

    def told(self, seeds: set[LotName]) -> Told:
        """Answers for some lots."""
        ahead, back = self._reach(seeds, 0, 1), self._reach(seeds, 1, 0)
        holders, loose = {}, {}
        for lot, how in ahead.items():
            for merchant in {m for m, name in self._had() if name == lot}:
                holders[merchant, lot] = how
            for merchant in {who for who, _ in self.came}:
                where = self._loose_of(merchant, lot)
                if where is not None:
                    loose[merchant, lot] = where if how == "certain" else "possible"
        return Told(ahead, back, holders, loose)

    def spread(self, seeds: set[LotName], merchant: str, since: datetime | None) -> dict[Any, str]:
        """Answers what one merchant's contamination reached, in scope `position`."""
        start = since or datetime.min.replace(tzinfo=self.rows[0].earliest.tzinfo)
        times: dict[tuple[str, str, LotName], datetime] = {
            ("certain", merchant, lot): start for lot in seeds
        }
        while True:
            new = dict(times)
            for (how, where, lot), at in times.items():
                for target, name, earliest, latest, sure in self._ways(where, lot):
                    if latest >= at:
                        key = (how if sure else "possible", target, name)
                        then = max(at, earliest)
                        new[key] = min(then, new.get(key, then))
            if new == times:
                break
            times = new
        found = {(m, lot): how for how, m, lot in times if how == "possible"}
        return found | {(m, lot): how for how, m, lot in times if how == "certain"}

    def _row(self, m: Any) -> Row:
        wrong = timedelta(seconds=m.uncertainty_s)
        key = m.lot
        if m.kind == "made" and (key == "" or (m.product, key) in self.open):
            key = f"M:{m.original}/{m.leg}"
        return Row(
            m.original, m.leg, m.kind, m.merchant, m.counterparty, m.product, key, m.unit, m.amount,
            m.sign > 0, m.delivery, m.happened - wrong, m.happened + wrong,
            m.believed_to is None or m.believed_to > self.known,
        )  # fmt: skip

    def _lots_bearing(self, ties: dict[LotName, set[str]], name: LotName) -> set[str]:
        found = set()
        for other in ties[name]:
            deeper = (name[0], other)
            found |= self._lots_bearing(ties, deeper) if deeper in ties else {other}
        return found

    def _is_loose(self, row: Row) -> bool:
        return row.key == "" or (row.product, row.key) in self.open

    def _fits(self, row: Row, lot: LotName) -> bool:
        if row.product != lot[0]:
            return False
        return row.key == "" or lot[1] in self.open.get((row.product, row.key), set())

    def _sides(self, row: Row) -> tuple[str, str] | None:
        if row.other is None or row.kind not in ("goods-sold", "goods-received", "goods-returned"):
            return None
        return (row.other, row.merchant) if row.comes_in else (row.merchant, row.other)

    def _had(self) -> dict[tuple[str, LotName], datetime]:
        found: dict[tuple[str, LotName], datetime] = {}
        for row in self.rows:
            if self._is_loose(row):
                continue
            who = {row.merchant}
            sides = self._sides(row)
            if sides is not None and (not row.key.startswith("R:") or sides[0] == row.merchant):
                who.add(row.other or "")
            for merchant in who:
                name = merchant, (row.product, row.key)
                found[name] = min(row.earliest, found.get(name, row.earliest))
        return found

    def _loose_trades(self) -> list[Row]:
        found = []
        for row in self.rows:
            sides = self._sides(row)
            if sides is None or not self._is_loose(row) or sides[0] == sides[1]:
                continue
            own = named = 0
            for peer in self.rows:
                same = (peer.product, peer.unit, peer.delivery) == (
                    row.product,
                    row.unit,
                    row.delivery,
                )
                if not (row.delivery and same and self._sides(peer) == sides and peer.stands):
                    continue
                if peer.merchant == row.merchant:
                    own += peer.amount
                elif not self._is_loose(peer):
                    named += peer.amount
            own = own if any(r is row for r in self.rows if r.stands) else max(own, row.amount)
            if not (row.delivery and named >= max(own, 1)):
                found.append(row)
        return found

    def _came(self) -> dict[tuple[str, LotName], datetime]:
        came, trades = self._had(), self._loose_trades()
        while True:
            new = dict(came)
            for row in trades:
                giver, taker = self._sides(row) or ("", "")
                for (merchant, lot), at in came.items():
                    if merchant == giver and at <= row.latest and self._fits(row, lot):
                        name = taker, lot
                        new[name] = min(row.earliest, new.get(name, row.earliest))
            if new == came:
                return came
            came = new

    def _candidates(self, row: Row, merchant: str) -> set[LotName]:
        return {
            lot for (who, lot), at in self.came.items()
            if who == merchant and at <= row.latest and self._fits(row, lot)
        }  # fmt: skip

    def _unknown(self) -> dict[str, datetime]:
        unknown: dict[tuple[str, str], datetime] = {}

        def mark(merchant: str, product: str, at: datetime) -> None:
            unknown[merchant, product] = min(at, unknown.get((merchant, product), at))

        for row in self.rows:
            counted = row.kind == "stock-counted"
            if self._is_loose(row) and (row.comes_in or counted) and self._sides(row) is None:
                mark(row.merchant, row.product, row.earliest)
        while True:
            before = dict(unknown)
            for row in self._loose_trades():
                giver, taker = self._sides(row) or ("", "")
                doubtful = (giver, row.product) in unknown and unknown[
                    giver, row.product
                ] <= row.latest
                if doubtful or not self._candidates(row, giver):
                    mark(taker, row.product, row.earliest)
            if unknown == before:
                return unknown  # type: ignore[return-value]  # by merchant and product

    def _sure(self, row: Row, merchant: str, lots: set[LotName]) -> bool:
        at = self.unknown.get((merchant, row.product))  # type: ignore[call-overload]  # see above
        return len(lots) == 1 and (at is None or at > row.latest)

    def _edges(self) -> set[tuple[LotName, LotName, bool]]:
        found = set()
        for used in self.rows:
            if used.kind != "used-in":
                continue
            lots = {(used.product, used.key)}
            sure = True
            if self._is_loose(used):
                lots = self._candidates(used, used.merchant)
                sure = self._sure(used, used.merchant, lots)
            for made in self.rows:
                if made.entry == used.entry and made.kind == "made":
                    found |= {(lot, (made.product, made.key), sure) for lot in lots}
        for row in self.rows:
            sides = self._sides(row)
            if row.key.startswith("R:") and sides and row.comes_in and sides[0] != sides[1]:
                lots = self._given_to_delivery(row, sides[0])
                sure = self._sure(row, sides[0], lots)
                found |= {(lot, (row.product, row.key), sure) for lot in lots}
        return found

    def _given_to_delivery(self, row: Row, giver: str) -> set[LotName]:
        return {
            lot for (who, lot), at in self.came.items()
            if who == giver and lot[0] == row.product and at <= row.latest and lot[1] != row.key
        }  # fmt: skip

    def _reach(self, seeds: set[LotName], start: int, end: int) -> dict[LotName, str]:
        certain = set(seeds)
        while more := {e[end] for e in self.edges if e[2] and e[start] in certain} - certain:
            certain |= more
        every = set(certain)
        while more := {e[end] for e in self.edges if e[start] in every} - every:
            every |= more
        return dict.fromkeys(every, "possible") | dict.fromkeys(certain, "certain")

    def _loose_of(self, merchant: str, lot: LotName) -> str | None:
        if (merchant, lot) not in self.came or (merchant, lot) in self._had():
            return None
        others = {name for who, name in self.came if who == merchant and name[0] == lot[0]}
        sure = others == {lot} and (merchant, lot[0]) not in self.unknown
        return "certain" if sure else "possible"

    def _ways(
        self, where: str, lot: LotName
    ) -> list[tuple[str, LotName, datetime, datetime, bool]]:
        found = []
        for row in self.rows:
            sides, named = self._sides(row), not self._is_loose(row)
            goes = (row.product, row.key) == lot
            is_it = named and goes
            if goes and sides and sides[0] == where:
                found.append((sides[1], lot, row.earliest, row.latest, True))
            lots = self._candidates(row, where) if not named else set()
            if (
                not named
                and sides
                and sides[0] == where
                and lot in lots
                and row in self._loose_trades()
            ):
                found.append(
                    (sides[1], lot, row.earliest, row.latest, self._sure(row, where, lots))
                )
            if row.kind == "used-in" and row.merchant == where and (is_it or lot in lots):
                sure = is_it or self._sure(row, where, lots)
                for made in self.rows:
                    if made.entry == row.entry and made.kind == "made":
                        into = made.product, made.key
                        found.append((where, into, row.earliest, row.latest, sure))
            renamed = row.key.startswith("R:") and sides and sides[0] == where != row.merchant
            if renamed and row.comes_in:
                lots = self._given_to_delivery(row, where)
                if lot in lots:
                    into = row.product, row.key
                    sure = self._sure(row, where, lots)
                    found.append((row.merchant, into, row.earliest, row.latest, sure))
        return found
