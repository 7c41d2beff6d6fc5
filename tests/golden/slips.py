"""The slips whose bytes are held fast, and how their two files are made."""

from pathlib import Path

from drivers.document import Columns, Cut, Feed, QrCode, ReceiptDoc, Rule, Text
from drivers.escpos.decoder import decode, transcript
from drivers.escpos.encoder import encode
from drivers.escpos.profile import PrinterProfile
from drivers.printer.profiles import PROFILES
from tests.kit.printers import full_receipt

FOLDER = Path(__file__).parent / "slips"

HOSTILE = ReceiptDoc(
    (
        Text("菜\x1bp\x00\x19\xfa名 \x10\x14\x01\x00\x01 \x1d(A\x02\x00"),
        Columns("备注\nline 2\x00\x07 —“引号”– é Ω ① 【】", "¥36.00"),
        Text("𠮷 😀 \u200b\ufeff\ue000 \udcff €"),
        Cut(),
    )
)
WRAPPING = ReceiptDoc(
    (
        Text("一二三四五六七八九十，一二三四五六七八九十，一二三四五六七八九十。", size=2),
        Columns("A dish with a name so long that no paper in the world is wide enough for it", "1,234.50"),
        Columns("左", "right part that is far too wide to stand beside anything on this paper"),
        Text("右对齐", align="right"),
        Rule("dashed"),
        QrCode("https://example.test/lower-case?" + "x" * 200, module_dots=16),
        Feed(3),
        Cut(),
    )
)

_EPSON = PROFILES["epson-80"]
CASES: dict[str, tuple[ReceiptDoc, PrinterProfile]] = {
    "receipt-48": (full_receipt(), _EPSON),
    "receipt-48-reprint": (full_receipt(reprint=2), _EPSON),
    "receipt-42": (full_receipt(), PROFILES["epson-80-42"]),
    "receipt-32": (full_receipt(), PROFILES["epson-58"]),
    "receipt-image-qr": (full_receipt(), PROFILES["clone-80-image-qr"]),
    "hostile-48": (HOSTILE, _EPSON),
    "hostile-gb18030": (HOSTILE, PROFILES["epson-80-gb18030"]),
    "wrapping-48": (WRAPPING, _EPSON),
    "wrapping-32": (WRAPPING, PROFILES["epson-58"]),
}


def made(name: str) -> tuple[bytes, str]:
    """Make a case's bytes and transcript now."""
    doc, profile = CASES[name]
    encoded = encode(doc, profile)
    decoded = decode(encoded.data)
    return encoded.data, transcript(decoded.ops) + f"[unprintable {encoded.unprintable}]\n"
