"""Names of hosts, as addresses and certificates bear them."""

import re
from ipaddress import ip_address

# RFC 1123, section 2.1, in lower case as certificates compare them.
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*")
HOST_CHARACTERS_MAX = 253


def is_host(text: str) -> bool:
    """Tells whether a text is a host's name or an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return len(text) <= HOST_CHARACTERS_MAX and _HOST.fullmatch(text) is not None
    return True
