"""Small clients for the product's public doors: a store's API, the hub's API, a virtual printer's page."""

import base64
import http.client
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from scripts.demo_world import Store

ANSWER_S = 120
RETRY_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)


class Unanswered(ConnectionError):
    """The request went out, or could not; nobody knows what became of it."""


@dataclass(frozen=True)
class Answer:
    """A status and a JSON body."""

    status: int
    body: Any

    @property
    def fine(self) -> bool:
        """Whether the request was granted."""
        return 200 <= self.status < 300  # noqa: PLR2004


@dataclass
class Door:
    """JSON over one kept-alive connection. Not for several threads at once."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    _connection: http.client.HTTPConnection | None = None

    def send(self, method: str, path: str, body: object = None) -> http.client.HTTPConnection:
        """Put a request on the wire without waiting for its answer.

        Raises:
            Unanswered: the connection broke.
        """
        if self._connection is None:
            parts = urlsplit(self.url)
            self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=ANSWER_S)
        headers = dict(self.headers)
        raw = None
        if body is not None:
            raw = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        try:
            self._connection.request(method, path, raw, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unanswered(str(error)) from error
        return self._connection

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        """Put a request and wait for its answer.

        Raises:
            Unanswered: the connection broke before the answer was whole.
        """
        connection = self.send(method, path, body)
        try:
            reply = connection.getresponse()
            raw = reply.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unanswered(str(error)) from error
        cookie = reply.headers.get("Set-Cookie")
        if cookie:
            self.headers["Cookie"] = cookie.partition(";")[0]
        is_json = "json" in (reply.headers.get("Content-Type") or "")
        return Answer(reply.status, json.loads(raw) if is_json and raw else raw)

    def ask_patiently(self, method: str, path: str, body: object = None) -> Answer:
        """Ask again until somebody answers; for requests that may be repeated.

        Raises:
            Unanswered: nobody answered for two minutes.
        """
        deadline = time.monotonic() + ANSWER_S
        for attempt in range(1_000):
            try:
                return self.ask(method, path, body)
            except Unanswered:
                if time.monotonic() > deadline:
                    raise
                time.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])  # noqa: TID251 - between two tries at another process
        raise Unanswered(path)

    def close(self) -> None:
        """Drop the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def till(store: Store, number: str = "1") -> Door:
    """Sign in at a till of a store, as a cashier does."""
    door = Door(store.url)
    answer = door.ask_patiently("POST", "/api/v1/session", {"pin": store.pin, "till": number})
    if not answer.fine:
        raise RuntimeError(f"sign-in at {store.id} was refused: {answer.body}")
    return door


def hub(console_url: str, token: str) -> Door:
    """Open the hub's API as a program."""
    return Door(console_url, {"Authorization": f"Bearer {token}"})


def all_sales(door: Door, path: str) -> list[dict[str, Any]]:
    """Read every page of a list of sales.

    Raises:
        RuntimeError: it was refused; the text says how.
    """
    found: list[dict[str, Any]] = []
    after = 0
    mark = "&" if "?" in path else "?"
    while True:
        answer = door.ask_patiently("GET", f"{path}{mark}after={after}&limit=500")
        if not answer.fine:
            raise RuntimeError(f"{path} was refused: {answer.body}")
        page = answer.body
        found += page["sales"]
        if page["next"] is None:
            return found
        after = page["next"]


@dataclass(frozen=True)
class Slip:
    """A piece of paper: its bytes as the printer took them."""

    index: int
    raw: bytes
    complete: bool


class Roll:
    """A virtual printer's paper and its fault switches."""

    def __init__(self, url: str) -> None:
        self._door = Door(url)

    def faults(self, **switches: object) -> None:
        """Set fault switches, as a person at the roll page does."""
        answer = self._door.ask_patiently("POST", "/api/faults", switches)
        if not answer.fine:
            raise RuntimeError(f"the printer refused {switches}: {answer.body}")

    def state(self) -> dict[str, Any]:
        """Read what state the printer is in."""
        state: dict[str, Any] = self._door.ask_patiently("GET", "/api/state").body
        return state

    def slips(self) -> list[Slip]:
        """Read all paper, oldest first."""
        found: list[Slip] = []
        after = 0
        while True:
            page = self._door.ask_patiently("GET", f"/api/slips?after={after}").body["slips"]
            found += [Slip(one["index"], base64.b64decode(one["bytes_b64"]), one["complete"]) for one in page]
            if not page:
                return found
            after = page[-1]["index"]

    def close(self) -> None:
        """Drop the connection."""
        self._door.close()

    def png(self, index: int) -> bytes:
        """Get the picture of a slip."""
        raw: bytes = self._door.ask_patiently("GET", f"/api/slips/{index}.png").body
        return raw
