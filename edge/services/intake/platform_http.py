"""A takeaway platform over HTTP, as the shipped one speaks it (`edge.web.platform_fake`); a real one is an adapter beside this one."""

import urllib.error
import urllib.request
from typing import Final
from urllib.parse import quote

import msgspec

from edge.domain.intake import AWAY, Answer, News, Outcome, Tell

TIMEOUT_S: Final = 3
ANSWER_BYTES_MAX: Final = 1024 * 1024


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform answers to what it is told."""

    outcome: Outcome
    reason: str = ""


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Why, where there is a why."""

    reason: str = ""


class DishState(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whether a dish can be had."""

    sold_out: bool


class NewsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is new."""

    news: tuple[News, ...]


class HttpPlatform:
    """A platform at an address (`edge.domain.intake.Platform`)."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def move(self, url: str) -> None:
        """Ask at another address from now on."""
        self._url = url.rstrip("/")

    def news(self, after: int) -> list[News] | None:
        """Ask what is new; see the port."""
        raw = self._ask(f"/news?after={after}", None)
        if raw is None:
            return None
        try:
            return list(msgspec.json.decode(raw, type=NewsAnswer).news)
        except msgspec.DecodeError:
            # Not the platform's own answer: as good as none.
            return None

    def tell(self, what: Tell, platform_no: str, reason: str = "") -> Answer:
        """Say what became of an order; see the port."""
        return self._said(f"/orders/{quote(platform_no, safe='')}/{what.value}", Reason(reason=reason))

    def sold_out(self, dish_id: str, *, sold_out: bool) -> Answer:
        """Say whether a dish can be had; see the port."""
        return self._said(f"/dishes/{quote(dish_id, safe='')}", DishState(sold_out=sold_out))

    def _said(self, path: str, body: msgspec.Struct) -> Answer:
        raw = self._ask(path, msgspec.json.encode(body))
        if raw is None:
            return AWAY
        try:
            said = msgspec.json.decode(raw, type=Said)
        except msgspec.DecodeError:
            return AWAY
        return Answer(said.outcome, said.reason)

    def _ask(self, path: str, body: bytes | None) -> bytes | None:
        """Give the answer's bytes; None where there is none that counts."""
        request = urllib.request.Request(  # noqa: S310 - the settings name the platform
            self._url + path,
            data=body,
            headers={"Content-Type": "application/json"},
            method="GET" if body is None else "POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:  # noqa: S310
                raw: bytes = reply.read(ANSWER_BYTES_MAX)
                return raw
        except (OSError, ValueError, urllib.error.URLError):
            return None
