"""The camera of a merchant's browser: a picture before it is a scan, and so is a photograph from a file."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Playwright

from scanners.labels import Label, png
from tests.support.faces import FLAGS, context_of, until
from tests.support.market import EAN, MILK, Market, Station

pytestmark = pytest.mark.browser


def label(lot: str) -> bytes:
    return png(Label("qr", MILK, lot=lot))


def film(folder: Path, lot: str) -> Path:
    """What a camera sees that is held before a label: some seconds of it, as motion JPEG."""
    drawn = cv2.imdecode(np.frombuffer(label(lot), np.uint8), cv2.IMREAD_COLOR)
    assert drawn is not None
    frame = np.full((480, 640, 3), 160, np.uint8)
    size = 320
    frame[80 : 80 + size, 160 : 160 + size] = cv2.resize(drawn, (size, size))
    jpeg = cv2.imencode(".jpg", cv2.GaussianBlur(frame, (3, 3), 0))[1].tobytes()
    path = folder / "label.mjpeg"
    path.write_bytes(jpeg * 30)
    return path


@pytest.fixture
def station(
    market: Market, playwright: Playwright, chromium: str, tmp_path: Path
) -> Iterator[Station]:
    seen = film(tmp_path, "CAM-1")
    flags = [
        *FLAGS, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={seen}",
    ]  # fmt: skip
    opened = playwright.chromium.launch(executable_path=chromium, args=flags)
    context = context_of(opened, permissions=["camera"])
    yield Station(market, context).join()
    opened.close()


def test_what_is_held_before_the_camera_is_scanned_once_while_it_stays_there(
    station: Station,
) -> None:
    station.page.click("#camera")

    assert station.sees("已保存"), station.verdict()
    assert station.market.came(lot="L:CAM-1", product=MILK)
    # Longer than the camera remembers what it saw last.
    station.page.wait_for_timeout(4000)
    assert station.page.locator("#lines li").count() == 1
    station.page.click("#camera")
    assert not station.page.is_visible("#view")


def test_a_photograph_of_a_label_is_a_scan(station: Station) -> None:
    picture = {"name": "label.png", "mimeType": "image/png", "buffer": label("PIC-7")}
    station.page.set_input_files("#picture", [picture])

    assert station.sees("已保存"), station.verdict()
    assert station.market.came(lot="L:PIC-7")


def test_a_camera_that_is_not_allowed_is_said_and_scanning_goes_on(
    market: Market, browser: Browser
) -> None:
    station = Station(market, context_of(browser)).join()

    station.page.click("#camera")

    assert until(lambda: "摄像头" in station.page.inner_text("#camera-words"))
    station.scan(EAN, "日期")
    station.context.close()
