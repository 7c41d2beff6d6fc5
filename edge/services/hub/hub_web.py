"""The node's way to the hub's web API, for enrolment and renewal: over TLS that trusts the hub's own CA and nobody else.

The CA is learnt once, by its fingerprint from the code sheet; before that nothing secret is said. Plain HTTP is for this
machine only.
"""

import json
import ssl
import urllib.error
import urllib.request
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from sync.node import certificates, keys
from sync.node.certificates import BadCertificateError

TIMEOUT_S = 10
CA_FILE = "hub-ca.pem"
ANSWER_BYTES_MAX = 1024 * 1024


class HubWebError(RuntimeError):
    """The hub did not do what was asked; the message is a sentence. `code` is the hub's own, empty where it gave none."""

    def __init__(self, sentence: str, code: str = "") -> None:
        super().__init__(sentence)
        self.code = code


def pin(folder: Path, hub_url: str, fingerprint: str) -> None:
    """Learn the hub's CA: taken from whoever answers, and kept only if it is the one on the code sheet.

    Raises:
        HubWebError: nobody answers, or it is another hub's CA.
    """
    unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unchecked.check_hostname = False
    # What comes back is public, and believed by its fingerprint alone.
    unchecked.verify_mode = ssl.CERT_NONE
    answer = _ask(f"{hub_url.rstrip('/')}/api/v1/ca", None, unchecked if _is_tls(hub_url) else None)
    told = answer.get("ca")
    try:
        found = certificates.fingerprint(told if isinstance(told, str) else "")
    except BadCertificateError as error:
        raise HubWebError(f"the hub at {hub_url} has no CA; are both sides of one version?") from error
    if found != "".join(letter for letter in fingerprint.lower() if letter.isalnum()):
        raise HubWebError(
            f"whoever answers at {hub_url} is not the hub of the code sheet: its CA has another fingerprint. Stop, and "
            "check the address and the sheet"
        )
    keys.write_secret(folder / CA_FILE, str(told).encode())


def context(folder: Path, hub_url: str) -> ssl.SSLContext | None:
    """Give what a connection to the hub is checked by: the CA that was learnt, else the machine's; None for plain HTTP.

    Raises:
        HubWebError: plain HTTP to another machine, or the CA's file is damaged.
    """
    if not _is_tls(hub_url):
        if not _is_here(hub_url):
            raise HubWebError(f"{hub_url} would carry the code in clear; use https and the code sheet's fingerprint")
        return None
    path = folder / CA_FILE
    try:
        made = ssl.create_default_context(cafile=str(path) if path.exists() else None)
    except (OSError, ValueError) as error:
        raise HubWebError(f"{path} is damaged; enrol again with the fingerprint of the code sheet") from error
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def post(folder: Path, hub_url: str, path: str, body: msgspec.Struct) -> dict[str, object]:
    """Send a request to the hub's API and give its answer.

    Raises:
        HubWebError: nobody answers, it is not our hub, or it refused.
    """
    return _ask(f"{hub_url.rstrip('/')}{path}", msgspec.json.encode(body), context(folder, hub_url))


def _ask(url: str, body: bytes | None, trust: ssl.SSLContext | None) -> dict[str, object]:
    # The hub's sentence ends up among our own, which are English on the command line and in the log.
    headers = {"Content-Type": "application/json", "Accept-Language": "en"}
    request = urllib.request.Request(  # noqa: S310 - the operator names the hub
        url, data=body, headers=headers, method="GET" if body is None else "POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=trust) as reply:  # noqa: S310
            answer: dict[str, object] = json.loads(reply.read(ANSWER_BYTES_MAX))
    except urllib.error.HTTPError as error:
        raise _refusal(error) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise HubWebError(_not_our_hub(url, error.reason)) from error
        raise HubWebError(f"the hub at {url} did not answer; check its address and that it runs") from error
    except (OSError, ValueError) as error:
        raise HubWebError(f"the hub at {url} did not answer; check its address and that it runs") from error
    return answer


def _not_our_hub(url: str, error: ssl.SSLCertVerificationError) -> str:
    return (
        f"whoever answers at {url} is not our hub, or its certificate is over ({error.verify_message}); check the address, "
        "this machine's clock, and give the fingerprint of the code sheet"
    )


def _refusal(error: urllib.error.HTTPError) -> HubWebError:
    try:
        told = json.loads(error.read(ANSWER_BYTES_MAX))
        return HubWebError(str(told["message"]), str(told.get("code", "")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return HubWebError(f"the hub refused with status {error.code}")


def _is_tls(hub_url: str) -> bool:
    return urlsplit(hub_url).scheme == "https"


def _is_here(hub_url: str) -> bool:
    host = urlsplit(hub_url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
