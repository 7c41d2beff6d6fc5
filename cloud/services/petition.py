"""A request for enrolment, read: its form, its keys and its proof hold; whether the code is right comes later."""

import base64
import binascii
import re
from dataclasses import dataclass

from cloud.services.refusals import Refused
from sync.contract import ids
from sync.contract.enrolling import EnrolRequest
from sync.node import certificates, enrolling, keys
from sync.node.certificates import BadCertificateError

_NODE = re.compile(r"[A-Za-z0-9-]{1,64}")
_KEY_BYTES = 32


@dataclass(frozen=True)
class Petition:
    """A request whose proof holds: nobody else has these keys. `tls_key` is the public key to certify."""

    request: EnrolRequest
    keys: keys.PublicKeys
    tls_key: bytes
    fingerprint: str


def read(request: EnrolRequest, hub: keys.Identity) -> Petition | Refused:
    """Read a request, or refuse it: `bad_key`, `bad_store`, `bad_proof`."""
    node_keys = _read_keys(request, hub)
    if node_keys is None:
        return Refused("bad_key", 422)
    if ids.STORE_ID.fullmatch(request.store) is None or _NODE.fullmatch(request.node) is None:
        return Refused("bad_store", 422)
    try:
        tls_key, shown = certificates.requested_key(request.csr), enrolling.fingerprint(request)
    except BadCertificateError:
        return Refused("bad_key", 422)
    if not enrolling.proof_holds(request, node_keys.signing):
        return Refused("bad_proof", 422)
    return Petition(request, node_keys, tls_key, shown)


def _read_keys(request: EnrolRequest, hub: keys.Identity) -> keys.PublicKeys | None:
    try:
        signing = base64.b64decode(request.signing_public, validate=True)
        agreement = base64.b64decode(request.agreement_public, validate=True)
        if len(signing) != _KEY_BYTES or len(agreement) != _KEY_BYTES:
            return None
        # A point of low order agrees on nothing secret; the library refuses it here rather than in ingest.
        keys.agree(hub, agreement, salt=b"", info=b"try")
    except (binascii.Error, ValueError):
        return None
    return keys.PublicKeys(signing, agreement)
