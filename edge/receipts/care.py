"""Slips and lines about printers themselves: where a slip should have come out, and how a printer prints (pure)."""

from dataclasses import dataclass
from datetime import tzinfo

from drivers.document import Columns, Cut, Feed, QrCode, ReceiptDoc, Rule, Text
from edge.receipts.words import word
from sync.contract.times import local_text
from sync.contract.words import ZH

RULER = "1234567890"
SAMPLE = "汉字样张 宫保鸡丁 ￥38.00 「微辣」"
QR_MODULE_DOTS = 5


@dataclass(frozen=True)
class PrinterFacts:
    """What a test slip says about its printer."""

    device: str
    name: str
    profile: str
    columns: int
    dots: int


def moved(document: ReceiptDoc, printer: str, copy: int) -> ReceiptDoc:
    """Say on a slip for which printer it was meant: on its first line, or below 补打 REPRINT, which is always the first."""
    at = 1 if copy > 0 else 0
    line = Text(word("moved", ZH, printer=printer), align="centre", bold=True)
    return ReceiptDoc((*document.elements[:at], line, *document.elements[at:]))


def void(document: ReceiptDoc) -> ReceiptDoc:
    """Say on a slip of the practice world that it is none: above everything, and once more before the paper is cut."""
    mark = (
        Text(word("practice", ZH), align="centre", bold=True, size=2),
        Text(word("practice_void", ZH), align="centre", bold=True),
    )
    elements = document.elements
    tail = next((at for at in range(len(elements), 0, -1) if not isinstance(elements[at - 1], Feed | Cut)), 0)
    return ReceiptDoc((*mark, Rule("single"), *elements[:tail], Rule("single"), *mark, *elements[tail:]))


def test_slip(printer: PrinterFacts, at_ms: int, zone: tzinfo, copy: int) -> ReceiptDoc:
    """Lay out a slip that shows how a printer prints: who it is, its width, Chinese, both sizes, right edges, a QR code."""
    mark = (Text(word("reprint", ZH, copy=copy), align="centre", bold=True, size=2),) if copy > 0 else ()
    ruler = (RULER * (printer.columns // len(RULER) + 1))[: printer.columns]
    return ReceiptDoc(
        (
            *mark,
            Text(f"{word('test', ZH)} TEST", align="centre", bold=True, size=2),
            Columns(printer.name, printer.device),
            Columns(word("profile", ZH), printer.profile),
            Columns(word("width", ZH), word("width_of", ZH, columns=printer.columns, dots=printer.dots)),
            Columns(word("time", ZH), local_text(at_ms, zone)),
            Text(ruler),
            Rule("single"),
            Text(SAMPLE),
            Text(SAMPLE, bold=True, size=2),
            Text(word("test_ok", ZH)),
            Columns("米饭 Rice", "3.00"),
            Columns("宫保鸡丁", "1038.00", bold=True),
            Rule("double"),
            QrCode(f"ZHANGGUI-TEST/{printer.device.upper()}", QR_MODULE_DOTS),
            Feed(2),
            Cut(),
        )
    )
