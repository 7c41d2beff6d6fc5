"""QR codes as drawings: one path of squares, so that a page needs neither a script nor a picture of its own."""

from typing import NamedTuple


class QrPath(NamedTuple):
    """A code of `size` × `size` squares without its quiet zone, and the dark ones as the `d` of an SVG path."""

    size: int
    d: str


def path_of(text: str) -> QrPath:
    """Draw a text, with the correction of level M."""
    import segno  # noqa: PLC0415 - 20 ms of import for a page that is rarely seen

    matrix = segno.make_qr(text, error="m", boost_error=False).matrix
    runs: list[str] = []
    for y, row in enumerate(matrix):
        x = 0
        while x < len(row):
            wide = 0
            while x + wide < len(row) and row[x + wide]:
                wide += 1
            if wide:
                runs.append(f"M{x} {y}h{wide}v1h-{wide}z")
            x += max(1, wide)
    return QrPath(len(matrix), "".join(runs))
