"""The bits of a printer's answers about itself (drivers.md §2.4; pure). Written from the tables, not from our reader of them."""

from drivers.virtual.faults import Faults


def real_time_status(faults: Faults, question: int) -> bytes | None:
    """Answer DLE EOT 1 to 4; fixed bits 1 and 4 are always set. None for a question that it does not know."""
    bits = {
        1: (0x08 if faults.stopped else 0) | (0x04 if drawer_sensed(faults) else 0),
        2: (0x04 if faults.cover_open else 0) | (0x20 if faults.paper_out else 0) | (0x40 if faults.failed else 0),
        3: _errors(faults),
        4: 0x6C if faults.paper_out else 0x0C if faults.near_end else 0,
    }
    return bytes((0x12 | bits[question],)) if question in bits else None


def automatic_status(faults: Faults) -> bytes:
    """Give the four bytes that are sent unasked when something changes (ASB)."""
    first = 0x10 | (0x08 if faults.stopped else 0) | (0x20 if faults.cover_open else 0)
    first |= 0x04 if drawer_sensed(faults) else 0
    paper = 0x0F if faults.paper_out else 0x03 if faults.near_end else 0
    return bytes((first, _errors(faults), paper, 0x00))


def drawer_sensed(faults: Faults) -> bool:
    """Whether the drawer connector says that the drawer is open."""
    return faults.drawer_open and not faults.no_drawer


def _errors(faults: Faults) -> int:
    """Give the kinds of error as DLE EOT 3 and the second byte of automatic status have them."""
    cutter = 0x08 if faults.cutter_error else 0
    fatal = 0x20 if faults.fatal_error else 0
    return cutter | fatal | (0x40 if faults.overheated_ms else 0)
