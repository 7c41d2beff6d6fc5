"""A node whose clock can be moved on: `dev.py offline --hours N` lets days pass without the network.

The same process as `zhanggui-edge run`, but for its clock: that of the machine and so many ms ahead as a file says. SIGUSR1 has it
read again. Wall time and the time of time-outs move together, as they do for a node that was simply left running.
"""

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from edge import settings as edge_settings
from edge import wiring
from sync.node import logs
from sync.node.ports import SystemClock


class AheadClock:
    """The clock of the machine, and ahead of it by what the file says."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._clock = SystemClock()
        self.read()

    def read(self) -> None:
        """Take what the file says now."""
        self._ahead_ms = int(self._file.read_text(encoding="ascii"))

    def now_ms(self) -> int:
        """Wall time in ms since 1970."""
        return self._clock.now_ms() + self._ahead_ms

    def monotonic_ms(self) -> int:
        """Monotonic ms."""
        return self._clock.monotonic_ms() + self._ahead_ms


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM; start anew when the node is asked to."""
    parser = argparse.ArgumentParser(prog="scripts.offline.node", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--ahead", type=Path, required=True, help="a file with a whole number of ms")
    chosen = parser.parse_args(arguments)
    settings = edge_settings.load(chosen.config)
    logs.set_up(Path(settings.data_dir), level=settings.log_level)
    clock = AheadClock(chosen.ahead)
    wake, stopping = threading.Event(), threading.Event()

    def stop(*_: object) -> None:
        stopping.set()
        wake.set()

    signal.signal(signal.SIGUSR1, lambda *_: clock.read())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    while not stopping.is_set():
        wake.clear()
        running = wiring.start(settings, restart=wake.set, clock=clock)
        print(json.dumps({"ready": True, "url": f"http://{settings.web.host}:{running.port}/"}), flush=True)
        wake.wait()
        running.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
