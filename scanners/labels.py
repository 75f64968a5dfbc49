"""Labels to print: EAN-13, Code 128, GS1-128 by python-barcode; DataBar, DataMatrix, QR by zxing."""

import io
from datetime import date
from html import escape
from typing import Literal, NamedTuple
from urllib.parse import quote

import barcode
import cv2
import numpy as np
import numpy.typing as npt
import zxingcpp
from barcode.writer import ImageWriter, SVGWriter

from ledger.values.gtin import Gtin
from scanners.gs1 import lot_problem

Kind = Literal["ean13", "code128", "gs1-128", "databar", "databar-expanded", "datamatrix", "qr"]
Picture = npt.NDArray[np.uint8]
SCALE = 4
GTIN_13_ZEROS = "0"
# Two digits on a label mean these years (GS1 General Specifications, 3.4.2).
YEARS = range(2000, 2100)


class Label(NamedTuple):
    """What a label says: its kind of code, the content, and the words below it."""

    kind: Kind
    gtin: str
    lot: str | None = None
    produced: date | None = None
    expires: date | None = None
    title: str = ""
    host: str = "localhost"

    @property
    def caption(self) -> str:
        """The words below the code, dates included, as a printer puts them beside it."""
        parts: list[object] = [self.title, self.lot and f"批号 {self.lot}"]
        parts += [
            self.produced and f"生产 {self.produced}",
            self.expires and f"保质期至 {self.expires}",
        ]
        return "  ".join(str(part) for part in parts if part)


def check(label: Label) -> None:
    """Raises `ValueError` for a label that no scanner could read back as it was meant."""
    if label.lot is not None and (problem := lot_problem(label.lot)) is not None:
        raise ValueError(problem)
    for day in (label.produced, label.expires):
        if day is not None and day.year not in YEARS:
            raise ValueError(f"a label's date lies in 2000 to 2099, not {day}")
    if label.produced and label.expires and label.expires < label.produced:
        raise ValueError(f"goods made on {label.produced} cannot end before, on {label.expires}")


def _elements(label: Label) -> list[tuple[str, str]]:
    """Returns a label's application identifiers and values; the lot last, needing no separator."""
    found = [("01", str(Gtin(label.gtin)))]
    found += [
        (ai, f"{day:%y%m%d}") for ai, day in (("11", label.produced), ("17", label.expires)) if day
    ]
    return found + ([("10", label.lot)] if label.lot else [])


def element_string(label: Label) -> str:
    """Returns the GS1 element string of a label."""
    return "".join(ai + value for ai, value in _elements(label))


def digital_link(label: Label) -> str:
    """Returns the GS1 Digital Link of a label: the address of its own consumer page."""
    path = f"https://{label.host}/01/{Gtin(label.gtin)}"
    if label.lot:
        path += f"/10/{quote(label.lot, safe='')}"
    dates = [("11", label.produced), ("17", label.expires)]
    query = "&".join(f"{ai}={day:%y%m%d}" for ai, day in dates if day)
    return f"{path}?{query}" if query else path


def svg(label: Label) -> str:
    """Returns the label's code as SVG."""
    if label.kind in ("ean13", "code128", "gs1-128"):
        return _linear(label, SVGWriter()).decode()
    return str(_matrix(label).to_svg(scale=SCALE))


def picture(label: Label) -> Picture:
    """Returns the label's code as grey levels, quiet zone included."""
    if label.kind in ("ean13", "code128", "gs1-128"):
        data = np.frombuffer(_linear(label, ImageWriter()), np.uint8)
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
    image = np.array(_matrix(label).to_image(scale=SCALE))
    return np.asarray(image if image.ndim == 2 else image[:, :, 0], np.uint8)


def png(label: Label) -> bytes:
    """Returns the label's code as PNG."""
    _, encoded = cv2.imencode(".png", picture(label))
    return bytes(encoded)


def sheet(labels: list[Label], heading: str) -> str:
    """Returns a page to print, three labels a row, as HTML without anything from elsewhere."""
    cells = "".join(
        f"<figure>{_inline(svg(label))}<figcaption>{escape(label.caption)}</figcaption></figure>"
        for label in labels
    )
    return _page(heading, cells)


def date_sheet(days: list[date], commands: list[tuple[str, str]]) -> str:
    """Returns the printed sheet a thumb answers the date question from: days and commands."""
    codes = [(f"SY:D:{day.isoformat()}", f"{day:%Y-%m-%d}") for day in days]
    codes += [(f"SY:C:{command}", words) for command, words in commands]
    cells = "".join(
        f"<figure>{_inline(code128_svg(content))}<figcaption>{escape(words)}</figcaption></figure>"
        for content, words in codes
    )
    return _page("日期与指令条码 · dates and commands", cells)


def code128_svg(content: str) -> str:
    """Returns plain text as a Code 128 in SVG."""
    buffer = io.BytesIO()
    barcode.get("code128", content, writer=SVGWriter()).write(buffer, {"write_text": False})
    return buffer.getvalue().decode()


def _linear(label: Label, writer: SVGWriter | ImageWriter) -> bytes:
    if label.kind == "ean13":
        digits = str(Gtin(label.gtin))
        if not digits.startswith(GTIN_13_ZEROS):
            raise ValueError(f"{label.gtin} has 14 digits and does not fit an EAN-13")
        made = barcode.get("ean13", digits[1:13], writer=writer)
    elif label.kind == "code128":
        made = barcode.get("code128", label.lot or label.gtin, writer=writer)
    else:
        made = barcode.get("gs1_128", element_string(label), writer=writer)
    buffer = io.BytesIO()
    options: dict[str, object] = (
        {"write_text": False} if label.kind == "gs1-128" else {"font_size": 8}
    )
    if isinstance(writer, ImageWriter):
        # Three to four printer dots a module, as a label printer has.
        options |= {"dpi": 300, "module_width": 0.3, "module_height": 22.0, "write_text": False}
    made.write(buffer, options)
    return buffer.getvalue()


def _matrix(label: Label) -> zxingcpp.Barcode:
    formats = zxingcpp.BarcodeFormat
    if label.kind == "qr":
        return zxingcpp.create_barcode(digital_link(label), formats.QRCode)
    if label.kind == "databar":
        return zxingcpp.create_barcode(str(Gtin(label.gtin)), formats.DataBar)
    if label.kind == "databar-expanded":
        return zxingcpp.create_barcode(bracketed(label), formats.DataBarExp, gs1=True)
    # Square, because scanners of the trade do not all read the rectangular extension.
    return zxingcpp.create_barcode(bracketed(label), formats.DataMatrix, gs1=True, forceSquare=True)


def bracketed(label: Label) -> str:
    """Returns the element string with its AIs in brackets, as the encoder wants GS1 data."""
    if label.lot and set("()") & set(label.lot):
        raise ValueError(f"a lot with brackets fits GS1-128 and QR only, not {label.kind}")
    return "".join(f"({ai}){value}" for ai, value in _elements(label))


def _inline(text: str) -> str:
    return text[text.index("<svg") :]


def _page(heading: str, cells: str) -> str:
    style = (
        "body{font:14px sans-serif}main{display:flex;flex-wrap:wrap;gap:6mm}"
        "figure{margin:0;width:56mm;break-inside:avoid}svg{max-width:100%;height:auto}"
    )
    return (
        f'<!doctype html><meta charset="utf-8"><title>{escape(heading)}</title>'
        f"<style>{style}</style><h1>{escape(heading)}</h1><main>{cells}</main>"
    )
