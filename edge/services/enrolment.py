"""A node becomes a store's node: it makes its keys, shows a one-time code to the hub, and keeps the answer."""

import base64
import json
import urllib.error
import urllib.request
from pathlib import Path

import msgspec

from sync.contract.words import Name
from sync.node import keys

TIMEOUT_S = 10


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """Where the hints travel, and this node's rights there."""

    host: str
    port: int
    username: str
    token: str


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """What the hub granted; kept in a file of mode 0600 beside the keys."""

    tenant: str
    store: str
    epoch: int
    node: str
    hub_signing: str
    hub_agreement: str
    name: Name
    broker: Broker
    public_url: str

    @property
    def hub_signing_key(self) -> bytes:
        """The hub's Ed25519 public key."""
        return base64.b64decode(self.hub_signing)

    @property
    def hub_agreement_key(self) -> bytes:
        """The hub's X25519 public key."""
        return base64.b64decode(self.hub_agreement)


class EnrolmentError(RuntimeError):
    """The hub did not grant; the message says why and what to do."""


def load(folder: Path) -> Enrolment | None:
    """Read what the hub granted; None before enrolment."""
    path = folder / "enrolment.json"
    return msgspec.json.decode(path.read_bytes(), type=Enrolment) if path.exists() else None


def enrol(folder: Path, hub_url: str, store: str, code: str, node: str) -> Enrolment:
    """Redeem a one-time code and keep the grant.

    A lost answer is harmless: the same node asking again with the same code and keys is told the same.

    Args:
        node: a fresh UUID (hex) that names this installation.

    Raises:
        EnrolmentError: the hub did not answer, or refused.
    """
    identity = keys.load_or_make(folder / "keys.json")
    request = {
        "store": store,
        "code": code,
        "node": node,
        "signing_public": base64.b64encode(identity.public.signing).decode(),
        "agreement_public": base64.b64encode(identity.public.agreement).decode(),
    }
    answer = _post(f"{hub_url.rstrip('/')}/api/v1/enrol", request)
    try:
        granted = msgspec.convert({**answer, "node": node}, Enrolment)
    except msgspec.ValidationError as error:
        raise EnrolmentError(f"the hub's answer is not understood ({error}); are both sides of one version?") from error
    keys.write_secret(folder / "enrolment.json", msgspec.json.encode(granted))
    return granted


def _post(url: str, body: dict[str, str]) -> dict[str, object]:
    request = urllib.request.Request(  # noqa: S310 - the operator names the hub
        url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:  # noqa: S310
            answer: dict[str, object] = json.loads(reply.read())
    except urllib.error.HTTPError as error:
        raise EnrolmentError(_sentence(error)) from error
    except (urllib.error.URLError, TimeoutError, ValueError) as error:
        raise EnrolmentError(f"the hub at {url} did not answer; check its address and that it runs") from error
    return answer


def _sentence(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["message"])
    except (ValueError, KeyError):
        return f"the hub refused with status {error.code}"
