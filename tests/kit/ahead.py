"""Runs a program of ours with its wall clock moved, for worlds of real processes: `python -m tests.kit.ahead FILE edge run …`.

FILE holds by how many ms the clock is ahead. It is read once, at the start: a clock is moved by stopping and starting, as people find a
machine after a week. The monotonic clock stays the machine's own.
"""

import runpy
import sys
from pathlib import Path

from sync.node.ports import SystemClock


def ahead(ahead_ms: int) -> None:
    """Let every clock of this process be ahead."""
    wall = SystemClock.now_ms

    def now_ms(self: SystemClock) -> int:
        return wall(self) + ahead_ms

    SystemClock.now_ms = now_ms  # type: ignore[method-assign]


if __name__ == "__main__":
    ahead(int(Path(sys.argv[1]).read_text(encoding="ascii")))
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
