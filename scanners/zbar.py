"""zbar as the second reader, where its system library is there."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

try:
    from pyzbar import pyzbar

    ZBAR_MISSING = ""
except ImportError as error:
    # pyzbar is installed with us, the C library is not: Debian's libzbar0 brings it.
    pyzbar: Any = None  # type: ignore[no-redef]  # the name stays, unused
    ZBAR_MISSING = f"zbar is missing ({error}): apt-get install libzbar0"

Picture = npt.NDArray[np.uint8]

# DataBar is left to zxing: zbar's decoder fails assertions on ordinary pictures of it.
# What zbar calls a symbology, what zxing calls it, and the AIM identifier where it is certain.
_KINDS = {
    "EAN13": ("EAN13", "]E0", True),
    "EAN8": ("EAN8", "]E4", True),
    "UPCA": ("EAN13", "]E0", True),
    "I25": ("ITF", "]I0", False),
    "CODE128": ("Code128", "]C0", False),
    "QRCODE": ("QRCode", "]Q1", False),
}


class Read(NamedTuple):
    """What one reader saw in one variant; `box` is left, top, right, bottom of the picture."""

    symbology: str
    aim: str
    raw: bytes
    text: str
    box: tuple[float, float, float, float]
    aim_known: bool = True


def zbar_reads(picture: Picture) -> list[Read]:
    """Returns what zbar sees in a picture; nothing where zbar is missing."""
    if ZBAR_MISSING:
        return []
    wanted = [
        getattr(pyzbar.ZBarSymbol, name) for name in _KINDS if hasattr(pyzbar.ZBarSymbol, name)
    ]
    reads = []
    for found in pyzbar.decode(picture, symbols=wanted):
        if found.type == "QRCODE" and not found.data.isascii():
            # zbar guesses the character set of such text, and a guess is no voice.
            continue
        symbology, aim, known = _KINDS[found.type]
        left, top, width, height = found.rect
        box = (float(left), float(top), float(left + width), float(top + height))
        raw = _content(found.data, found.type)
        text = raw.decode(errors="replace")
        reads.append(Read(symbology, aim, raw, text, box, known))
    return reads


def _content(data: bytes, kind: str) -> bytes:
    # zbar hands text of a QR code over as UTF-8 and a UPC-A as twelve digits.
    return b"0" + data if kind == "UPCA" else data
