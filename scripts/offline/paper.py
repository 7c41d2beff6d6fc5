"""The paper of a twin, read as a person reads it."""

import base64
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from drivers.escpos import decoder
from scripts.demo_client import Door
from scripts.offline.frame import Missed

PATIENCE_S = 45.0
_LOOK_S = 0.05


@dataclass(frozen=True)
class Sheet:
    """A slip: its lines as text, and what its QR codes say."""

    text: str
    codes: tuple[str, ...]


class Paper:
    """What comes out of one printer; `mark` forgets what lies there already."""

    def __init__(self, url: str) -> None:
        self._door = Door(url)
        self._path = urlsplit(url).path.rstrip("/")
        self._seen = 0

    def close(self) -> None:
        """Drop the connection."""
        self._door.close()

    @property
    def pulses(self) -> int:
        """How often the drawer behind it was opened."""
        return int(self._ask("GET", "state")["drawer_pulses"])

    def faults(self, **switches: object) -> None:
        """Switch faults of the printer."""
        self._ask("POST", "faults", switches)

    def mark(self) -> None:
        """Look only at what comes from now on."""
        self._seen = int(self._ask("GET", "state")["slips"])

    def fresh(self) -> list[Sheet]:
        """Read what came since the mark."""
        found = []
        for slip in self._ask("GET", f"slips?after={self._seen}")["slips"]:
            if slip["complete"]:
                decoded = decoder.decode(base64.b64decode(slip["bytes_b64"]))
                found.append(Sheet(decoded.text, tuple(decoded.qr)))
        return found

    def comes(self, *needles: str, without: str = "") -> Sheet:
        """Wait for a slip that says all of something.

        Raises:
            Missed: none came.
        """
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for sheet in self.fresh():
                if all(needle in sheet.text for needle in needles) and not (without and without in sheet.text):
                    return sheet
            time.sleep(_LOOK_S)  # noqa: TID251 - between two looks at another process
        raise Missed(f"no paper says {', '.join(needles)}")

    def _ask(self, method: str, what: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        answer = self._door.ask_patiently(method, f"{self._path}/api/{what}", body)
        if not answer.fine:
            raise Missed(f"the twin refuses {what}: {answer.body}")
        return answer.body

    def opens_drawer(self, before: int) -> None:
        """Wait until the drawer was opened.

        Raises:
            Missed: it stayed shut.
        """
        deadline = time.monotonic() + PATIENCE_S
        while self.pulses <= before:
            if time.monotonic() > deadline:
                raise Missed("the drawer stayed shut")
            time.sleep(_LOOK_S)  # noqa: TID251 - between two looks at another process
