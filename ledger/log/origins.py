"""Origins: the names of a ledger's logs, one after the other where it was restored."""

import re

NUMBER = re.compile(r"[2-9]|[1-9]\d{1,5}")
# Stands for a domain nobody set; see RFC 2606, section 2.
UNSET = "suyuan.invalid"


def next_origin(origin: str, epoch: int) -> str:
    """Returns the origin as which a log goes on that was restored, `epoch` being the old one's number."""
    base = origin if epoch == 1 else origin.removesuffix(f"/{epoch}")
    return f"{base}/{epoch + 1}"


def epoch_of(base: str, origin: str) -> int | None:
    """Returns which of a ledger's logs an origin names, None for one of another ledger."""
    if origin == base:
        return 1
    number = origin.removeprefix(f"{base}/")
    return int(number) if number != origin and NUMBER.fullmatch(number) else None


def origin_for(stated: str, ledger: str, epoch: int) -> str:
    """Returns the origin of a ledger's log: the stated name, numbered from its second log on."""
    base = stated or f"{UNSET}/{ledger}"
    return base if epoch == 1 else f"{base}/{epoch}"
