"""Pictures of papers: read whole, turned upright, and drawn anew without what came along."""

import io
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

from ledger.papers.copies import CleanCopy, Unfit
from ledger.papers.kinds import HEIC, JPEG, NAMES, PNG

# Telephones take 50 and 108 million; more is a bomb or no picture of a paper.
PIXELS_MAX = 120_000_000
# Every word of an A4 page can be read at this.
EDGE_MAX = 4000
QUALITY = 88
_FORMATS = {JPEG: "JPEG", PNG: "PNG", HEIC: "HEIF"}


def copy_picture(content: bytes, media: str) -> CleanCopy:
    """Returns a clean copy of a picture. Raises `Unfit` for one that is cut off, too large, or none."""
    name = NAMES[media]
    if media == HEIC:
        # Importing does nothing until it is asked to: most pictures are none of these.
        import pillow_heif

        # One thread: where papers are read no other may be begun.
        pillow_heif.register_heif_opener(thumbnails=False, decode_threads=1)
    try:
        with warnings.catch_warnings():
            # What a decoder says of pixels is checked below; of damaged tags nobody needs to hear.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=[_FORMATS[media]]) as found:
                _refuse_huge(found, name)
                found.load()
                upright = ImageOps.exif_transpose(found)
                assert upright is not None
                plain = _plain(upright)
    except Unfit:
        raise
    except Image.DecompressionBombError as error:
        raise Unfit(
            f"this {name} has more pixels than any picture of a paper: make it smaller"
        ) from error
    except UnidentifiedImageError as error:
        raise Unfit(f"this {name} is damaged or cut off: send it again") from error
    except MemoryError as error:
        raise Unfit(f"this {name} takes more memory than any picture of a paper") from error
    except Exception as error:  # whatever a decoder finds wrong, it is no picture of a paper
        raise Unfit(f"this {name} is damaged or cut off: send it again ({error})"[:300]) from error
    drawn = io.BytesIO()
    plain.save(drawn, "JPEG", quality=QUALITY, optimize=True)
    return CleanCopy(JPEG, drawn.getvalue(), 1, "")


def _refuse_huge(found: Image.Image, name: str) -> None:
    if found.width * found.height > PIXELS_MAX:
        raise Unfit(
            f"this {name} has {found.width} × {found.height} pixels, and a paper's at most"
            f" {PIXELS_MAX:,}: make it smaller"
        )


def _plain(upright: Image.Image) -> Image.Image:
    """Returns a picture on white, in plain colours, no larger than it must be."""
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        seen = upright.convert("RGBA")
        white = Image.new("RGBA", seen.size, "white")
        upright = Image.alpha_composite(white, seen)
    plain = upright.convert("RGB")
    plain.thumbnail((EDGE_MAX, EDGE_MAX))
    # Another one of the same pixels: what the old one carried along stays behind.
    fresh = Image.new("RGB", plain.size)
    fresh.paste(plain)
    return fresh
