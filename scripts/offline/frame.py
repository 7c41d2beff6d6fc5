"""The frame of the drive: which driver shows which function, and how one says that the guest did not get it.

A driver is told the counter and does what a person would do, over the node's real doors. It judges what came of it where the guest
stands: paper, drawer, table, what the screen says. Whatever it raises is a failure, and so is a function that no driver shows.
"""

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scripts.offline.counter import Counter

Driver = Callable[["Counter"], None]
NOT_DRIVERS = frozenset({"node", "frame", "counter", "world", "paper", "browser"})
"""Modules of this folder that drive nothing."""
_drivers: dict[str, Driver] = {}


class Missed(Exception):
    """The guest, or whoever stands at the counter, did not get what the function promises."""


def drives(function_id: str) -> Callable[[Driver], Driver]:
    """Name the function of `edge/functions.toml` that a driver shows.

    Raises:
        ValueError: two drivers show one function.
    """

    def of(driver: Driver) -> Driver:
        if function_id in _drivers:
            raise ValueError(f"{function_id} is driven twice")
        _drivers[function_id] = driver
        return driver

    return of


def hold(is_so: object, what: str) -> None:
    """Hold that something is so.

    Raises:
        Missed: it is not.
    """
    if not is_so:
        raise Missed(what)


def drivers() -> dict[str, Driver]:
    """Give every driver of this folder, by the function that it shows."""
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem not in NOT_DRIVERS:
            importlib.import_module(f"scripts.offline.{path.stem}")
    return dict(_drivers)


@dataclass(frozen=True)
class Result:
    """What came of one function; `why` is empty where it passed."""

    id: str
    presses: int
    why: str = ""

    @property
    def passed(self) -> bool:
        """Whether the guest got it."""
        return not self.why


def score(results: Iterable[Result]) -> tuple[float, float]:
    """Give the share that passed: of functions, and of presses."""
    found = list(results)
    presses = sum(one.presses for one in found)
    passed = [one for one in found if one.passed]
    plain = len(passed) / len(found) if found else 0.0
    return plain, sum(one.presses for one in passed) / presses if presses else 0.0
