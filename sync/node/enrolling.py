"""The proofs of enrolment and renewal, made by a node and checked by the hub; and the fingerprint that people compare."""

import base64
import binascii
import hashlib
import hmac

import msgspec

from sync.contract import enrolling, ids
from sync.contract.enrolling import EnrolRequest, RenewRequest
from sync.node import certificates, keys


def make_request(own: keys.Identity, tls_key: str, *, store: str, code: str, node: str) -> EnrolRequest:
    """Make a node's request: its public keys, a certificate request for its TLS key, and the proof over both."""
    draft = EnrolRequest(
        store=store,
        code=code,
        node=node,
        signing_public=_text(own.public.signing),
        agreement_public=_text(own.public.agreement),
        csr=certificates.request(tls_key, store or "store"),
        proof="",
    )
    return msgspec.structs.replace(draft, proof=_text(own.sign(_bound(draft))))


def proof_holds(request: EnrolRequest, signing_public: bytes) -> bool:
    """Say whether whoever holds the signing key made this very request with this very code."""
    proof = _bytes(request.proof)
    return proof is not None and keys.verified(signing_public, _bound(request), proof)


def make_renewal(own: keys.Identity, tls_key: str, *, store: str, epoch: int, node: str) -> RenewRequest:
    """Make a node's request for its next certificate."""
    csr = certificates.request(tls_key, store)
    draft = RenewRequest(store=store, epoch=epoch, node=node, csr=csr, proof="")
    return msgspec.structs.replace(draft, proof=_text(own.sign(enrolling.renew_text(draft))))


def renewal_holds(request: RenewRequest, signing_public: bytes) -> bool:
    """Say whether the identity key made this renewal."""
    proof = _bytes(request.proof)
    return proof is not None and keys.verified(signing_public, enrolling.renew_text(request), proof)


def fingerprint(request: EnrolRequest) -> str:
    """Give the six groups that stand on both screens; each side works them out of what it holds itself."""
    public = certificates.requested_key(request.csr)
    parts = (request.store, request.node, request.signing_public, request.agreement_public)
    return certificates.spoken_fingerprint(*(part.encode() for part in parts), public)


def _bound(request: EnrolRequest) -> bytes:
    """Tie the request to the code (protocol §5.11)."""
    code = ids.crockford_clean(request.code).encode("utf-8", "surrogatepass")
    return enrolling.ENROL_PREFIX + hmac.digest(code, enrolling.enrol_text(request), hashlib.sha256)


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
