"""Coverage: which purchases lack a paper, and which papers say too much or other goods."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

import msgspec

from ledger.events.reports import GoodsMoved
from ledger.projections.documents import ATTACHMENTS, PAPERS, PaperChanged, PaperRow
from ledger.projections.fold import Entry, Fold
from ledger.projections.goods import identify
from ledger.projections.movements import (
    MOVEMENTS,
    GoodsReport,
    Moved,
    Movement,
    Unmoved,
    legs_of,
)
from ledger.projections.pairs import PAIR_CELLS, PairCell, side_of
from ledger.projections.parties import MerchantKnown, merchant_of, names_of
from ledger.projections.products import (
    PRODUCTS,
    ConversionKnown,
    ShelfLifeKnown,
    base_of,
    family_of,
)
from ledger.projections.table import Key, Position, Rows, Table
from ledger.rules.paper_scope import covers_day, covers_lot, covers_supplier
from ledger.rules.required_papers import REQUIRED_PAPERS, required_on


class PaperNeed(msgspec.Struct):
    """A purchase whose category asks for a paper; `state` is `covered`, `missing` or `expired`."""

    stream: str
    number: Position
    kind: str
    merchant: str
    premises: str
    product: str
    lot: str
    supplier: str | None
    business_date: date
    original: Position
    state: str


class PaperScope(msgspec.Struct):
    """Papers under what they speak of: a GTIN, or `supplier:ID` of those that name none."""

    scope: str
    papers: tuple[str, ...]


class PaperQuota(msgspec.Struct):
    """How much of a seller's product a paper covers, in thousandths of the unit it adds up in."""

    seller: str
    product: str
    paper: Position
    unit: str
    amount: int


class QuotaMark(msgspec.Struct):
    """Says that papers bound how much of a seller's product may go out."""

    seller: str
    product: str
    papers: Position


PAPER_NEEDS = Table(
    "paper_needs", PaperNeed, ("stream", "number", "kind"), ("(product)", "(supplier)")
)
PAPER_SCOPES = Table("paper_scopes", PaperScope, ("scope",))
PAPER_QUOTAS = Table("paper_quotas", PaperQuota, ("seller", "product", "paper"), ("(paper)",))
QUOTA_MARKS = Table("quota_marks", QuotaMark, ("seller", "product"))


class PaperTrouble(NamedTuple):
    """Signal: whether something is wrong with a paper, or for want of one."""

    kind: str
    subject: tuple[str, ...]
    wanted: bool
    about: object
    detail: str = ""


class Tested(NamedTuple):
    """What a test was about, as its report names it: from there somebody traces it."""

    merchant: str
    product: str | None
    lot: str | None


class Coverage:
    """Papers held against the goods they came with, whichever is reported first."""

    name = "coverage"
    tables = (PAPER_NEEDS, PAPER_SCOPES, PAPER_QUOTAS, QUOTA_MARKS)

    def keys(self, entry: Entry, rows: Rows) -> Iterable[tuple[Table, Key]]:
        """Whether papers bound what the goods in this entry's trade may be."""
        if isinstance(entry.event, GoodsReport):
            for leg in legs_of(entry, entry.event):
                if (side := side_of(leg)) is not None:
                    yield QUOTA_MARKS, (side.seller, leg.product)

    def fold(self, fold: Fold) -> None:
        """Takes in papers, purchases, and categories as they are learned."""
        quotas: set[tuple[str, str]] = set()
        for signal in list(fold.signals):
            match signal:
                case Moved(movement):
                    _need(fold, movement)
                    _attached(fold, movement)
                    quotas |= _bounded(fold, movement)
                case Unmoved(movement):
                    _need_no_more(fold, movement)
                    _attached(fold, movement)
                    quotas |= _bounded(fold, movement)
                case ShelfLifeKnown(gtin):
                    _categorized(fold, gtin)
                case ConversionKnown():
                    quotas |= _converted(fold, signal)
                case MerchantKnown():
                    quotas |= _renamed(fold, signal)
                case PaperChanged(paper):
                    _scope(fold, paper)
                    quotas |= _quota(fold, paper)
        for seller, product in sorted(quotas):
            _weigh(fold, seller, product)


def _category_bought(fold: Fold, movement: Movement) -> str:
    """Returns the category of goods bought; empty for what is no purchase, or of none stated."""
    if movement.kind != "goods-received":
        return ""
    product = fold.rows.get(PRODUCTS, movement.product)
    return product.category or "" if product is not None else ""


def _need(fold: Fold, movement: Movement) -> None:
    category = _category_bought(fold, movement)
    for kind in required_on(category, movement.business_date):
        need = PaperNeed(
            movement.stream, movement.number, kind, movement.merchant, movement.premises,
            movement.product, movement.lot, movement.counterparty, movement.business_date,
            movement.original, "covered",
        )  # fmt: skip
        _settle(fold, need)


def _need_no_more(fold: Fold, movement: Movement) -> None:
    for required in REQUIRED_PAPERS.get(_category_bought(fold, movement), ()):
        need = fold.rows.get(PAPER_NEEDS, movement.stream, movement.number, required.kind)
        if need is not None:
            fold.rows.drop(PAPER_NEEDS, need)
            _tell(fold, need, "covered")


def _categorized(fold: Fold, gtin: str) -> None:
    """A product's category was stated: its purchases before may need papers, or no more."""
    base = base_of(fold.rows, gtin)[0]
    for need in fold.rows.select(PAPER_NEEDS, {"product": base}):
        fold.rows.drop(PAPER_NEEDS, need)
        _tell(fold, need, "covered")
    product = fold.rows.get(PRODUCTS, base)
    if product is not None and product.category in REQUIRED_PAPERS:
        same = {"product": base, "kind": "goods-received", "believed_to": None}
        for movement in fold.rows.select(MOVEMENTS, same):
            _need(fold, movement)


def _settle(fold: Fold, need: PaperNeed) -> None:
    """Works out whether a purchase is covered, and says when that changed."""
    fits = [paper for paper in _papers_of(fold, need) if _fits(fold, paper, need)]
    if any(_is_valid(paper, need.business_date) for paper in fits):
        need.state = "covered"
    else:
        need.state = "expired" if fits else "missing"
    fold.rows.put(PAPER_NEEDS, need)
    # A purchase that has just come in has no alert to close; looking would cost each a read.
    is_new = (need.stream, need.number) == (fold.entry.stream, fold.entry.number)
    if not is_new:
        _tell(fold, need, need.state)
    elif need.state != "covered":
        subject = (need.stream, str(need.number), need.kind)
        trouble = PaperTrouble(f"paper-{need.state}", subject, True, need, need.kind)
        fold.signals.append(trouble)


def _tell(fold: Fold, need: PaperNeed, state: str) -> None:
    subject = (need.stream, str(need.number), need.kind)
    for name, kind in (("missing", "paper-missing"), ("expired", "paper-expired")):
        fold.signals.append(PaperTrouble(kind, subject, state == name, need, need.kind))


def _papers_of(fold: Fold, need: PaperNeed) -> list[PaperRow]:
    scopes = family_of(fold.rows, need.product)
    if need.supplier is not None:
        scopes += [f"supplier:{name}" for name in names_of(fold.rows, need.supplier)]
    places = [position for name in scopes for position in _papers_under(fold, name)]
    return [fold.rows.get(PAPERS, position) for position in dict.fromkeys(places)]


def _papers_under(fold: Fold, name: str) -> list[int]:
    row = fold.rows.get(PAPER_SCOPES, name)
    return [int(position) for position in row.papers] if row is not None else []


def _fits(fold: Fold, paper: PaperRow, need: PaperNeed) -> bool:
    supplier = merchant_of(fold.rows, paper.supplier) if paper.supplier is not None else None
    fits = covers_lot(paper.lots, need.lot) and covers_supplier(supplier, need.supplier)
    return paper.kind == need.kind and fits


def _is_valid(paper: PaperRow, day: date) -> bool:
    return covers_day(paper.kind, paper.valid_from, paper.valid_until, day)


def _scope(fold: Fold, paper: PaperRow) -> None:
    """Keeps a paper under what it speaks of; purchases it may cover are looked at again."""
    scopes = paper.gtins or ((f"supplier:{paper.supplier}",) if paper.supplier else ())
    for name in scopes:
        papers = set(_papers_under(fold, name)) - {paper.position}
        papers |= {paper.position} if paper.believed_to is None else set()
        row = PaperScope(name, tuple(map(str, sorted(papers))))
        (fold.rows.put if papers else fold.rows.drop)(PAPER_SCOPES, row)
        same = {"product": base_of(fold.rows, name)[0]}
        if name.startswith("supplier:"):
            same = {"supplier": merchant_of(fold.rows, paper.supplier or "")}
        for need in fold.rows.select(PAPER_NEEDS, same):
            if need.kind == paper.kind:
                _settle(fold, need)
    _same_number(fold, paper)
    if paper.result == "failed":
        subject = paper.stream, str(paper.number_on_tape)
        failed = paper.believed_to is None
        about = Tested(paper.merchant, next(iter(paper.gtins), None), _first_lot(paper))
        fold.signals.append(PaperTrouble("test-failed", subject, failed, about, paper.number))
    for attachment in fold.rows.select(ATTACHMENTS, {"digest": paper.digest}):
        _hold_against(fold, attachment.stream, attachment.number, [paper.digest])


def _first_lot(paper: PaperRow) -> str | None:
    return f"L:{paper.lots[0]}" if paper.lots else None


def _same_number(fold: Fold, paper: PaperRow) -> None:
    """One number of one issuer has one picture; two are the commonest fraud there is."""
    same = {"number": paper.number, "kind": paper.kind, "issuer": paper.issuer, "believed_to": None}
    pictures = {other.digest for other in fold.rows.select(PAPERS, same)}
    subject = (paper.kind, paper.issuer, paper.number)
    trouble = PaperTrouble("paper-number-twice", subject, len(pictures) > 1, paper, paper.number)
    fold.signals.append(trouble)


def _attached(fold: Fold, movement: Movement) -> None:
    """Holds the papers an entry came with against its goods, as they are known now."""
    entry = fold.entry
    if movement.position != movement.original or movement.believed_to is not None:
        same = {"stream": movement.stream, "number": movement.number}
        digests = [a.digest for a in fold.rows.select(ATTACHMENTS, same)]
    else:
        event = entry.event
        digests = list(event.documents) if isinstance(event, GoodsMoved) else []
    if digests:
        _hold_against(fold, movement.stream, movement.number, digests)


def _hold_against(fold: Fold, stream: str, number: int, digests: Sequence[str]) -> None:
    same = {"stream": stream, "number": number, "believed_to": None}
    goods = fold.rows.select(MOVEMENTS, same)
    for digest in digests:
        papers = fold.rows.select(PAPERS, {"digest": digest, "believed_to": None})
        other = bool(papers) and any(not _speaks_of(fold, papers, one) for one in goods)
        about = goods[0] if goods else None
        subject = (stream, str(number), digest)
        fold.signals.append(PaperTrouble("paper-of-other-goods", subject, other, about))


def _speaks_of(fold: Fold, papers: Sequence[PaperRow], goods: Movement) -> bool:
    """Tells whether any of the papers of one picture can be of these goods."""
    family = {goods.read_product, *family_of(fold.rows, goods.product)}
    return any(
        (not paper.gtins or family & set(paper.gtins))
        and (not goods.lot.startswith("L:") or covers_lot(paper.lots, goods.lot))
        for paper in papers
    )


def _quota(fold: Fold, paper: PaperRow) -> set[tuple[str, str]]:
    """Keeps how much a paper covers of each product it names, as the register knows them now."""
    touched: set[tuple[str, str]] = set()
    for row in fold.rows.select(PAPER_QUOTAS, {"paper": paper.position}):
        fold.rows.drop(PAPER_QUOTAS, row)
        _mark(fold, row, -1)
        subject = (str(paper.position), row.product)
        fold.signals.append(PaperTrouble("sold-beyond-paper", subject, False, paper))
        touched.add((row.seller, row.product))
    if paper.covers_unit is None or paper.covers is None or paper.believed_to is not None:
        return touched
    for gtin in paper.gtins:
        product, _, unit, amount = identify(fold.rows, gtin, "", paper.covers_unit, paper.covers)
        seller = merchant_of(fold.rows, paper.supplier or paper.merchant)
        row = PaperQuota(seller, product, paper.position, unit, amount)
        if fold.rows.get(PAPER_QUOTAS, *PAPER_QUOTAS.key_of(row)) is None:
            # A paper may name a case and its single: they are one product, covered once.
            _mark(fold, row, 1)
            fold.rows.put(PAPER_QUOTAS, row)
        touched.add((row.seller, product))
    return touched


def _mark(fold: Fold, quota: PaperQuota, count: int) -> None:
    key = quota.seller, quota.product
    mark = fold.rows.get(QUOTA_MARKS, *key) or QuotaMark(*key, Position(0))
    mark.papers = Position(mark.papers + count)
    (fold.rows.put if mark.papers else fold.rows.drop)(QUOTA_MARKS, mark)


def _converted(fold: Fold, known: ConversionKnown) -> set[tuple[str, str]]:
    """A case is known as another product: papers that name it speak of that from now on."""
    quotas: set[tuple[str, str]] = set()
    bases = dict.fromkeys([known.former_base, base_of(fold.rows, known.gtin)[0]])
    for base in bases:
        for need in fold.rows.select(PAPER_NEEDS, {"product": base}):
            _settle(fold, need)
    names = {gtin for base in bases for gtin in family_of(fold.rows, base)} | {known.gtin}
    for name in sorted(names):
        for position in _papers_under(fold, name):
            paper = fold.rows.get(PAPERS, position)
            quotas |= _quota(fold, paper)
            for attachment in fold.rows.select(ATTACHMENTS, {"digest": paper.digest}):
                _hold_against(fold, attachment.stream, attachment.number, [paper.digest])
    return quotas


def _renamed(fold: Fold, known: MerchantKnown) -> set[tuple[str, str]]:
    """Papers of a merchant that is known as another one serve that one's goods from now on."""
    quotas: set[tuple[str, str]] = set()
    for merchant in dict.fromkeys([known.former, merchant_of(fold.rows, known.names[0])]):
        for need in fold.rows.select(PAPER_NEEDS, {"supplier": merchant}):
            _settle(fold, need)
    for quota in fold.rows.select(PAPER_QUOTAS, {"seller": known.former}):
        quotas |= _quota(fold, fold.rows.get(PAPERS, quota.paper))
    return quotas


def _bounded(fold: Fold, movement: Movement) -> set[tuple[str, str]]:
    side = side_of(movement)
    if side is None:
        return set()
    mark = fold.rows.get(QUOTA_MARKS, side.seller, movement.product)
    return {(side.seller, movement.product)} if mark is not None and mark.papers else set()


def _weigh(fold: Fold, seller: str, product: str) -> None:
    """Holds what went out of a seller's product against what each paper covers of it.

    What seller and buyer report of one delivery is one: the larger counts.
    """
    same = {"seller": seller, "product": product}
    cells = fold.rows.select(PAIR_CELLS, same)
    for quota in fold.rows.select(PAPER_QUOTAS, same):
        paper = fold.rows.get(PAPERS, quota.paper)
        covered = [
            cell for cell in cells
            if cell.unit == quota.unit
            and covers_lot(paper.lots, cell.lot)
            and (paper.lots or _is_valid(paper, cell.day))
        ]  # fmt: skip
        out = _went_out(covered)
        subject = (str(paper.position), product)
        trouble = PaperTrouble(
            "sold-beyond-paper", subject, out > quota.amount, paper, paper.number
        )
        fold.signals.append(trouble)


def _went_out(cells: Sequence[PairCell]) -> int:
    """Returns how much went out: of each delivery of a lot what the side says that says more."""
    sides: dict[Key, list[int]] = {}
    for cell in cells:
        told = sides.setdefault((cell.buyer, cell.delivery, cell.lot), [0, 0])
        told[0] += cell.sold
        told[1] += cell.received
    return sum(max(told) for told in sides.values())
