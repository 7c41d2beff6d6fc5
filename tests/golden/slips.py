"""The slips whose bytes are held fast, and how their two files are made."""

from dataclasses import replace
from pathlib import Path

from drivers.document import Barcode, Buzzer, Columns, Cut, Feed, Picture, QrCode, ReceiptDoc, Rule, Text
from drivers.escpos.decoder import decode, transcript
from drivers.escpos.encoder import encode
from drivers.escpos.glyphs import GlyphSource
from drivers.escpos.profile import PrinterProfile
from drivers.printer.profiles import PROFILES
from edge.receipts.care import void
from sync.contract.words import EN
from tests.kit.printers import INVITE_URL, full_receipt
from tests.kit.shift_papers import refund_slip, x_slip, z_slip

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

CHINESE = ReceiptDoc(
    (
        Text("囍·镕鑫餐馆", align="centre", bold=True, size=2),
        Text("「川味」：麻、辣、鲜、香；地道！（总店）", align="centre"),
        Rule("double"),
        Columns("宫保鸡丁", "￥38.00"),
        Columns("龘饕餮大拼盘（微辣·去葱）", "¥1,288.00"),
        Columns("é 咖啡【大杯】①", "￥ 9.50"),
        Columns("合计", "¥1,335.50", bold=True, size=2),
        Columns("其中 ½ 份䶮记𠮷祥面", "16.00"),
        Text("谢谢惠顾——欢迎再来……", align="right"),
        QrCode(INVITE_URL, module_dots=5),
        Cut(),
    )
)
CODES = ReceiptDoc(
    (
        Picture(tuple(bytes([0x10, 0x14, 0x01, 0x00, 0x01, index % 256, 0x10, 0x04]) for index in range(80))),
        Picture((b"\xff" * 144,) * 6, align="left"),
        Barcode("690123456789", "EAN13"),
        Barcode("9638507", "EAN8"),
        Barcode("TABLE 12", "CODE39"),
        Barcode("Order{7}"),
        Barcode("00012345", "ITF"),
        Barcode("far too long for any paper of this width, so it is text", "CODE128"),
        Buzzer(3),
        Cut("full"),
    )
)


class FrameGlyphs:
    """A font of its own for the goldens: a frame with the bits of the code point inside; it lacks emoji."""

    def glyph(self, character: str) -> tuple[int, ...] | None:
        code, width = ord(character), 12 if character <= "\x7f" else 24
        if code >= 0x1F000 and code < 0x20000:
            return None
        full, side = (1 << width) - 1, 1 << width - 1 | 1
        inside = [side | (code >> bit & 1) * (0x18 << (width - 12) // 2) for bit in range(22)]
        return (full, *inside, full)


GLYPHS = FrameGlyphs()
_EPSON = PROFILES["epson-80"]
_DOTS_80 = replace(PROFILES["clone-80-image-qr"], name="dots-80", raster_text=True)
_DOTS_58 = replace(PROFILES["clone-58"], name="dots-58", raster_text=True, native_qr=False)
_PLAIN = replace(PROFILES["generic-80"], name="plain-80", cutter=True, buzzer="clone")
CASES: dict[str, tuple[ReceiptDoc, PrinterProfile, GlyphSource | None]] = {
    "receipt-48": (full_receipt(), _EPSON, None),
    "receipt-48-reprint": (full_receipt(reprint=2), _EPSON, None),
    "receipt-42": (full_receipt(), PROFILES["epson-80-42"], None),
    "receipt-32": (full_receipt(), PROFILES["epson-58"], None),
    "receipt-image-qr": (full_receipt(), PROFILES["clone-80-image-qr"], None),
    "receipt-32-practice": (void(full_receipt(reprint=1)), PROFILES["epson-58"], None),
    "hostile-48": (HOSTILE, _EPSON, None),
    "hostile-gb18030": (HOSTILE, PROFILES["epson-80-gb18030"], None),
    "wrapping-48": (WRAPPING, _EPSON, None),
    "wrapping-32": (WRAPPING, PROFILES["epson-58"], None),
    "chinese-48": (CHINESE, _EPSON, None),
    "chinese-42": (CHINESE, PROFILES["epson-80-42"], None),
    "chinese-32": (CHINESE, PROFILES["clone-58"], None),
    "chinese-rare-48": (CHINESE, _EPSON, GLYPHS),
    "chinese-rare-32": (CHINESE, PROFILES["clone-58"], GLYPHS),
    "chinese-dots-48": (CHINESE, _DOTS_80, GLYPHS),
    "chinese-dots-32": (CHINESE, _DOTS_58, GLYPHS),
    "chinese-no-font-48": (CHINESE, _DOTS_80, None),
    "codes-48": (CODES, replace(_EPSON, buzzer="epson"), None),
    "codes-as-dots-48": (CODES, _PLAIN, None),
    "codes-32": (CODES, PROFILES["clone-58"], None),
    "refund-48": (refund_slip(), _EPSON, None),
    "refund-32-reprint": (refund_slip(copy=1), PROFILES["epson-58"], None),
    "z-48": (z_slip(), _EPSON, None),
    "z-32-reprint": (z_slip(copy=2), PROFILES["epson-58"], None),
    "z-english-48": (z_slip(locale=EN), _EPSON, None),
    "x-english-42": (x_slip(), PROFILES["epson-80-42"], None),
}


def made(name: str) -> tuple[bytes, str]:
    """Make a case's bytes and transcript now."""
    doc, profile, glyphs = CASES[name]
    encoded = encode(doc, profile, glyphs)
    decoded = decode(encoded.data)
    notes = "".join(f"[note] {note}\n" for note in encoded.notes)
    return encoded.data, transcript(decoded.ops) + f"[unprintable {encoded.unprintable}]\n" + notes
