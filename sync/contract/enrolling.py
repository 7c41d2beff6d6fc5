"""What a node and the hub say to each other when a node is enrolled or has its certificate renewed.

These messages go over the hub's web API, in JSON; keys and signatures are base64, certificates PEM.
"""

import msgspec

from sync.contract.words import Name

ENROL_PREFIX = b"rs1 enrol\0"
RENEW_PREFIX = b"rs1 renew\0"
CODE_DIGITS = 10
"""The Crockford characters of an activation code."""


class EnrolRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a node sends: the code, what it calls itself (a UUID), its public keys, its certificate request.

    `proof` is the node's Ed25519 signature over an HMAC of everything else, keyed by the code (protocol §5.11): it shows
    that one and the same party holds the code and the keys, so nobody on the way can put keys of their own in.
    """

    store: str
    code: str
    node: str
    signing_public: str
    agreement_public: str
    csr: str
    proof: str


class BrokerAccess(msgspec.Struct, frozen=True, kw_only=True):
    """Where the hints travel, and the store's rights there.

    With `tls` "mutual" the certificate is the right and `username` and `token` are empty; with "server" only the broker
    shows a certificate (a managed broker); "off" is for the loopback address. `ca` is who signs the broker's certificate.
    """

    host: str
    port: int
    username: str
    token: str
    tls: str = "off"
    ca: str = ""


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """What a node is granted. `ca` signs the hub's pages and the node's certificate; `crl` names those that ended."""

    tenant: str
    store: str
    epoch: int
    hub_signing: str
    hub_agreement: str
    name: Name
    broker: BrokerAccess
    public_url: str
    certificate: str = ""
    ca: str = ""
    crl: str = ""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """The code is right, and a person at the console has yet to compare the fingerprint and say yes."""

    waiting: bool
    fingerprint: str
    ask_again_s: int


class RenewRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A node asks for its next certificate, signed by its identity key: an expired certificate is no hindrance."""

    store: str
    epoch: int
    node: str
    csr: str
    proof: str


class Renewed(msgspec.Struct, frozen=True, kw_only=True):
    """The next certificate, and the CA and revocation list of today."""

    certificate: str
    ca: str
    crl: str


def enrol_text(request: EnrolRequest) -> bytes:
    """Give the bytes of a request that its proof is made over: every field but code and proof, in one fixed order."""
    fields = (request.store, request.node, request.signing_public, request.agreement_public, request.csr)
    return ENROL_PREFIX + msgspec.json.encode(fields)


def renew_text(request: RenewRequest) -> bytes:
    """Give the bytes of a renewal that its proof signs."""
    return RENEW_PREFIX + msgspec.json.encode((request.store, request.epoch, request.node, request.csr))
