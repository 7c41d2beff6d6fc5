"""The node's end of the takeaway platforms: which there are, which of them answered last, and a bell for the worker."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeVar

from edge.domain.intake import AWAY, Answer, Platform
from edge.settings import PlatformSettings

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Counter:
    """A platform with what the settings say of it."""

    settings: PlatformSettings
    platform: Platform


class IntakeDesk:
    """Thread-safe; lives as long as the process. What must outlive it lies in the file (`edge.db.intake`).

    Args:
        counters: the platforms of the settings, by id.
    """

    def __init__(self, counters: Mapping[str, Counter] = MappingProxyType({})) -> None:
        self.counters: Final = counters
        self.bell: Final = threading.Event()
        self._lock = threading.Lock()
        self._away: set[str] = set()

    def is_away(self, platform: str) -> bool:
        """Say whether nobody answered there the last time."""
        return platform in self._away

    def ask(self, platform: str, question: Callable[[Platform], Answer]) -> Answer:
        """Tell a platform something; whatever goes wrong on the way is `unknown`."""
        counter = self.counters.get(platform)
        answer = AWAY if counter is None else self._try(platform, lambda: question(counter.platform), AWAY)
        self._note(platform, away=answer == AWAY)
        return answer

    def read(self, platform: str, question: Callable[[Platform], T | None]) -> T | None:
        """Ask a platform something; None = nobody answered."""
        counter = self.counters[platform]
        found = self._try(platform, lambda: question(counter.platform), None)
        self._note(platform, away=found is None)
        return found

    def _note(self, platform: str, *, away: bool) -> None:
        with self._lock:
            (self._away.add if away else self._away.discard)(platform)

    def _try(self, platform: str, question: Callable[[], T], otherwise: T) -> T:
        try:
            return question()
        except Exception as error:  # noqa: BLE001 - a fault of the way there is no answer
            log.error("platform.failed", extra={"platform": platform, "kind": type(error).__name__})  # noqa: TRY400
            return otherwise
