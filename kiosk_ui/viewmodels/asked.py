"""What somebody asked of the record: what it was about, in words beside the address that the access log keeps."""

import re
from itertools import pairwise
from urllib.parse import parse_qsl, unquote

from kiosk_ui.language import Language

# By what a question or request calls it.
NAMES = {
    "product": "Product", "gtin": "Product", "lot": "Lot", "merchant": "Merchant", "premises": "Place",
    "device": "Device", "hold": "Hold", "recall": "Recall", "since": "From", "until": "To",
    "as_of": "As we knew it at position", "at": "true at", "find": "Search within", "q": "Search", "stall": "Merchant",
    "reason": "Reason", "note": "Remark", "to": "Given to",
}  # fmt: skip
# What an address is about: the last part of these.
PLACES = {
    "merchants": "merchant", "premises": "premises", "devices": "device", "holds": "hold",
    "recalls": "recall", "lots": "product", "products": "product",
}  # fmt: skip
# As an entry that is long is cut in the middle of its JSON, it is read member by member.
MEMBER = re.compile(r'"([a-z_]+)":"((?:[^"\\]|\\.)*)"')
SHOWN_MAX = 8


def asked_words(asked: str, language: Language) -> str:
    """Returns what a question or request names, such as `Product 06901234567892 · Lot A-1`; nothing where it names nothing."""
    said = _of_address(asked) if asked.startswith("/") else MEMBER.findall(asked)
    named = dict.fromkeys((NAMES[name], value) for name, value in said if name in NAMES and value)
    words = [f"{language.word(name)} {value}" for name, value in named]
    return " · ".join([*words[:SHOWN_MAX], *(["…"] if words[SHOWN_MAX:] else [])])


def _of_address(asked: str) -> list[tuple[str, str]]:
    path, _, query = asked.partition("?")
    parts = [unquote(part) for part in path.split("/")]
    about = [(PLACES[kind], name) for kind, name in pairwise(parts) if kind in PLACES]
    return [*about, *parse_qsl(query)]
