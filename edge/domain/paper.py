"""The printer as people see it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PrinterView:
    """The printer's state in a word, and since when (wall ms); no answer is `not_answering`, never `ready`."""

    state: str
    since_ms: int
