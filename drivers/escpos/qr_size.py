"""How many modules a QR code of error correction M has, so that a symbol too wide for the paper is never asked for."""

from typing import Final

QUIET_MODULES: Final = 4
"""The quiet zone the standard asks for (ISO/IEC 18004); keeping it is the host's duty, not the printer's (drivers.md §2.2)."""

_ALPHANUMERIC: Final = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
# ISO/IEC 18004 table 7, error correction M, versions 1 to 20: characters in one alphanumeric or one byte segment.
_ALPHANUMERIC_MAX: Final = (
    20, 38, 61, 90, 122, 154, 178, 221, 262, 311, 366, 419, 483, 528, 600, 656, 734, 816, 909, 970,
)  # fmt: skip
_BYTES_MAX: Final = (
    14, 26, 42, 62, 84, 106, 122, 152, 180, 213, 251, 287, 331, 362, 412, 450, 504, 560, 624, 666,
)  # fmt: skip


def modules_across(data: str) -> int:
    """Count the modules of one side, quiet zone not included.

    Args:
        data: 1 to 600 ASCII characters, as `QrCode` has checked.
    """
    capacities = _ALPHANUMERIC_MAX if _ALPHANUMERIC.issuperset(data) else _BYTES_MAX
    for version, capacity in enumerate(capacities, start=1):
        if len(data) <= capacity:
            return 17 + 4 * version
    raise AssertionError("QrCode bounds its data below version 20")


def fitting_module_dots(data: str, wanted_dots: int, width_dots: int) -> int:
    """Give the wanted size of a module, or the largest one that fits the paper with its quiet zone, at least 2 dots."""
    across = modules_across(data) + 2 * QUIET_MODULES
    return max(2, min(wanted_dots, width_dots // across))
