"""Waiting for what must come about: a generous bound, which costs nothing when all is well, and never a pause for luck."""

import threading
from collections.abc import Callable
from pathlib import Path

from sync.node.ports import SystemClock

PATIENCE_S = 60.0
"""How long anything that must happen may take, on a machine that has much else to do."""
LOOK_S = 0.02


def until(holds: Callable[[], object], why: Callable[[], object] = lambda: "", *, look_s: float = LOOK_S) -> None:
    """Wait until something is so.

    Args:
        holds: looked at again and again.
        why: what to say when it never comes about.
        look_s: the pause between two looks; 0 where `holds` waits by itself.

    Raises:
        AssertionError: it did not come about within `PATIENCE_S`.
    """
    clock, pause = SystemClock(), threading.Event()
    deadline_ms = clock.monotonic_ms() + PATIENCE_S * 1_000
    while not holds():
        assert clock.monotonic_ms() < deadline_ms, f"it did not come about within {PATIENCE_S:.0f} s: {why()}"
        pause.wait(look_s)


def process_state(pid: int) -> str:
    """Give a process's state as the kernel tells it: R, S, D, T for stopped, Z for dead and not yet asked after; '' for none."""
    try:
        # The program's name stands in brackets before it and may hold anything.
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
