"""A printer that can be calibrated: the slips of a calibration go through the same thread and lock as every other slip."""

from pathlib import Path
from typing import Final

from drivers.document import ReceiptDoc
from drivers.escpos import encoder
from drivers.escpos.encoder import JOB_START, Encoded
from drivers.printer.calibration import calibration_slip
from drivers.transport import address
from drivers.transport.open_port import ports_for
from drivers.transport.port import Clock
from edge.devices.printers import Memory, PortPrinter
from edge.devices.registry import Entry
from edge.domain.device_rows import PrinterRow
from edge.receipts.calibration import CalibrationSlip, TrialSlip

_MARK: Final = "REPRINT {copy}\n"
"""Without Chinese: whether the printer has any is what the slip finds out."""


class CalibratingPrinter(PortPrinter):
    """A printer behind any port that knows the slips of a calibration, too."""

    def encode(self, document: ReceiptDoc) -> Encoded:
        """Give a slip's bytes."""
        if isinstance(document, CalibrationSlip):
            mark = JOB_START + _MARK.format(copy=document.copy).encode("ascii") if document.copy > 0 else b""
            return Encoded(mark + calibration_slip(self.profile, self.glyphs()), 0)
        if isinstance(document, TrialSlip):
            return encoder.encode(document, document.profile, self.glyphs())
        return super().encode(document)


def calibrating_printer(entry: Entry, twins_dir: Path, clock: Clock, memory: Memory) -> CalibratingPrinter:
    """Build a printer at the address of its row."""
    assert isinstance(entry.row, PrinterRow)
    return CalibratingPrinter(entry, ports_for(address.parse(entry.row.address), twins_dir), clock, memory)
