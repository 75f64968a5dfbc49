"""Where a hand stands: for whom, how and with whom the next scan will be kept."""

import re
from typing import Any

import msgspec

from ledger.values.ids import is_id
from scanners.cards import CardBox, plain_name
from scanners.entries import Mode, Standing
from scanners.tape import Tape
from scanners.words import Told

# The words that name where a hand stands.
PLACES = ("merchant", "with", "delivery", "document")
DIGEST = re.compile(r"^[0-9a-f]{64}(?!\n)$")


class Stand:
    """The standing of one device, remembered across restarts."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        stored = tape.get("place")
        self.now = msgspec.json.decode(stored, type=Standing) if stored else Standing()

    def described(self) -> Told:
        """Says for whom, how and with whom the next scan will be kept."""
        place = self.now
        if place.merchant is None:
            return Told("amber", f"{place.mode}, for nobody yet: scan the stall's badge")
        words = f"{place.mode}, for {place.merchant} at {place.premises}"
        words += f", with {place.counterparty}" if place.counterparty else ""
        words += ", with a card's person" if place.card else ""
        return Told("green", words + (f", delivery {place.delivery}" if place.delivery else ""))

    def change_mode(self, mode: Mode) -> None:
        """Changes what a scan means; with whom and under which papers it was, ends with it."""
        if mode != self.now.mode:
            self._remember(Standing(mode, self.now.merchant, self.now.premises))

    def name(self, name: str, value: str) -> Told:
        """Takes `merchant:ID:PREMISES`, `with:ID` or a card's name, `delivery:N`, `document:HEX`."""
        if value and not value.isprintable():
            return Told("red", f"{name} holds no control characters: {value[:40]!r}")
        if name == "merchant":
            merchant, _, premises = value.partition(":")
            if not (is_id(merchant) and is_id(premises)):
                return Told("red", f"a badge says merchant:ID:PREMISES, not {value[:60]!r}")
            self._remember(Standing(self.now.mode, merchant, premises))
            return Told("green", f"for {merchant} at {premises}")
        if name == "with" and value and not is_id(value):
            return self._with_card(value)
        field = {"with": "counterparty", "delivery": "delivery"}.get(name)
        if field is None and not DIGEST.match(value):
            return Told("red", f"a document is named by 64 hex digits, not {value[:20]!r}")
        if field is None:
            changed: dict[str, Any] = {"documents": (*self.now.documents, value)[-16:]}
        else:
            # The papers that came along belong to the delivery they came with.
            changed = {field: value[:60] or None, "documents": ()}
            changed |= {"card": None} if field == "counterparty" else {}
        self._remember(msgspec.structs.replace(self.now, **changed))
        return Told("green", f"{name}: {value or 'nobody'}")

    def _with_card(self, name: str) -> Told:
        """Names a counterparty who is in no register by the card this device keeps."""
        try:
            ref = CardBox(self._tape).ref_of(name)
        except ValueError as error:
            return Told("red", str(error))
        named = msgspec.structs.replace(self.now, counterparty=None, card=ref, documents=())
        self._remember(named)
        return Told("green", f"with: {plain_name(name)}")

    def _remember(self, place: Standing) -> None:
        self.now = place
        self._tape.put("place", msgspec.json.encode(place).decode())
