"""Cards of counterparties: handed by a device to the ledger's personal store, never an event."""

import difflib
import unicodedata
import uuid

import httpx
import msgspec

from ledger.events import wire
from ledger.values.cards import Card
from scanners.agent import Home
from scanners.tape import Tape
from scanners.trust import checking

TIMEOUT_S = 30
# One wrong character of three still counts as near.
NEAR = 0.6


class CardRefused(Exception):
    """The ledger did not take a card; the text says why."""


def put_card(home: Home, tape: Tape, ref: str, card: Card) -> None:
    """Hands a card in under the device's signature; a later one of the same device replaces it.

    Raises `CardRefused` with what the ledger said, or that it does not answer.
    """
    content = msgspec.json.encode(card)
    signed = wire.SignedCard(
        device=tape.device, ref=ref, card=content, key=tape.key.id,
        signature=tape.key.sign(wire.card_message(ref, content)),
    )  # fmt: skip
    try:
        answer = httpx.put(
            f"{home.intake_url}/intake/cards", content=wire.encode(signed), timeout=TIMEOUT_S,
            trust_env=False, verify=checking(home.intake_url, home.authority),
        )  # fmt: skip
    except httpx.HTTPError as error:
        raise CardRefused(f"no ledger answers at {home.intake_url}: {error}") from error
    if not answer.is_success:
        raise CardRefused(str(answer.json().get("detail", answer.text)))


class KnownCard(msgspec.Struct, frozen=True):
    """A counterparty a device knows by name; `sent` once the ledger keeps its card."""

    ref: str
    card: Card
    sent: bool = False


class CardBox:
    """The cards a device keeps on its tape: names to references, handed in when it can."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        stored = tape.get("cards")
        self._known: dict[str, KnownCard] = (
            msgspec.json.decode(stored, type=dict[str, KnownCard]) if stored else {}
        )

    def refs(self) -> dict[str, str]:
        """Returns the reference of each name."""
        return {name: known.ref for name, known in self._known.items()}

    def all(self) -> dict[str, KnownCard]:
        """Returns every card by name."""
        return dict(self._known)

    def keep(self, card: Card) -> KnownCard:
        """Keeps a card under its name; a later one of the same name replaces what it says."""
        name = plain_name(card.name)
        former = self._known.get(name)
        known = KnownCard(former.ref if former else str(uuid.uuid4()), card)
        self._known[name] = known
        self._write()
        return known

    def ref_of(self, name: str) -> str:
        """Returns the reference of a name's card. Raises `ValueError` with the names it may mean."""
        if (ref := self.refs().get(plain_name(name))) is not None:
            return ref
        near = self.near(name)
        meant = f"; did you mean {' or '.join(near)}?" if near else ""
        raise ValueError(
            f"{name[:30]!r} is not known here{meant}: write a registered merchant's id, or keep a"
            " card: suyuan card"
        )

    def near(self, name: str) -> list[str]:
        """Returns known names that differ from this one as typing errors do, nearest first."""
        return difflib.get_close_matches(plain_name(name), self._known, n=3, cutoff=NEAR)

    def hand_in(self, home: Home) -> None:
        """Hands in what the ledger has not yet. Raises `CardRefused`; the rest stays for later."""
        for name, known in list(self._known.items()):
            if not known.sent:
                put_card(home, self._tape, known.ref, known.card)
                self._known[name] = msgspec.structs.replace(known, sent=True)
                self._write()

    def _write(self) -> None:
        self._tape.put("cards", msgspec.json.encode(self._known).decode())


def plain_name(name: str) -> str:
    """Returns a name without needless blanks, full-width letters as plain ones."""
    return " ".join(unicodedata.normalize("NFKC", name).split())
