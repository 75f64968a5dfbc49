"""Labels as a market's phone sees them: printed, then tilted, shaded, blurred and noisy."""

from datetime import date
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ledger.events.reports import GoodsAsRead
from scanners.gs1 import NotUnderstood, understand
from scanners.labels import Kind, Label, picture
from scanners.reader import read_picture

Picture = npt.NDArray[np.uint8]
MARGIN = 40


class LabelRead(NamedTuple):
    """What became of one label: `sure` with the goods as read, else `rescan`."""

    status: str
    goods: GoodsAsRead | None


def spoil(label: Picture, seed: int) -> Picture:
    """Returns a label as photographed by hand; the same seed gives the same picture."""
    rng = np.random.default_rng(seed)
    framed = np.full((label.shape[0] + 2 * MARGIN, label.shape[1] + 2 * MARGIN), 235, np.uint8)
    framed[MARGIN:-MARGIN, MARGIN:-MARGIN] = label
    height, width = framed.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = corners + rng.uniform(-0.035, 0.035, (4, 2)).astype(np.float32) * [width, height]
    lens = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    tilted = cv2.warpPerspective(framed, lens, (width, height), borderValue=210)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.uniform(-7, 7)), 0.94)
    tilted = cv2.warpAffine(tilted, turn, (width, height), borderValue=210)
    shade = np.linspace(rng.uniform(0.5, 0.8), 1.0, width)[None, :]
    shaded = tilted * (shade if seed % 2 else shade[:, ::-1])
    blurred = cv2.GaussianBlur(shaded, (0, 0), float(rng.uniform(0.6, 1.5)))
    noisy = blurred + rng.normal(0, rng.uniform(3, 10), blurred.shape)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


def read_spoilt(job: tuple[Kind, str, str, str, str, int]) -> LabelRead:
    """Prints, spoils and reads one label; for a pool of processes, so all is plain data."""
    kind, gtin, lot, produced, expires, seed = job
    label = Label(kind, gtin, lot, date.fromisoformat(produced), date.fromisoformat(expires))
    sure = [code for code in read_picture(spoil(picture(label), seed)) if code.status == "sure"]
    if len(sure) != 1:
        return LabelRead("rescan", None)
    try:
        meaning = understand(sure[0].aim, sure[0].raw)
    except NotUnderstood:
        return LabelRead("rescan", None)
    goods = GoodsAsRead(
        gtin=meaning.gtin,
        lot=meaning.lot,
        produced=meaning.produced,
        expires=meaning.last_good_day,
        raw=sure[0].raw,
        aim=sure[0].aim,
        dates_from="code",
    )
    return LabelRead("sure", goods)
