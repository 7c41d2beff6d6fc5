"""Scanners at a till: what is scanned goes on as text, once; what it means is decided by the screen of the till.

No code is kept, counted by content or written anywhere: it may be a payment code, and that is a bearer secret (drivers.md §5.7).
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from drivers.scanner.framer import Framer, Framing, Noise, Read, Scan
from drivers.scanner.keys import KeyReader
from drivers.scanner.repeats import Repeats
from drivers.transport.address import Address, HidAddress
from edge.devices.talk import NOTHING, Heard
from edge.domain.device_rows import ScannerRow

KEYS_IDLE_MS: Final = 100

OnScan = Callable[[str, str], None]
"""Takes the till and the text."""


class _Reader(Protocol):
    def feed(self, data: bytes, now_ms: int) -> list[Read]: ...
    def tick(self, now_ms: int) -> list[Read]: ...
    def reset(self) -> list[Noise]: ...


class ScannerTalk:
    """One connection to one scanner; see `Talk`."""

    poll_ms = 0
    listens = True

    def __init__(self, row: ScannerRow, at: Address, on_scan: OnScan) -> None:
        framing = Framing(prefix=row.prefix, suffix=row.suffix, silence_ms=row.silence_ms)
        typed = isinstance(at, HidAddress)
        self._reader: _Reader = KeyReader(KEYS_IDLE_MS, framing) if typed else Framer(framing)
        self.linger_ms = KEYS_IDLE_MS if typed else row.silence_ms
        self._repeats = Repeats()
        self._till = row.till
        self._on_scan = on_scan

    def hello(self) -> bytes:
        """A scanner is told nothing."""
        return b""

    question = outgoing = hello

    def feed(self, data: bytes, now_ms: int) -> Heard:
        """Take bytes as they came."""
        return self._passed_on(self._reader.feed(data, now_ms), now_ms)

    def tick(self, now_ms: int) -> Heard:
        """Let silence end a code."""
        found = self._reader.tick(now_ms)
        return self._passed_on(found, now_ms) if found else NOTHING

    def closed(self, now_ms: int) -> Heard:
        """Half a code is no code."""
        return self._passed_on(self._reader.reset(), now_ms)

    def _passed_on(self, found: Sequence[Read], now_ms: int) -> Heard:
        codes = [read.text for read in found if isinstance(read, Scan)]
        noise = [read.reason for read in found if isinstance(read, Noise)]
        new = [text for text in codes if self._repeats.first(text, now_ms)]
        for text in new:
            self._on_scan(self._till, text)
        return Heard(
            answered=bool(codes),
            garbage="garbage" in noise,
            events=len(new),
            notes=tuple(f"scan.{reason}" for reason in noise),
        )
