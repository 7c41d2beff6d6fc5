"""Messages one behind the other in a file, each after its length, read and written without ever holding them all."""

from collections.abc import Iterable, Iterator

_LENGTH_BYTES = 4


class Pieces:
    """Messages as a file to read from."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._held = bytearray()

    def read(self, size: int) -> bytes:
        """Give the next bytes: as many as asked for, fewer only at the end."""
        while len(self._held) < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._held += len(piece).to_bytes(_LENGTH_BYTES, "big") + piece
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken


def parted(plain: Iterable[bytes]) -> Iterator[bytes]:
    """Part the bytes of such a file into its messages again; what is cut off at the end is not given."""
    held = bytearray()
    for each in plain:
        held += each
        at = 0
        while len(held) - at >= _LENGTH_BYTES:
            size = int.from_bytes(held[at : at + _LENGTH_BYTES], "big")
            if len(held) - at - _LENGTH_BYTES < size:
                break
            yield bytes(held[at + _LENGTH_BYTES : at + _LENGTH_BYTES + size])
            at += _LENGTH_BYTES + size
        del held[:at]
