"""Reading pictures: two independent readers over a cascade of variants, and a vote.

zxing-cpp keeps AIM identifier and group separators; zbar reads dark and tilted pictures better.
A read that passes its check digit can still be wrong, so one voice is never `sure`.
"""

import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import zxingcpp
from PIL import Image

from scanners.zbar import ZBAR_MISSING, Picture, Read, zbar_reads

Status = Literal["sure", "single", "rescan"]

# Larger pictures are made smaller first: a phone's 12 megapixels add seconds and no reads.
SIDE_MAX = 1600
# Pictures above this are refused before they are unpacked into memory.
FILE_BYTES_MAX = 64 * 1024 * 1024
# Pillow's own bound; unpacked as grey levels it is as many bytes.
PIXELS_MAX = 178_000_000
# Enlarging pays on small pictures only.
ENLARGE_SIDE_MAX = 1200
VOTES_SURE = 2

FORMATS = zxingcpp.barcode_formats_from_str(
    "EAN-13|EAN-8|UPC-A|UPC-E|ITF|Code128|DataBar|DataBarExpanded|DataMatrix|QRCode"
)


class Code(NamedTuple):
    """A code of a picture after the vote. `rescan` codes name what was seen most, never use it."""

    status: Status
    symbology: str
    aim: str
    raw: bytes
    text: str
    votes: int
    box: tuple[float, float, float, float]


class UnreadablePicture(ValueError):
    """A file that is no picture we can open: say what to do."""


def load_picture(path: Path) -> Picture:
    """Opens a picture as grey levels. Raises `UnreadablePicture` naming the file."""
    try:
        size = path.stat().st_size
        if size > FILE_BYTES_MAX:
            raise UnreadablePicture(f"{path} has {size} bytes, a picture at most {FILE_BYTES_MAX}")
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise UnreadablePicture(f"{path}: {error.strerror}") from error
    return decode_picture(data, str(path))


def decode_picture(data: npt.NDArray[np.uint8], name: str) -> Picture:
    """Decodes a picture's bytes as grey levels. Raises `UnreadablePicture`."""
    _refuse_bomb(data, name)
    # What cannot be opened is said by us, once and in our words.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        picture = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
    except cv2.error:
        picture = None
    if picture is None:
        raise UnreadablePicture(f"{name} is no picture: take JPEG, PNG or WebP")
    return np.asarray(picture, np.uint8)


def _refuse_bomb(data: npt.NDArray[np.uint8], name: str) -> None:
    """Looks at a picture's size before unpacking it: a small file may say a huge one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data.tobytes())) as picture:
                pixels = picture.width * picture.height
    except (OSError, ValueError, SyntaxError):
        # OpenCV has the last word on what is a picture.
        return
    except Image.DecompressionBombError:
        pixels = PIXELS_MAX + 1
    if pixels > PIXELS_MAX:
        raise UnreadablePicture(f"{name} has over {PIXELS_MAX // 1_000_000} megapixels: shrink it")


def read_picture(picture: Picture) -> list[Code]:
    """Returns the codes of a picture, each with the outcome of the vote, top to bottom.

    Stops early when every code seen has two voices and none contradicts it.
    """
    grey, scale = _shrunk(picture)
    groups: list[list[Read]] = []
    for reads in _voices(grey):
        for read in reads:
            _add(groups, read)
        if groups and all(_vote(group).status == "sure" for group in groups):
            break
    codes = [_scaled(_vote(group), 1 / scale) for group in groups]
    return sorted(codes, key=lambda code: (code.box[1], code.box[0]))


def zxing_reads(picture: Picture, scale: float = 1.0) -> list[Read]:
    """Returns what zxing-cpp sees, with boxes divided by `scale`."""
    found = zxingcpp.read_barcodes(picture, formats=FORMATS, text_mode=zxingcpp.TextMode.Plain)
    reads = []
    for barcode in found:
        p = barcode.position
        corners = [p.top_left, p.top_right, p.bottom_left, p.bottom_right]
        xs, ys = [c.x / scale for c in corners], [c.y / scale for c in corners]
        box = (min(xs), min(ys), max(xs), max(ys))
        aim, raw = barcode.symbology_identifier[:3], bytes(barcode.bytes)
        reads.append(Read(barcode.format.name, aim, raw, barcode.text, box))
    return reads


def _voices(grey: Picture) -> Iterator[list[Read]]:
    yield zxing_reads(grey)
    if not ZBAR_MISSING:
        yield zbar_reads(grey)
    even = np.asarray(cv2.createCLAHE(3.0, (8, 8)).apply(grey), np.uint8)
    yield zxing_reads(even)
    sharp = _sharpened(grey)
    yield zxing_reads(sharp)
    if max(grey.shape) <= ENLARGE_SIDE_MAX:
        large = np.asarray(
            cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8
        )
        yield zxing_reads(large, 2.0)
        yield zxing_reads(_sharpened(large), 2.0)
    if not ZBAR_MISSING:
        yield zbar_reads(even)
        yield zbar_reads(_turned(grey, 45))


def _add(groups: list[list[Read]], read: Read) -> None:
    """Puts a read to the others of the same place, or of the same content."""
    for group in groups:
        if any(_same(read, other) or _overlap(read.box, other.box) for other in group):
            group.append(read)
            return
    groups.append([read])


def _vote(group: list[Read]) -> Code:
    best, votes = group[0], 0
    for candidate in group:
        count = sum(_same(candidate, other) for other in group)
        # Of equal reads one that knows its AIM identifier speaks for all.
        if (count, candidate.aim_known) > (votes, best.aim_known):
            best, votes = candidate, count
    others = len(group) - votes
    status: Status = "single"
    if others:
        status = "rescan"
    elif votes >= VOTES_SURE and best.aim_known:
        status = "sure"
    return Code(status, best.symbology, best.aim, best.raw, best.text, votes, best.box)


def _same(a: Read, b: Read) -> bool:
    if a.aim_known and b.aim_known:
        return a.raw == b.raw and a.aim == b.aim
    # zbar drops AIM identifier and separators and turns text into UTF-8; the rest must agree.
    return _plain(a.raw) == _plain(b.raw) or a.text == b.text


def _plain(raw: bytes) -> bytes:
    return raw.replace(b"\x1d", b"")


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    # Readers frame the same code differently: one box's middle inside the other decides.
    return _middle_in(a, b) or _middle_in(b, a)


def _middle_in(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    x, y = (a[0] + a[2]) / 2, (a[1] + a[3]) / 2
    slack = 8.0
    return b[0] - slack <= x <= b[2] + slack and b[1] - slack <= y <= b[3] + slack


def _scaled(code: Code, factor: float) -> Code:
    left, top, right, bottom = (round(value * factor, 1) for value in code.box)
    return code._replace(box=(left, top, right, bottom))


def _shrunk(picture: Picture) -> tuple[Picture, float]:
    side = max(picture.shape)
    if side <= SIDE_MAX:
        return picture, 1.0
    scale = SIDE_MAX / side
    # A sliver keeps one pixel of its short side.
    size = tuple(max(1, round(side * scale)) for side in reversed(picture.shape))
    smaller: Any = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.uint8), scale


def _sharpened(picture: Picture) -> Picture:
    blurred = cv2.GaussianBlur(picture, (0, 0), 2.0)
    return np.asarray(cv2.addWeighted(picture, 2.0, blurred, -1.0, 0), np.uint8)


def _turned(picture: Picture, degrees: float) -> Picture:
    height, width = picture.shape
    side = int(np.hypot(height, width))
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turn[:, 2] += [(side - width) / 2, (side - height) / 2]
    return np.asarray(cv2.warpAffine(picture, turn, (side, side), borderValue=255), np.uint8)
