"""A code as a picture, drawn by zxing-cpp."""

import re

import zxingcpp

SIZE = re.compile(r'width="([0-9.]+)" height="([0-9.]+)"')


def code_picture(content: bytes) -> str:
    """Returns bytes as a QR code in SVG, with its quiet zone and a view box to be scaled by."""
    made = zxingcpp.create_barcode(content, zxingcpp.BarcodeFormat.QRCode, ec_level="L")
    drawn = str(made.to_svg(add_quiet_zones=True))
    return SIZE.sub(r'viewBox="0 0 \1 \2"', drawn[drawn.index("<svg") :], count=1)
