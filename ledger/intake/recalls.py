"""The recall desk: decides what is asked of holds, recalls and their holders, and records it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ledger.events.cases import ProductRegistered
from ledger.events.holds import StoppedGoods
from ledger.events.recalls import RecallDrafted
from ledger.journal.cases import Cases
from ledger.rules.holds import (
    EndHold,
    ExtendHold,
    HoldCase,
    HoldRequest,
    PlaceHold,
    ReleaseHold,
    TurnIntoRecall,
    decide_hold,
    evolve_hold,
)
from ledger.rules.recall_holders import (
    AcknowledgeRecall,
    AnswerRecall,
    CallHolder,
    CheckHolder,
    DrawChecks,
    HandOverRecall,
    HolderCase,
    HolderRequest,
    StateWorkingDays,
    YearCase,
    decide_holder,
    decide_year,
    evolve_holder,
    evolve_year,
    subject_of_holder,
)
from ledger.rules.recalls import (
    CheckRecall,
    CloseRecall,
    DraftRecall,
    NarrowRecall,
    PassRecallDeadline,
    PublishRecall,
    RecallCase,
    RecallRequest,
    WidenRecall,
    WithdrawRecall,
    decide_recall,
    evolve_recall,
)
from ledger.rules.refusal import Refusal
from ledger.rules.register import ProductCase, evolve_product, single_of
from ledger.rules.stops import covers_all
from ledger.values.gtin import Gtin

# Of a recall of more products than this nobody looks up what each is a pack of.
PRODUCTS_MAX = 200
DeskRequest = HoldRequest | RecallRequest | HolderRequest | StateWorkingDays


class RecallDesk:
    """Takes requests one at a time; the same request twice changes nothing."""

    def __init__(self, cases: Cases, now: Callable[[], datetime]) -> None:
        self._cases = cases
        self._now = now

    def take(self, request: DeskRequest) -> Refusal | None:
        """Decides and records a request. Returns None when granted, else why not.

        Raises `Conflict` when others kept changing the case.
        """
        if (wrong := _wrong_code(request)) is not None:
            return wrong
        match request:
            case PlaceHold() | ExtendHold() | ReleaseHold() | EndHold() | TurnIntoRecall():
                return self._hold(request)
            case DraftRecall(entry=entry):
                return self._missing_hold(entry) or self._recall(entry.recall, request)
            case PublishRecall():
                return self._publish(request)
            case PassRecallDeadline():
                return self._recall(request.recall, request)
            case (
                CheckRecall() | WidenRecall() | NarrowRecall() | WithdrawRecall() | CloseRecall()
            ):  # fmt: skip
                return self._recall(request.entry.recall, request)
            case StateWorkingDays(entry=year):
                return self._record("working-days", str(year.year), YearCase(year.year),
                                    evolve_year, lambda case: decide_year(case, year))  # fmt: skip
            case (
                AcknowledgeRecall() | AnswerRecall() | CallHolder() | CheckHolder()
                | DrawChecks() | HandOverRecall()
            ):  # fmt: skip
                recall = self._load(request.entry.recall)
                if isinstance(request, AnswerRecall) and (
                    other := self._other_product(request, recall)
                ):
                    return other
                subject = subject_of_holder(request)
                return self._record("recall-holder", subject, HolderCase(subject), evolve_holder,
                                    lambda case: decide_holder(case, request, recall))  # fmt: skip

    def _hold(
        self, request: PlaceHold | ExtendHold | ReleaseHold | EndHold | TurnIntoRecall
    ) -> Refusal | None:
        return self._record("hold", request.hold, HoldCase(request.hold), evolve_hold,
                            lambda case: decide_hold(case, request, now=self._now()))  # fmt: skip

    def _recall(self, recall: str, request: RecallRequest) -> Refusal | None:
        return self._record("recall", recall, RecallCase(recall), evolve_recall,
                            lambda case: decide_recall(case, request, now=self._now()))  # fmt: skip

    def _publish(self, request: PublishRecall) -> Refusal | None:
        """Publishes, then ends the hold it came from; asked again it does what is left."""
        if (refusal := self._recall(request.recall, request)) is not None:
            return refusal
        case = self._load(request.recall)
        if case.drafted is None or case.drafted.hold is None:
            return None
        hold = self._cases.load("hold", case.drafted.hold, HoldCase(case.drafted.hold), evolve_hold)
        if hold.placed is None or not covers_all(case.goods, hold.placed.goods):
            # What the recall does not name, or was withdrawn meanwhile, stays held: to be decided on.
            return None
        return self._hold(TurnIntoRecall(hold=hold.hold, recall=request.recall, by=request.by))

    def _other_product(self, request: AnswerRecall, recall: RecallCase) -> Refusal | None:
        """Returns why an answer is none to this recall: of goods that it never named, in packs or singles."""
        named = {product for product, _ in recall.named}
        if recall.published is None or None in named or len(named) > PRODUCTS_MAX:
            return None
        others = dict.fromkeys(
            said.product for said in request.entry.lines if said.product not in named
        )
        if not others:
            return None
        recalled = {self._base(product) for product in named if product}
        for product in others:
            if self._base(product) not in recalled:
                advice = f"{recall.recall} does not recall {product}: answer for its own goods."
                return Refusal("answer-other-goods", advice)
        return None

    def _base(self, product: str) -> str:
        return single_of(product, self._registered)

    def _registered(self, gtin: str) -> ProductRegistered | None:
        case: ProductCase = self._cases.load("product", gtin, ProductCase(gtin), evolve_product)
        return case.registered

    def _missing_hold(self, entry: RecallDrafted) -> Refusal | None:
        if entry.hold is None:
            return None
        hold = self._cases.load("hold", entry.hold, HoldCase(entry.hold), evolve_hold)
        if hold.placed is None:
            return Refusal("hold-unknown", f"No hold is called {entry.hold}: suyuan hold list.")
        return None

    def _load(self, recall: str) -> RecallCase:
        return self._cases.load("recall", recall, RecallCase(recall), evolve_recall)

    def _record(
        self, kind: str, subject: str, empty: Any, evolve: Any, decide: Callable[[Any], Any]
    ) -> Refusal | None:
        return self._cases.handle(kind, subject, empty, evolve, decide=decide)


def _wrong_code(request: DeskRequest) -> Refusal | None:
    """A wrong digit would stop nothing, or somebody else's goods."""
    said = getattr(request, "entry", request)
    for line in getattr(said, "goods", ()):
        if isinstance(line, StoppedGoods) and line.product and line.product.isdigit():
            try:
                Gtin(line.product)
            except ValueError as error:
                return Refusal("gtin-invalid", str(error))
    return None
