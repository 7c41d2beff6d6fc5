"""The slips of a calibration: one that tries everything a printer may do, and one that shows the profile found (pure)."""

from dataclasses import dataclass

from drivers.document import ReceiptDoc
from drivers.escpos.profile import PrinterProfile


@dataclass(frozen=True, slots=True)
class CalibrationSlip(ReceiptDoc):
    """Asks for the bytes of `drivers.printer.calibration`; it has no lines of its own.

    Attributes:
        copy: from 1 on the slip begins with REPRINT, as every repeated slip does.
    """

    copy: int = 0


@dataclass(frozen=True, slots=True)
class TrialSlip(ReceiptDoc):
    """A test slip for a profile that nobody has kept yet."""

    profile: PrinterProfile
