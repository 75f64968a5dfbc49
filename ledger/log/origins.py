"""Origins: the names of a ledger's logs, one after the other where it was restored."""

import re

NUMBER = re.compile(r"[2-9]|[1-9][0-9]{1,5}")
# Stands for a domain nobody set; see RFC 2606, section 2.
UNSET = "suyuan.invalid"


def base_of(origin: str, epoch: int) -> str:
    """Returns the name that a ledger's logs share, given one of them and its number."""
    return origin if epoch == 1 else origin.removesuffix(f"/{epoch}")


def epoch_of(base: str, origin: str) -> int | None:
    """Returns which of a ledger's logs an origin names, None for one of another ledger."""
    if origin == base:
        return 1
    number = origin.removeprefix(f"{base}/")
    return int(number) if number != origin and NUMBER.fullmatch(number) else None


def steps_from(pinned: str, origin: str) -> int | None:
    """Returns how many logs later an origin is than a pinned one: 0 for itself, None for neither.

    Whoever joined after a restore has pinned a name that is numbered already.
    """
    if origin == pinned:
        return 0
    stem, _, number = pinned.rpartition("/")
    for base, first in ((pinned, 1), (stem, int(number) if NUMBER.fullmatch(number) else 0)):
        epoch = epoch_of(base, origin) if base and first else None
        if epoch is not None and epoch > first:
            return epoch - first
    return None


def origin_for(stated: str, ledger: str, epoch: int) -> str:
    """Returns the origin of a ledger's log: the stated name, numbered from its second log on."""
    base = stated or f"{UNSET}/{ledger}"
    return base if epoch == 1 else f"{base}/{epoch}"
