"""A voucher to print or to show: its codes, and its lines for people."""

import re
from html import escape

import zxingcpp

from scanners.vouchers import Voucher, VoucherLine

STYLE = (
    "body{font:14px sans-serif;margin:8mm}main{display:flex;flex-wrap:wrap;gap:6mm}"
    "figure{margin:0;break-inside:avoid}figure svg{width:62mm;height:62mm}"
    "table{border-collapse:collapse;margin-top:4mm}td,th{border:1px solid #666;padding:1mm 2mm}"
)
SIZE = re.compile(r'width="([0-9]+)" height="([0-9]+)"')
HEADINGS = ("", "商品 goods", "批号 lot", "生产日期 made", "保质期至 until", "数量 quantity")


def voucher_sheet(voucher: Voucher, codes: list[str]) -> str:
    """Returns a page with the codes and lines of a voucher, as HTML without anything from elsewhere."""
    figures = "".join(
        f"<figure>{_qr(code)}<figcaption>{number}/{len(codes)}</figcaption></figure>"
        for number, code in enumerate(codes, 1)
    )
    heading = f"销售凭证 {voucher.delivery} · {voucher.seller} · {voucher.day}"
    rows = "".join(_row(number, line) for number, line in enumerate(voucher.lines, 1))
    columns = "".join(f"<th>{escape(text)}</th>" for text in HEADINGS)
    return (
        f'<!doctype html><html lang="zh"><meta charset="utf-8"><title>{escape(heading)}</title>'
        f"<style>{STYLE}</style><h1>{escape(heading)}</h1><main>{figures}</main>"
        f"<table><tr>{columns}</tr>{rows}</table></html>"
    )


def _qr(text: str) -> str:
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    drawn = str(code.to_svg(add_quiet_zones=True))
    # Without a view box it would stay as small as it was made, whatever the page says.
    return SIZE.sub(r'viewBox="0 0 \1 \2"', drawn[drawn.index("<svg") :], count=1)


def _row(number: int, line: VoucherLine) -> str:
    goods, quantity = line.goods, line.quantity
    pieces = f" ({quantity.pieces} 件)" if quantity.pieces is not None else ""
    cells = (
        number, goods.gtin or goods.item, goods.lot or "", goods.produced or "",
        goods.expires or "", f"{quantity.amount} {quantity.unit.value}{pieces}",
    )  # fmt: skip
    return "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>"
