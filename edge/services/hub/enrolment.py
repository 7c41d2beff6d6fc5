"""A node becomes a store's node: it makes its keys, shows a one-time code to the hub, and keeps the answer."""

import base64
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import msgspec

from edge.services.hub import hub_web
from edge.services.hub.hub_web import HubWebError
from sync.contract import ids
from sync.contract.enrolling import CODE_DIGITS, EnrolRequest, Waiting
from sync.contract.words import Name
from sync.engine.tls import TlsFiles
from sync.node import certificates, enrolling, keys
from sync.node.certificates import BadCertificateError
from sync.node.keys import KeyFileError

KEYS_FILE = "keys.json"
GRANT_FILE = "enrolment.json"
TLS_KEY_FILE = "tls-key.pem"
TLS_FILE = "tls.pem"
BROKER_CA_FILE = "broker-ca.pem"
SHEET = "zhanggui1?"
WAIT_S = 3_600
"""How long a node waits for a person at the console."""


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """Where the hints travel, and this node's rights there; see `sync.contract.enrolling.BrokerAccess`."""

    host: str
    port: int
    username: str
    token: str
    tls: str = "off"


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """What the hub granted; kept in a file of mode 0600 beside the keys.

    `key_id` names the identity that it was granted to (hex), `hub_url` is where certificates are renewed.
    """

    tenant: str
    store: str
    epoch: int
    node: str
    hub_signing: str
    hub_agreement: str
    name: Name
    broker: Broker
    public_url: str
    key_id: str = ""
    hub_url: str = ""

    @property
    def hub_signing_key(self) -> bytes:
        """The hub's Ed25519 public key."""
        return base64.b64decode(self.hub_signing)

    @property
    def hub_agreement_key(self) -> bytes:
        """The hub's X25519 public key."""
        return base64.b64decode(self.hub_agreement)


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A scanned code sheet: the hub's address, the store, the code, the fingerprint of the hub's CA."""

    hub: str
    store: str
    code: str
    ca: str


class EnrolmentError(RuntimeError):
    """The hub did not grant; the message says why and what to do."""


def load(folder: Path) -> Enrolment | None:
    """Read what the hub granted; None before enrolment."""
    path = folder / GRANT_FILE
    return msgspec.json.decode(path.read_bytes(), type=Enrolment) if path.exists() else None


def own_identity(folder: Path) -> keys.Identity:
    """Read the node's identity, made at its first start; never silently another one once it was enrolled.

    Raises:
        KeyFileError: with the way back.
    """
    path, held = folder / KEYS_FILE, load(folder)
    if held is None:
        return keys.load_or_make(path)
    try:
        identity = keys.load(path)
    except FileNotFoundError as error:
        raise KeyFileError(_way_back(path, "is gone")) from error
    except KeyFileError as error:
        raise KeyFileError(_way_back(path, "is damaged")) from error
    if held.key_id and held.key_id != identity.public.key_id.hex():
        raise KeyFileError(_way_back(path, "is not the one that this node was enrolled with"))
    return identity


def read_sheet(text: str) -> Sheet:
    """Read what a scanner made of a code sheet.

    Raises:
        EnrolmentError: it is none.
    """
    given = text.strip()
    fields = {name: values[0] for name, values in parse_qs(given.removeprefix(SHEET)).items()}
    if not given.startswith(SHEET) or not {"hub", "store", "code", "ca"} <= fields.keys():
        raise EnrolmentError("this is no code sheet; it begins with zhanggui1? and has hub, store, code and ca")
    return Sheet(hub=fields["hub"], store=fields["store"], code=fields["code"], ca=fields["ca"])


def enrol(
    folder: Path,
    hub_url: str,
    store: str,
    code: str,
    node: str,
    *,
    ca_fingerprint: str = "",
    on_waiting: Callable[[str, int], None] | None = None,
    pause: Callable[[float], object] | None = None,
) -> Enrolment:
    """Redeem a one-time code and keep the grant.

    A lost answer is harmless: the same node asking again with the same code and keys is told the same.

    Args:
        folder: the node's.
        hub_url: the address of the hub's console.
        store: the store's id.
        code: as people type it.
        node: a fresh UUID (hex) that names this installation.
        ca_fingerprint: of the hub's CA, from the code sheet; needed once, for a hub with a CA of its own.
        on_waiting: told the six groups and the seconds waited so far, while a person has to approve.
        pause: waits so many seconds; without it a node that has to wait is refused.

    Raises:
        EnrolmentError: the hub did not answer, or refused.
        KeyFileError: the node's keys are lost.
    """
    _check_code(code)
    folder.mkdir(parents=True, exist_ok=True)
    identity, tls_key = own_identity(folder), _tls_key(folder)
    request = enrolling.make_request(identity, tls_key, store=store, code=code, node=node)
    try:
        if ca_fingerprint:
            hub_web.pin(folder, hub_url, ca_fingerprint)
        answer = _granted(folder, hub_url, request, on_waiting, pause)
    except HubWebError as error:
        raise EnrolmentError(str(error)) from error
    try:
        extra = {"node": node, "hub_url": hub_url, "key_id": identity.public.key_id.hex()}
        granted = msgspec.convert({**answer, **extra}, Enrolment)
    except msgspec.ValidationError as error:
        raise EnrolmentError(f"the hub's answer is not understood ({error}); are both sides of one version?") from error
    _keep_papers(folder, answer, tls_key)
    keys.write_secret(folder / GRANT_FILE, msgspec.json.encode(granted))
    return granted


def tls_files(folder: Path, grant: Enrolment) -> TlsFiles | None:
    """Give what a connection to the broker needs; None for a broker on this machine without TLS."""
    if grant.broker.tls == "off":
        return None
    ca = str(folder / BROKER_CA_FILE)
    if grant.broker.tls == "server":
        return TlsFiles(ca=ca)
    return TlsFiles(ca=ca, certificate=str(folder / TLS_FILE), key=str(folder / TLS_KEY_FILE))


def _granted(
    folder: Path,
    hub_url: str,
    request: EnrolRequest,
    on_waiting: Callable[[str, int], None] | None,
    pause: Callable[[float], object] | None,
) -> dict[str, object]:
    """Ask until it is decided. The six groups shown are our own: whoever stands in between cannot choose them."""
    waited_s = 0
    while True:
        answer = hub_web.post(folder, hub_url, "/api/v1/enrol", request)
        if "waiting" not in answer:
            return answer
        try:
            told = msgspec.convert(answer, Waiting)
        except msgspec.ValidationError as error:
            raise HubWebError("the hub's answer is not understood; are both sides of one version?") from error
        shown = enrolling.fingerprint(request)
        if pause is None or waited_s >= WAIT_S:
            raise HubWebError(f"nobody approved this node at the hub yet; its fingerprint is {shown}. Enrol again then")
        if on_waiting is not None:
            on_waiting(shown, waited_s)
        step_s = min(max(told.ask_again_s, 1), 60)
        pause(step_s)
        waited_s += step_s


def _check_code(code: str) -> None:
    """Stop what can only be a slip of the finger here: at the hub it would cost one of the code's few tries."""
    typed = ids.crockford_clean(code)
    if len(typed) != CODE_DIGITS or not set(typed) <= set(ids.CROCKFORD):
        raise EnrolmentError(
            f"the code has {CODE_DIGITS} letters and digits, such as 7K2M4-9XQ0D, and this one has not. Check what you "
            "typed; the hub was not asked, and the code is as good as before"
        )


def _tls_key(folder: Path) -> str:
    """Read the node's TLS key, or make it: it never leaves the node and is not the identity."""
    path = folder / TLS_KEY_FILE
    try:
        held = path.read_text(encoding="ascii")
        certificates.public_key_of(held)
    except (FileNotFoundError, UnicodeDecodeError, BadCertificateError):
        # Nothing but certificates hangs on this key, and those the hub gives anew.
        held = certificates.new_key()
        keys.write_secret(path, held.encode())
    return held


def _keep_papers(folder: Path, answer: dict[str, object], tls_key: str) -> None:
    certificate, broker = str(answer.get("certificate", "")), answer.get("broker")
    broker_ca = str(broker.get("ca", "")) if isinstance(broker, dict) else ""
    if certificate:
        try:
            fits = certificates.read(certificate).public_key == certificates.public_key_of(tls_key)
        except BadCertificateError as error:
            raise EnrolmentError("the hub's answer is not understood; are both sides of one version?") from error
        if not fits:
            raise EnrolmentError("the hub signed a certificate for another key; enrol again with a new code")
        keys.write_secret(folder / TLS_FILE, certificate.encode())
    if broker_ca:
        keys.write_secret(folder / BROKER_CA_FILE, broker_ca.encode())


def _way_back(path: Path, what: str) -> str:
    return (
        f"{path} {what}: without it this node is not itself, and nothing was changed. Put the file back from a copy; or "
        "move the whole folder aside and bring the store back into an empty one with `zhanggui-edge enrol --replace`"
    )
