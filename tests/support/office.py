"""An officer's desk over a record in memory, whose decisions any line can take in."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from eventsourcing.popo import POPOApplicationRecorder

from ledger.events.base import Event
from ledger.events.cases import ProductRegistered
from ledger.events.recalls import AnswerLine, RecallAnswered, RecallChecked
from ledger.intake.deadlines import DeadlineKeeper
from ledger.intake.recalls import RecallDesk
from ledger.journal.cases import Cases
from ledger.rules.holds import HoldCase, PlaceHold, evolve_hold
from ledger.rules.recalls import (
    CheckRecall,
    DraftRecall,
    PublishRecall,
    RecallCase,
    digest_of,
    evolve_recall,
)
from ledger.rules.register import ProductCase, decide_product, evolve_product
from ledger.values.ids import stream_of_case
from ledger.values.quantity import Unit
from tests.support.line import Line
from tests.support.make import MILK, NOON, days, drafted, stopped_goods


class Office:
    """The desk, with a clock that tests move."""

    def __init__(self) -> None:
        self.now = NOON
        self.cases = Cases(POPOApplicationRecorder())
        self.desk = RecallDesk(self.cases, lambda: self.now)
        self._taken = 0

    def ask(self, request: Any) -> str:
        """Returns the refusal's code, empty when granted."""
        refusal = self.desk.take(request)
        return "" if refusal is None else refusal.code

    def hold(self, until: datetime | None = None, **fields: Any) -> str:
        common: dict[str, Any] = {
            "hold": "h-1", "goods": (stopped_goods(lot="A"),), "authority": "Office",
            "reason": "test", "until": until or NOON + days(7), "by": "officer-1",
        }  # fmt: skip
        return self.ask(PlaceHold(**(common | fields)))

    def check(self, by: str = "officer-2", *, approved: bool = True) -> str:
        """Checks the draft as it is now."""
        now = self.recall().drafted
        read = digest_of(now) if now is not None else "00" * 32
        said = RecallChecked(recall="r-1", approved=approved, by=by, draft_digest=read)
        return self.ask(CheckRecall(said))

    def publish(self) -> str:
        return self.ask(PublishRecall(recall="r-1", notice="请勿食用", by="officer-1"))

    def published(self, **fields: Any) -> "Office":
        """Publishes a recall of lot A of milk, or what is said instead."""
        goods = fields.pop("goods", (stopped_goods(lot="A"),))
        assert self.ask(DraftRecall(drafted(*goods, **fields))) == ""
        assert self.check() == ""
        assert self.publish() == ""
        return self

    def register(self, line: Line, *products: ProductRegistered) -> None:
        """Puts products into the register, which a line takes in as well."""
        for one in products:

            def decided(case: ProductCase, one: ProductRegistered = one) -> Any:
                return decide_product(case, one)

            self.cases.handle(
                "product", one.gtin, ProductCase(one.gtin), evolve_product, decide=decided
            )
        self.tell(line)

    def recall(self) -> RecallCase:
        return self.cases.load("recall", "r-1", RecallCase("r-1"), evolve_recall)

    def stage_of_hold(self) -> str:
        return self.cases.load("hold", "h-1", HoldCase("h-1"), evolve_hold).stage

    def events(self, kind: str, subject: str) -> list[Event]:
        found = self.cases.events.get(stream_of_case(kind, subject))
        return [item.event for item in found]  # type: ignore[attr-defined]  # a CaseEvent

    def told(self) -> list[tuple[int, Event]]:
        """Returns everything that was recorded."""
        found = self.cases.recorder.select_notifications(1, 1000)
        return [(one.id, self.cases.mapper.to_domain_event(one).event) for one in found]

    def keeper(self) -> DeadlineKeeper:
        """A keeper of deadlines that has read all that was recorded."""
        keeper = DeadlineKeeper(self.desk.take, lambda: self.now)
        for position, event in self.told():
            keeper.take(position, event)
        return keeper

    def tell(self, line: Line) -> None:
        """Lets a line record what was decided since the last time."""
        for position, event in self.told():
            if position > self._taken:
                line.case("any", "any", event)
                self._taken = position


def answered(merchant: str, **amounts: Any) -> RecallAnswered:
    """What a holder says of lot A; nothing found where no amount is given."""
    said = {name: Decimal(amount) for name, amount in amounts.items()}
    line = AnswerLine(product=MILK, unit=Unit.PIECE, lot="A", **said)
    lines = (line,) if amounts else ()
    return RecallAnswered(recall="r-1", merchant=merchant, by=merchant, lines=lines)
