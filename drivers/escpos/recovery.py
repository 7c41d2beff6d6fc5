"""What to send first after a job broke off, so that the next slip is not swallowed by a command that was left open.

A printer that lost its data in the middle of a picture goes on filling the picture with whatever comes next: with 20 000
bytes of a 960-row picture gone, the next receipt lost all of its 21 lines (drivers.md §2.3). NUL is no command anywhere and
white inside a picture, so NULs close the command whatever it was, and ESC @ begins anew.
"""

from typing import Final

from drivers.escpos.frames import UNKNOWN, frame_length

SPARE_NULS: Final = 256
"""Beyond the length that was announced: tab stops and barcodes of form A run up to a NUL, at most this far away."""
RESET: Final = b"\x1b@"


def interrupted(data: bytes, taken: int) -> bytes:
    """Give the bytes that must go before anything else to a printer whose last job broke off.

    The connection may have taken more than the printer did, so the break may lie anywhere before `taken`: what is sent fills
    the longest command that had begun by then.

    Args:
        data: the whole job.
        taken: how many of its bytes the connection took before it broke; more than there are counts as all.
    """
    return bytes(_outstanding_bytes(data, taken) + SPARE_NULS) + RESET


def _outstanding_bytes(data: bytes, taken: int) -> int:
    """Measure the longest rest of a command that can be missing when the printer got `taken` bytes or fewer."""
    longest = at = 0
    while at < min(taken, len(data)):
        if data[at] >= 0x20:
            at += 1
            continue
        length = frame_length(data, at)
        if length is None:
            # The job itself ends inside a header: nothing of ours does, but a capture may.
            return max(longest, len(data) - at)
        length = 1 if length == UNKNOWN else length
        longest = max(longest, length - 1)
        at += length
    return longest
