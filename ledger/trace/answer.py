"""Answers: who has or had what was reached, and what each took in, gave out and has left."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from ledger.trace.closure import Graph, closure
from ledger.trace.estimate import Estimate, estimate
from ledger.trace.question import How, LotName, Question
from ledger.trace.rows import TraceRow, TraceRows, is_made_here
from ledger.trace.spread import Spot, lots_in, spread

# What a row adds to on its holder's line; returns go by their direction, counts add to nothing.
COLUMN_OF = {
    "goods-received": "taken_in",
    "made": "made",
    "goods-sold": "sold",
    "day-sales": "sold",
    "goods-used": "used",
    "used-in": "used",
    "goods-disposed": "disposed",
}


class Sums(NamedTuple):
    """What a holder's rows add up to, in thousandths of the unit."""

    taken_in: int = 0
    made: int = 0
    sold: int = 0
    sent_back: int = 0
    used: int = 0
    disposed: int = 0


class Left(NamedTuple):
    """What is there at least and at most, in thousandths."""

    at_least: int
    at_most: int


class Shelved(NamedTuple):
    """A lot on a shelf, in the unit it adds up in."""

    merchant: str
    premises: str
    lot: LotName
    unit: str


class TraceStock(Protocol):
    """Where a trace reads what is left."""

    def left(self, shelved: Iterable[Shelved]) -> Mapping[Shelved, Left]:
        """Returns what is there of each at the rows' moment; nothing of what never was."""
        ...


class Holder(NamedTuple):
    """Who has or had a lot; or may have it among goods that say no lot, under their key.

    One known by another's word alone has `told`, what the others say it got less what it gave back
    to them, and neither premises nor sums of its own.
    """

    merchant: str
    premises: str | None
    lot: LotName
    unit: str
    how: How
    sums: Sums
    told: int | None
    left: Left | None


class Worst(NamedTuple):
    """What there can be of the reached lots of a product if each counts whole, in thousandths."""

    product: str
    unit: str
    left_at_most: int
    to_consumers: int


class Trace(NamedTuple):
    """What was found: the lots ahead and behind with how they are reached, and who holds those ahead.

    In scope `position` only the places that the contamination may have come to are held.
    """

    question: Question
    position: int
    ahead: Mapping[LotName, How]
    back: Mapping[LotName, How]
    holders: list[Holder]
    worst: list[Worst]
    estimate: Estimate | None


def trace(rows: TraceRows, stock: TraceStock, question: Question) -> Trace:
    """Answers a question from the rows and the stock of its moment."""
    graph = Graph(rows)
    back = closure(question.lots, graph.backwards, forwards=False)
    places: Mapping[Spot, How] | None = None
    if question.origin is None:
        ahead: Mapping[LotName, How] = closure(question.lots, graph.forwards, forwards=True)
    else:
        places = spread(graph, question.lots, question.origin)
        sure = lots_in(place for place, how in places.items() if how == "certain")
        ahead = {lot: "certain" if lot in sure else "possible" for lot in lots_in(places)}
    named = rows.naming(ahead)
    holders = [*_named(named, stock, ahead), *_loose(graph, stock, ahead)]
    if places is not None:
        holders = [h for holder in holders for h in _at_places(holder, places)]
    # What one merchant spread has no share of its own: the lots are not wholly meant.
    shares = estimate(named, question.lots) if places is None else None
    gone = to_consumers(named) if places is None else {}
    return Trace(
        question, rows.moment.position or 0, ahead, back, sorted(holders, key=order_of),
        worst_of(rows, holders, gone), shares,
    )  # fmt: skip


def to_consumers(rows: Iterable[TraceRow]) -> dict[tuple[str, str], int]:
    """Adds up what consumers got, by product and unit."""
    gone: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        if _is_consumed(row):
            gone[row.product, row.unit] += row.amount
    return gone


def _is_consumed(row: TraceRow) -> bool:
    consumed = row.taker is None and row.card is None
    return row.kind in ("goods-sold", "day-sales") and consumed and row.believed


def worst_of(
    rows: TraceRows, holders: Sequence[Holder], named: Mapping[tuple[str, str], int]
) -> list[Worst]:
    """Adds up what may be left anywhere, and what consumers got, of every reached lot.

    `named` is what they got by its label. What a holder sold them without its lot may have been of
    these, as far as it had more of them than it is known to have given out.
    """
    gone: dict[tuple[str, str], int] = defaultdict(int, named)
    for key, amount in _unlabelled(rows, holders).items():
        gone[key] += amount
    left: dict[tuple[str, str], int] = defaultdict(int)
    for holder in holders:
        most = holder.left.at_most if holder.left is not None else holder.told or 0
        left[holder.lot.product, holder.unit] += max(0, most)
    wanted = left.keys() | {key for key, amount in gone.items() if amount}
    return [Worst(*key, left.get(key, 0), gone.get(key, 0)) for key in sorted(wanted)]


def _unlabelled(rows: TraceRows, holders: Sequence[Holder]) -> dict[tuple[str, str], int]:
    """Returns what holders may have sold to consumers of the reached lots without saying so."""
    unsaid: dict[tuple[str, str, str], int] = defaultdict(int)
    for holder in holders:
        sums = holder.sums
        went = sums.sold + sums.sent_back + sums.used + sums.disposed
        there = holder.left.at_least if holder.left is not None else 0
        if holder.lot.key != "":
            open_ = sums.taken_in + sums.made - went - there
            unsaid[holder.lot.product, holder.merchant, holder.unit] += max(0, open_)
        else:
            # Of what came without a lot, all that went to consumers may be meant.
            unsaid[holder.lot.product, holder.merchant, holder.unit] += sums.sold
    found: dict[tuple[str, str], int] = defaultdict(int)
    for product in {product for product, _, _ in unsaid}:
        merchants = {merchant for of, merchant, _ in unsaid if of == product}
        sold: dict[tuple[str, str], int] = defaultdict(int)
        for row in rows.loose_rows(product, merchants):
            if _is_consumed(row):
                sold[row.merchant, row.unit] += row.amount
        for (merchant, unit), amount in sold.items():
            found[product, unit] += min(amount, unsaid[product, merchant, unit])
    return found


def _at_places(holder: Holder, places: Mapping[Spot, How]) -> Iterable[Holder]:
    """Returns a holder that contamination may have come to; loose goods as any lot at that merchant."""
    found = [
        how for place, how in places.items()
        if place.merchant == holder.merchant
        and (place.lot == holder.lot or (_is_loose(holder) and place.lot.product == holder.lot.product))
    ]  # fmt: skip
    if found:
        sure = "certain" in found and (not _is_loose(holder) or holder.how == "certain")
        yield holder._replace(how="certain" if sure else "possible")


def _is_loose(holder: Holder) -> bool:
    return holder.lot.key == "" or holder.lot.key[:2] in ("D:", "E:")


def order_of(holder: Holder) -> tuple[str, ...]:
    """Returns a holder's place in a list: the certain first, then by lot and merchant."""
    return holder.how, *holder.lot, holder.merchant, holder.premises or "", holder.unit


def _named(
    rows: Iterable[TraceRow], stock: TraceStock, ahead: Mapping[LotName, How]
) -> list[Holder]:
    """Returns who has had the lots: by their own rows, else by another's word."""
    own: dict[Shelved, list[TraceRow]] = defaultdict(list)
    told: dict[tuple[str, LotName, str], int] = defaultdict(int)
    for row in rows:
        lot = LotName(row.product, row.lot)
        own[Shelved(row.merchant, row.premises, lot, row.unit)].append(row)
        if row.passes_name and row.counterparty is not None:
            amount = row.amount if row.taker == row.counterparty else -row.amount
            told[row.counterparty, lot, row.unit] += amount if row.believed else 0
    left = _left(stock, own)
    holders = [
        Holder(s.merchant, s.premises, s.lot, s.unit, ahead[s.lot], _sums(of), None, left.get(s))
        for s, of in own.items()
    ]
    known = {(s.merchant, s.lot) for s in own}
    holders += [
        Holder(merchant, None, lot, unit, ahead[lot], Sums(), amount, None)
        for (merchant, lot, unit), amount in told.items() if (merchant, lot) not in known
    ]  # fmt: skip
    return holders


def _left(stock: TraceStock, own: Mapping[Shelved, Sequence[TraceRow]]) -> Mapping[Shelved, Left]:
    """Returns what is left; of what was made without a lot, at most what is there without one."""
    unlabelled = {s: s._replace(lot=LotName(s.lot.product, "")) for s in own if is_made_here(s.lot)}
    found = stock.left([*(s for s in own if s not in unlabelled), *unlabelled.values()])
    made = {
        s: Left(0, min(_sums(own[s]).made, found.get(plain, Left(0, 0)).at_most))
        for s, plain in unlabelled.items()
    }
    return {**found, **made}


def _loose(graph: Graph, stock: TraceStock, ahead: Mapping[LotName, How]) -> list[Holder]:
    """Returns in whose loose goods the lots may be that it never had by their label."""
    reached: dict[str, dict[str, How]] = defaultdict(dict)
    for lot, how in ahead.items():
        for merchant, sure in graph.loose(lot.product).holders(lot.key).items():
            certain = sure and how == "certain"
            if certain or merchant not in reached[lot.product]:
                reached[lot.product][merchant] = "certain" if certain else "possible"
    held: dict[Shelved, list[TraceRow]] = defaultdict(list)
    for product, merchants in reached.items():
        for row in graph.rows.loose_rows(product, merchants):
            held[Shelved(row.merchant, row.premises, LotName(product, row.lot), row.unit)].append(
                row
            )
    left = stock.left(held)
    own = {(s.merchant, s.lot.product) for s in held}
    # Who says nothing itself is known by what the givers say.
    silent = [
        Holder(merchant, None, LotName(product, ""), unit, how, Sums(), amount, None)
        for product, merchants in reached.items()
        for merchant, how in merchants.items() if (merchant, product) not in own
        for unit, amount in graph.loose(product).told(merchant).items()
    ]  # fmt: skip
    return silent + [
        Holder(s.merchant, s.premises, s.lot, s.unit, reached[s.lot.product][s.merchant], _sums(of),
               None, left.get(s))
        for s, of in held.items()
    ]  # fmt: skip


def _sums(rows: Iterable[TraceRow]) -> Sums:
    """Adds up rows that are believed; one corrected after all makes a holder and no amount."""
    added: dict[str, int] = defaultdict(int)
    for row in rows:
        column = COLUMN_OF.get(row.kind, "")
        if row.kind == "goods-returned":
            column = "taken_in" if row.sign > 0 else "sent_back"
        if column and row.believed:
            added[column] += row.amount
    return Sums(**added)
