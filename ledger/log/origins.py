"""Origins: the names of a ledger's logs, one after the other where it was restored."""

# Stands for a domain nobody set; see RFC 2606, section 2.
UNSET = "suyuan.invalid"


def origin_for(stated: str, ledger: str, epoch: int) -> str:
    """Returns the origin of a ledger's log: the stated name, numbered from its second log on."""
    base = stated or f"{UNSET}/{ledger}"
    return base if epoch == 1 else f"{base}/{epoch}"
