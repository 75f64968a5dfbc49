"""What somebody typed or pasted that is more than a word: the element string or link of a label."""

import re
import string
import unicodedata
from urllib.parse import parse_qsl, quote, unquote

# Application identifiers of a fixed length (GS1 General Specifications, figure 7.8.5-2); a lot ends at FNC1.
FIXED = {"01": 14, "11": 6, "13": 6, "15": 6, "16": 6, "17": 6}
SEPARATOR = "\x1d"
# Control characters, marks of direction and joiners, and halves of characters.
UNSEEN = ("Cc", "Cf", "Cs")
# An input method types digits and letters as wide as a character (Unicode, Halfwidth and Fullwidth Forms), and its blank.
NARROW = {0xFEE0 + ord(one): one for one in string.digits + string.ascii_letters} | {0x3000: " "}
# A lot may bear brackets itself: only two digits in them begin an element.
BRACKETED = re.compile(r"\(([0-9]{2})\)(.+?)(?=\([0-9]{2}\)|$)")
LINK = re.compile(
    r"https?://[^/]+(?:/[^/?#]+)*?/01/([0-9]{8,14})(?=[/?#]|$)(?:/22/[^/?#]+)?(?:/10/([^/?#]+))?[^?#]*"
    r"(?:\?([^#]*))?", re.IGNORECASE,
)  # fmt: skip
# A product's page takes these of the days on a label.
DAYS = ("11", "15", "17")


def as_typed(text: str) -> str:
    """Returns what somebody meant to type: wide digits and letters are plain ones, and what nobody sees is nothing.

    The separator of a label's elements (FNC1) stays; so do the wide signs of names, such as （原味）.
    """
    plain = text.translate(NARROW)
    kept = (one for one in plain if one == SEPARATOR or unicodedata.category(one) not in UNSEEN)
    return "".join(kept).strip(" ")


def path_typed(text: str) -> str:
    """Returns the page of the goods that a label's own code names; nothing where the text is no such code."""
    if link := LINK.match(text):
        days = {name: day for name, day in parse_qsl(link[3] or "") if name in DAYS}
        return _path({"01": link[1]} | days | ({"10": unquote(link[2])} if link[2] else {}))
    text = re.sub(r"^\][A-Za-z][0-9]", "", text)
    stated = _bracketed(text) if text.startswith("(01)") else _plain(text)
    return _path(stated) if re.fullmatch(r"[0-9]{8,14}", stated.get("01", "")) else ""


def _bracketed(text: str) -> dict[str, str]:
    return {name: value.strip() for name, value in BRACKETED.findall(text)}


def _plain(text: str) -> dict[str, str]:
    """Reads elements one behind the other; what it does not know ends it, as its length is not known."""
    stated: dict[str, str] = {}
    if not re.match(r"01[0-9]{14}", text):
        return stated
    while len(text) > len("01"):
        name, rest = text[:2], text[2:]
        if name in FIXED:
            stated[name], text = rest[: FIXED[name]], rest[FIXED[name] :].lstrip(SEPARATOR)
        elif name == "10":
            stated[name], _, text = rest.partition(SEPARATOR)
        else:
            break
    return stated


def _path(stated: dict[str, str]) -> str:
    path = f"/01/{stated['01']}"
    # Two dots are a folder, and no lot, to whoever reads an address.
    if (lot := stated.get("10", "")).strip("."):
        return f"{path}/10/{quote(lot, safe='')}"
    days = "&".join(
        f"{name}={stated[name]}" for name in DAYS if re.fullmatch("[0-9]{6}", stated.get(name, ""))
    )
    return f"{path}?{days}" if days else path
