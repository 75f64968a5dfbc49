"""What a file is by its content, and files that are two things at once."""

import re

from ledger.papers.copies import Unfit

JPEG, PNG, PDF, HEIC = "image/jpeg", "image/png", "application/pdf", "image/heic"
NAMES = {JPEG: "JPEG", PNG: "PNG", PDF: "PDF", HEIC: "HEIC"}
_BEGINNINGS = {b"\xff\xd8\xff": JPEG, b"\x89PNG\r\n\x1a\n": PNG, b"%PDF-": PDF}
# ISO/IEC 23008-12, annex B and ISO/IEC 14496-12: brands of still pictures under HEVC.
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
# Readers look for a PDF's heading within so much, browsers for a page's (WHATWG MIME Sniffing, 5.2).
_SNIFFED = 1024 + 445
# Where the record that ends a zip may stand (APPNOTE, 4.3.16), and its signature.
_ZIP_END, _ZIP_TAIL = b"PK\x05\x06", 22 + 0xFFFF
# Archives that unpackers find wherever they begin.
_ARCHIVES = (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c")
_PAGES = re.compile(
    rb"<\s*(!doctype|html|head|body|script|svg|iframe|\?php|\?xml)\b", re.IGNORECASE
)


def kind_of(content: bytes) -> str:
    """Returns the media type that a file's content has. Raises `Unfit` for any but four."""
    for beginning, media in _BEGINNINGS.items():
        if content.startswith(beginning):
            return media
    if content[4:8] == b"ftyp" and content[8:12] in _HEIC_BRANDS:
        return HEIC
    raise Unfit("this is no picture of a paper: send JPEG, PNG, HEIC or PDF")


def refuse_two_in_one(content: bytes, media: str) -> None:
    """Raises `Unfit` for a file that another program would take for something else.

    A telephone's picture may carry a film behind it; that opens as a picture or as nothing.
    """
    head = content[:_SNIFFED]
    if media != PDF and b"%PDF-" in head:
        raise Unfit(f"this {NAMES[media]} is a PDF at the same time: send one of the two")
    if _PAGES.search(head[16:] if media != PDF else b""):
        raise Unfit(f"this {NAMES[media]} begins like a web page: take the picture again")
    if _ZIP_END in content[-_ZIP_TAIL:] or any(one in content for one in _ARCHIVES):
        raise Unfit(f"this {NAMES[media]} is an archive at the same time: send the picture alone")
