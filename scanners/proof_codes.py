"""A proof as one QR code on a slip, and back from a picture of it."""

import re
from pathlib import Path

import cv2
import numpy as np
import zxingcpp

from scanners.reader import load_picture, zxing_reads

# ISO/IEC 18004, table 7: version 40 at level L holds so many bytes.
QR_BYTES_MAX = 2953
SIZE = re.compile(r'width="([0-9]+)" height="([0-9]+)"')
# Four pixels a module: a phone's screen and a slip's printer both show that.
MODULE_PIXELS = 4


def draw_code(text: str, ending: str) -> bytes:
    """Returns a text as a QR code, as SVG or PNG. Raises `ValueError` for one that no code holds."""
    content = text.encode()
    if len(content) > QR_BYTES_MAX:
        raise ValueError(f"this has {len(content)} bytes and one code holds {QR_BYTES_MAX}")
    # As bytes: of a text the library would choose the character set itself.
    code = zxingcpp.create_barcode(content, zxingcpp.BarcodeFormat.QRCode, ec_level="L")
    if ending == ".svg":
        drawn = str(code.to_svg(add_quiet_zones=True))
        # Without a view box it would stay as small as it was made, whatever the page says.
        return SIZE.sub(r'viewBox="0 0 \1 \2"', drawn[drawn.index("<svg") :], count=1).encode()
    picture = np.array(code.to_image(scale=MODULE_PIXELS, add_quiet_zones=True))
    return bytes(cv2.imencode(".png", picture)[1])


def text_in(path: Path, beginning: str) -> str:
    """Returns the text of a code in a picture that begins so. Raises `ValueError` where none does."""
    for read in zxing_reads(load_picture(path)):
        if read.raw.startswith(beginning.encode()):
            return read.raw.decode(errors="replace")
    raise ValueError(f"{path} shows no such code: take the picture from nearer, straight and sharp")


def as_blocks(text: str) -> str:
    """Returns a text as a QR code in half blocks, for a terminal of light letters on dark."""
    code = zxingcpp.create_barcode(text.encode(), zxingcpp.BarcodeFormat.QRCode, ec_level="L")
    light = np.array(code.to_image(scale=1, add_quiet_zones=True)) > 127
    rows = np.vstack([light, light[:1]]) if len(light) % 2 else light
    signs = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return "\n".join(
        "".join(signs[bool(a), bool(b)] for a, b in zip(above, below, strict=True))
        for above, below in pairs
    )


def proof_in(path: Path) -> bytes:
    """Returns the proof that a picture shows. Raises `ValueError` where it shows none."""
    for read in zxing_reads(load_picture(path)):
        if read.raw.startswith(b"c2sp.org/tlog-proof@"):
            return read.raw
    raise ValueError(f"{path} shows no proof: take the picture from nearer, straight and sharp")
