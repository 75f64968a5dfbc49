"""PDFs: nothing that acts is taken, and each page is drawn anew as a picture; the text is kept to search."""

import io
import time
import unicodedata
from collections.abc import Iterator
from typing import Any

import pypdf
import pypdfium2
from PIL import Image
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, StreamObject

from ledger.papers.copies import PAGES_MAX, TEXT_CHARACTERS_MAX, CleanCopy, Unfit
from ledger.papers.kinds import PDF

# ISO 32000-2, 12.6.4: actions that run, fetch, send or play something; forms of XFA; files within.
ACTS = {
    "/JavaScript": "a script", "/JS": "a script", "/Launch": "a program to start",
    "/EmbeddedFile": "a file within", "/EmbeddedFiles": "a file within", "/XFA": "a form that acts",
    "/RichMedia": "a film", "/SubmitForm": "a form that sends", "/ImportData": "a form that fetches",
    "/EF": "a file within", "/FileAttachment": "a file within",
    "/GoToR": "a link into other files", "/GoToE": "a link into other files",
}  # fmt: skip
OBJECTS_MAX = 100_000
# Dots an inch at which a page is drawn, and the longest edge that may make.
DPI, EDGE_MAX = 150, 4000
QUALITY = 82
EPOCH = time.gmtime(0)


def copy_pdf(content: bytes) -> CleanCopy:
    """Returns a PDF of the pages' pictures. Raises `Unfit` for what acts, is locked, cut off, or none."""
    if b"%%EOF" not in content[-2048:]:
        raise Unfit("this PDF is cut off: send it again")
    try:
        reader = pypdf.PdfReader(io.BytesIO(content), strict=False)
        if reader.is_encrypted:
            raise Unfit("this PDF is locked: send one without a password")
        _refuse_what_acts(reader)
        return _drawn(content)
    except Unfit:
        raise
    except MemoryError as error:
        raise Unfit("this PDF takes more memory than any paper") from error
    except Exception as error:  # whatever a parser finds wrong, it is no paper
        raise Unfit(f"this PDF is damaged: print it to a PDF again ({error})"[:300]) from error


def _refuse_what_acts(reader: pypdf.PdfReader) -> None:
    for name in _names(reader):
        if (found := ACTS.get(name)) is not None:
            raise Unfit(f"this PDF holds {found}: print it to a PDF again, and send that")


def _names(reader: pypdf.PdfReader) -> Iterator[str]:
    """Gives every name that stands in a dictionary of a PDF, as key or as value."""
    waiting: list[Any] = [reader.trailer]
    seen: set[tuple[int, int]] = set()
    count = 0
    while waiting:
        found = waiting.pop()
        if isinstance(found, IndirectObject):
            place = (found.idnum, found.generation)
            if place in seen:
                continue
            seen.add(place)
            found = found.get_object()
        count += 1
        if count > OBJECTS_MAX:
            raise Unfit(f"this PDF has more than {OBJECTS_MAX:,} parts: send the paper alone")
        if isinstance(found, DictionaryObject | StreamObject):
            for key, value in found.items():
                yield str(key)
                if isinstance(value, str) and value.startswith("/"):
                    yield str(value)
                waiting.append(found.raw_get(key))
        elif isinstance(found, ArrayObject):
            waiting.extend(
                found.raw_get(at) if hasattr(found, "raw_get") else one
                for at, one in enumerate(found)
            )


def _drawn(content: bytes) -> CleanCopy:
    document = pypdfium2.PdfDocument(content)
    try:
        pages = len(document)
        if not 0 < pages <= PAGES_MAX:
            raise Unfit(
                f"this PDF has {pages} pages, and a paper 1 to {PAGES_MAX}: send those alone"
            )
        texts, pictures = [], []
        for page in document:
            texts.append(page.get_textpage().get_text_bounded())
            pictures.append(_picture(page))
    finally:
        document.close()
    drawn = io.BytesIO()
    pictures[0].save(
        drawn, "PDF", save_all=True, append_images=pictures[1:], resolution=DPI, quality=QUALITY,
        # A copy of the same bytes is the same copy, whenever it is made.
        creationDate=EPOCH, modDate=EPOCH, producer="", title="",
    )  # fmt: skip
    return CleanCopy(PDF, drawn.getvalue(), pages, readable("\n".join(texts)))


def _picture(page: Any) -> Image.Image:
    width, height = page.get_size()
    longest = max(width, height, 1.0)
    scale = min(DPI / 72, EDGE_MAX / longest)
    picture: Image.Image = page.render(scale=scale, may_draw_forms=False).to_pil()
    return picture.convert("RGB")


def readable(text: str) -> str:
    """Returns a text as people read and search it: without what no screen shows, one blank between words."""
    plain = unicodedata.normalize("NFKC", text)
    kept = "".join(c if c.isprintable() or c.isspace() else " " for c in plain)
    return " ".join(kept.split())[:TEXT_CHARACTERS_MAX]
