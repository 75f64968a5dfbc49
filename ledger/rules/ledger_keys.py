"""The ledger's own keys: each one is announced under the signature of the one before it."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from ledger.events.base import Event, LongText
from ledger.events.cases import LedgerKeyAnnounced
from ledger.events.wire import KeyLink
from ledger.rules.refusal import Refusal
from ledger.values.keys import PublicKey, succession_message

# All announcements stand in one case.
LEDGER_KEYS_SUBJECT = "ledger-keys"


class AnnounceLedgerKey(msgspec.Struct, frozen=True, kw_only=True, tag="announce-ledger-key"):
    """Asks that the ledger goes on with another key; `signature` is the present key's over it."""

    key: Annotated[str, msgspec.Meta(max_length=200)]
    signature: Annotated[bytes, msgspec.Meta(max_length=80)]
    reason: LongText


class LedgerKeysCase(msgspec.Struct, frozen=True):
    """The keys that were announced, each by the one before it."""

    version: int = 0
    links: tuple[KeyLink, ...] = ()


def decide_ledger_key(
    case: LedgerKeysCase, request: AnnounceLedgerKey, *, ledger: str, first: str
) -> list[Event] | Refusal:
    """Decides whether the ledger goes on with a key; `first` is its own before any was announced."""
    if any(link.key == request.key for link in case.links):
        return []
    try:
        PublicKey(request.key)
    except ValueError as error:
        return Refusal("key-invalid", str(error))
    present = case.links[-1].key if case.links else first
    message = succession_message(ledger, request.key)
    if not PublicKey(present).signed(request.signature, message):
        return Refusal("bad-signature", "Sign the new key with the one that is in force.")
    return [LedgerKeyAnnounced(
        key=request.key, by=present, signature=request.signature, reason=request.reason
    )]  # fmt: skip


def evolve_ledger_keys(case: LedgerKeysCase, event: Event) -> LedgerKeysCase:
    """Returns the case after one of its events."""
    if not isinstance(event, LedgerKeyAnnounced):
        raise TypeError(f"{type(event).__name__} is no event of the ledger's keys")
    link = KeyLink(key=event.key, by=event.by, signature=event.signature)
    return LedgerKeysCase(case.version + 1, (*case.links, link))


def trusted_after(known: Sequence[str], ledger: str, links: Sequence[KeyLink]) -> tuple[str, ...]:
    """Returns the keys that who knew `known`, the newest first, knows after these links.

    A link counts that the newest known key signed. Former ones stay at the end, for what they signed
    before: only the newest may sign anything new.
    """
    newest, before = known[0], tuple(known[1:])
    for link in links:
        if link.by != newest or link.key == newest:
            continue
        try:
            fits = PublicKey(link.key) and PublicKey(link.by).signed(
                link.signature, succession_message(ledger, link.key)
            )
        except ValueError:
            break
        if not fits:
            break
        newest, before = link.key, (newest, *before)
    return (newest, *before)
