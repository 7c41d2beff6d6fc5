"""What the guest sees at each till: on the displays of the till, and in a second window of the browser."""

import threading
from collections.abc import Iterable
from typing import Protocol

from edge.domain.guest_view import WELCOME, GuestView


class GuestScreens(Protocol):
    """The displays of the tills; showing never waits."""

    def show(self, till: str, view: GuestView) -> None:
        """Show something on the displays of a till, if it has any."""
        ...


class NoScreens:
    """A store without displays."""

    def show(self, till: str, view: GuestView) -> None:
        """There is nobody to show it."""


class CustomerDisplay:
    """The newest view of every till. Thread-safe; the newest wins."""

    def __init__(self, tills: Iterable[str], screens: GuestScreens) -> None:
        self._screens = screens
        self._condition = threading.Condition()
        self._views = dict.fromkeys(tills, WELCOME)
        self._revision = 0

    def show(self, till: str, view: GuestView) -> None:
        """Show something to the guest at a till; the same again changes nothing."""
        with self._condition:
            if till not in self._views or self._views[till] == view:
                return
            self._views[till] = view
            self._revision += 1
            self._condition.notify_all()
        self._screens.show(till, view)

    def view(self, till: str) -> GuestView | None:
        """Give what a till's guest sees now; None when there is no such till."""
        with self._condition:
            return self._views.get(till)

    def wait(self, seen: int, timeout_s: float) -> int:
        """Wait until something changed after `seen`, at most so long; gives the number to wait behind next time."""
        with self._condition:
            self._condition.wait_for(lambda: self._revision > seen, timeout_s)
            return self._revision

    def wake(self) -> None:
        """End all waits."""
        with self._condition:
            self._revision += 1
            self._condition.notify_all()
