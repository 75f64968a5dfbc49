"""What a simulated trade is made up with: the dice, the numbers, the reports so far, the truth."""

import random
from datetime import date, datetime, time, timedelta
from typing import Any

from ledger.events.base import Event
from suyuan.participants import ZONE, Action, LotTruth, Merchant
from suyuan.truth import Truth


class Making:
    """The desk at which a trade is made up; the same seed makes the same trade."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.actions: list[Action] = []
        self.truth = Truth()
        self._sessions = 0
        self._deliveries = 0

    def put(  # one call states one report
        self,
        day: date,
        hour: float,
        merchant: Merchant,
        kind: type[Event],
        session: str,
        /,
        *,
        label: LotTruth | None = None,
        corrects: Action | None = None,
        by_voucher: bool = False,
        **fields: Any,
    ) -> Action:
        """Adds a report of a merchant at an hour of a day."""
        base = datetime.combine(day, time(0), ZONE)
        at = base + timedelta(hours=hour, seconds=len(self.actions) % 7)
        fields |= {"merchant": merchant.id, "premises": merchant.premises, "business_date": day}
        action = Action(
            at, merchant.device, kind, fields, session, label, corrects, by_voucher=by_voucher
        )
        self.actions.append(action)
        return action

    def new_session(self) -> str:
        """Returns the id of a scan session nobody has used."""
        self._sessions += 1
        return f"00000000-0000-4000-8000-{self._sessions:012x}"

    def new_delivery(self, series: str, day: date) -> str:
        """Returns a delivery's number nobody has used."""
        self._deliveries += 1
        return f"{series}{day:%m%d}-{self._deliveries:04d}"
