"""The printers we know by name, and the generic ones."""

from typing import Final

from drivers.escpos.profile import PrinterProfile

PROFILES: Final[dict[str, PrinterProfile]] = {
    profile.name: profile
    for profile in (
        PrinterProfile("epson-80", width_dots=576, columns=48),
        PrinterProfile("epson-80-42", width_dots=512, columns=42),
        PrinterProfile("epson-58", width_dots=384, columns=32),
        PrinterProfile("epson-80-gb18030", width_dots=576, columns=48, fourbyte=True),
        PrinterProfile("clone-80", width_dots=576, columns=48, process_id=False),
        PrinterProfile("clone-80-image-qr", width_dots=576, columns=48, native_qr=False, process_id=False),
        PrinterProfile("clone-58", width_dots=384, columns=32, process_id=False),
    )
}
"""Profiles by name. "epson" = answers GS ( H; "clone" = confirms with GS r 1."""


def profile_for_columns(columns: int) -> PrinterProfile:
    """Give the full-featured profile for a paper of 32, 42 or 48 columns.

    Raises:
        KeyError: no such width is known.
    """
    for profile in PROFILES.values():
        if profile.columns == columns and profile.process_id:
            return profile
    raise KeyError(columns)
