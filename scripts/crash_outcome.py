"""What the power cuts of `crash` come to, and where they are put."""

import os
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from scripts.crash_vfs import Step


@dataclass
class Outcome:
    """What the cuts of one life came to."""

    seed: str
    points: int = 0
    confirmed: int = 0
    lost: int = 0
    doubled: int = 0
    corrupt: int = 0
    kept: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)


def scratch_parent() -> str | None:
    """Give a folder in memory where there is one: what is judged lies in the image, not in how fast it is written."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a private folder is made below it


def places(record: Sequence[Step], promised: Sequence[int], points: int, chance: random.Random) -> list[int]:
    """Draw where to cut: anywhere, and as often right around a sync, a truncate, or what was just confirmed."""
    turns = [at for at, step in enumerate(record, start=1) if step.kind != "write"]
    turns += promised
    near = (min(len(record), max(1, chance.choice(turns) + chance.randint(-2, 2))) for _ in range(points // 2))
    anywhere = (chance.randint(1, len(record)) for _ in range(points - points // 2))
    return sorted([*near, *anywhere])
