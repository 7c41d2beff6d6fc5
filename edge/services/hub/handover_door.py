"""The hub's handover door as a node may use it: every request signed by the node's key, the hub trusted as at the enrolment."""

import http.client
import json
import urllib.error
import urllib.request
from pathlib import Path

from edge.services.hub import hub_web
from edge.services.hub.hub_web import HubWebError
from sync.contract import handover
from sync.node.keys import Identity
from sync.node.ports import Chance, Clock

TIMEOUT_S = 30


class ReplaceError(RuntimeError):
    """The store could not be brought back yet; the message says why and what to do. What came so far is kept."""


class HubDoor:
    """The hub's handover door as this node may use it."""

    def __init__(self, folder: Path, hub_url: str, identity: Identity, clock: Clock, chance: Chance) -> None:
        """Go to a hub, trusted as at the enrolment.

        Raises:
            ReplaceError: the address may not be used.
        """
        try:
            self._trust = hub_web.context(folder, hub_url)
        except HubWebError as error:
            raise ReplaceError(str(error)) from error
        self._base = hub_url.rstrip("/")
        self._identity = identity
        self._clock = clock
        self._chance = chance

    def __call__(self, path: str) -> bytes:
        """Fetch a path.

        Raises:
            ReplaceError: the hub did not answer, or refused.
        """
        return self._speak("GET", path, None)

    def send(self, path: str, body: bytes) -> None:
        """Send to a path.

        Raises:
            ReplaceError: the hub did not answer, or refused.
        """
        self._speak("POST", path, body)

    def _speak(self, method: str, path: str, sent: bytes | None) -> bytes:
        nonce, at_ms = self._chance.token(handover.NONCE_BYTES), self._clock.now_ms()
        signature = self._identity.sign(handover.to_sign(method, path, at_ms, nonce))
        request = urllib.request.Request(  # noqa: S310 - the operator names the hub
            self._base + path,
            data=sent,
            headers={
                "Authorization": handover.header(at_ms, nonce, signature),
                "Content-Type": "application/octet-stream",
            },
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=self._trust) as reply:  # noqa: S310
                body: bytes = reply.read(handover.PIECE_BYTES_MAX + 1)
        except urllib.error.HTTPError as error:
            with error:
                raise ReplaceError(_sentence(error)) from error
        except (OSError, http.client.HTTPException) as error:
            raise ReplaceError(
                f"the hub at {self._base} did not answer; check its address and that it runs, then give the command again"
            ) from error
        if len(body) > handover.PIECE_BYTES_MAX:
            raise ReplaceError("the hub's answer is larger than any of ours; are both sides of one version?")
        return body


def _sentence(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["message"])
    except (ValueError, KeyError, OSError):
        return f"the hub refused with status {error.code}"
