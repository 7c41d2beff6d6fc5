"""X.509 certificates for TLS: a small CA of ECDSA P-256 (browsers do not take Ed25519), leaves, and the list of revoked ones.

Functions of their arguments: the time is passed in, serial numbers are made from bytes passed in. Everything is PEM.
Lives are those of ux-security §10.1: CA 3 years, leaf 90 days, renewed from the 60th day on.
"""

import datetime as dt
import hashlib
import ipaddress
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sync.contract import ids

DAY_MS = 86_400_000
CA_LIFE_MS = 3 * 365 * DAY_MS
LEAF_LIFE_MS = 90 * DAY_MS
RENEW_AFTER_MS = 60 * DAY_MS
BACKDATED_MS = 3_600_000
"""A leaf counts from an hour before: the clock of whoever checks it may lag."""
SERIAL_BYTES = 16
CSR_CHARS_MAX = 4_096
URN = "urn:zhanggui"
_GROUPS, _GROUP = 6, 4

_LEAF_USES = {
    "client": ExtendedKeyUsageOID.CLIENT_AUTH,
    "server": ExtendedKeyUsageOID.SERVER_AUTH,
}


class BadCertificateError(ValueError):
    """A certificate, a request or a key that is none of ours; the message says which part."""


class Standing(StrEnum):
    """How a certificate stands at a time."""

    EARLY = "early"
    GOOD = "good"
    DUE = "due"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Facts:
    """What a certificate says. Times are wall ms, the serial is hex."""

    serial: str
    common_name: str
    names: tuple[str, ...]
    uris: tuple[str, ...]
    not_before_ms: int
    not_after_ms: int
    public_key: bytes

    def standing(self, now_ms: int) -> Standing:
        """Say how it stands: due from two thirds of its life on."""
        if now_ms < self.not_before_ms:
            return Standing.EARLY
        if now_ms >= self.not_after_ms:
            return Standing.EXPIRED
        due_ms = self.not_before_ms + (self.not_after_ms - self.not_before_ms) * 2 // 3
        return Standing.DUE if now_ms >= due_ms else Standing.GOOD


@dataclass(frozen=True)
class Issuer:
    """A CA at work: its certificate and its private key, opened."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        """Its certificate."""
        return _pem(self.certificate)


@dataclass(frozen=True)
class Leaf:
    """What a leaf is to say: `use` is `client` or `server`; a name is a DNS name or an IP address."""

    common_name: str
    use: str
    names: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()


def new_key() -> str:
    """Make a P-256 key."""
    return _key_pem(ec.generate_private_key(ec.SECP256R1()), None)


def seeded_key(chance: bytes) -> str:
    """Derive a P-256 key from bytes, for simulations and tests."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    secret = int.from_bytes(hashlib.sha512(chance).digest(), "big") % (order - 1) + 1
    return _key_pem(ec.derive_private_key(secret, ec.SECP256R1()), None)


def new_authority(
    name: str, serial: bytes, now_ms: int, password: bytes, *, life_ms: int = CA_LIFE_MS, only: tuple[str, ...] = ()
) -> tuple[str, str]:
    """Make a CA.

    Args:
        life_ms: how long it holds.
        only: the domains and networks (10.0.0.0/8) that it may sign leaves for; empty = any. Whoever trusts such a CA trusts it for
            nothing else.

    Returns:
        Its certificate, and its key sealed under a password.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    usage = _usage(signs=True)
    builder = (
        _builder(subject, subject, key.public_key(), serial, now_ms, life_ms)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if only:
        limits = x509.NameConstraints([_domain_or_network(each) for each in only], None)
        builder = builder.add_extension(limits, critical=True)
    return _pem(builder.sign(key, SHA256())), _key_pem(key, password)


def der(certificate: str) -> bytes:
    """Give a certificate as its DER bytes: the form that phones and Windows install.

    Raises:
        BadCertificateError: it is none.
    """
    return _certificate(certificate).public_bytes(Encoding.DER)


def open_authority(certificate: str, sealed_key: str, password: bytes) -> Issuer:
    """Open a CA's key.

    Raises:
        BadCertificateError: damaged, sealed under another password, or the two do not belong together.
    """
    held = _certificate(certificate)
    try:
        key = serialization.load_pem_private_key(sealed_key.encode(), password)
    except (ValueError, TypeError) as error:
        raise BadCertificateError("the CA's key does not open") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != held.public_key():
        raise BadCertificateError("the CA's key is not the one of its certificate")
    return Issuer(held, key)


def request(key: str, common_name: str) -> str:
    """Make a certificate request: it proves that whoever asks holds the key."""
    private = _private(key)
    built = x509.CertificateSigningRequestBuilder().subject_name(_name(common_name)).sign(private, SHA256())
    return built.public_bytes(Encoding.PEM).decode("ascii")


def requested_key(csr: str) -> bytes:
    """Check a request and give the public key it asks for. What else it asks for counts for nothing: the CA decides.

    Raises:
        BadCertificateError: no request, not signed by its own key, or not P-256.
    """
    return _public_bytes(_requested(csr))


def issue(issuer: Issuer, csr: str, leaf: Leaf, serial: bytes, now_ms: int) -> str:
    """Sign a leaf for the key of a request.

    Raises:
        BadCertificateError: the request is none.
    """
    public = _requested(csr)
    usage = x509.ExtendedKeyUsage([_LEAF_USES[leaf.use]])
    builder = (
        _builder(_name(leaf.common_name), issuer.certificate.subject, public, serial, now_ms, LEAF_LIFE_MS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(usage, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
    )
    others: list[x509.GeneralName] = [_general(name) for name in leaf.names]
    others += [x509.UniformResourceIdentifier(uri) for uri in leaf.uris]
    if others:
        builder = builder.add_extension(x509.SubjectAlternativeName(others), critical=False)
    return _pem(builder.sign(issuer.key, SHA256()))


def revocations(issuer: Issuer, revoked: list[tuple[str, int]], number: int, now_ms: int) -> str:
    """Sign the list of revoked serials (hex) with the time of each.

    It is current until the CA ends: a broker that holds an outdated list turns everybody away (OpenSSL), and that the
    list is fresh is not what protects us: the hub looks at HELLO and at each batch (protocol §5.11).
    """
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(_moment(now_ms - BACKDATED_MS))
        .next_update(issuer.certificate.not_valid_after_utc)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
    )
    for serial, at_ms in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(int(serial, 16)).revocation_date(_moment(at_ms))
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(issuer.key, SHA256()).public_bytes(Encoding.PEM).decode("ascii")


def read(certificate: str) -> Facts:
    """Read a certificate.

    Raises:
        BadCertificateError: it is none.
    """
    held = _certificate(certificate)
    try:
        names = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    common = held.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Facts(
        serial=f"{held.serial_number:x}",
        common_name=str(common[0].value) if common else "",
        names=(
            *names.get_values_for_type(x509.DNSName),
            *(str(address) for address in names.get_values_for_type(x509.IPAddress)),
        ),
        uris=tuple(names.get_values_for_type(x509.UniformResourceIdentifier)),
        not_before_ms=_ms(held.not_valid_before_utc),
        not_after_ms=_ms(held.not_valid_after_utc),
        public_key=_public_bytes(held.public_key()),
    )


def revoked_serials(crl: str) -> frozenset[str]:
    """Read the serials (hex) of a list of revoked certificates.

    Raises:
        BadCertificateError: it is none.
    """
    try:
        held = x509.load_pem_x509_crl(crl.encode())
    except ValueError as error:
        raise BadCertificateError("not a list of revoked certificates") from error
    return frozenset(f"{one.serial_number:x}" for one in held)


def public_key_of(key: str) -> bytes:
    """Give the public half of a private key, as `Facts.public_key` has it."""
    return _public_bytes(_private(key).public_key())


def belongs_to(certificate: str, authority: str) -> bool:
    """Say whether a CA signed a certificate; its dates are another question."""
    try:
        _certificate(certificate).verify_directly_issued_by(_certificate(authority))
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def fingerprint(certificate: str) -> str:
    """Give the SHA-256 of a certificate's DER bytes as 64 hex digits: what a code sheet shows of the CA."""
    return hashlib.sha256(_certificate(certificate).public_bytes(Encoding.DER)).hexdigest()


def spoken_fingerprint(*parts: bytes) -> str:
    """Give six groups of four Crockford characters that two people compare by eye or by telephone (120 bits)."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(4, "big") + part)
    digits = _GROUPS * _GROUP
    value = int.from_bytes(digest.digest(), "big") >> (256 - 5 * digits)
    return ids.grouped(ids.crockford_encode(value, digits), _GROUP)


def node_uri(tenant: str, store: str, epoch: int, node: str) -> str:
    """Name a node in a certificate; the common name is the bare store id, along which the broker cuts rights."""
    return f"{URN}:{tenant}:{store}:{epoch}:{node}"


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    serial: bytes,
    now_ms: int,
    life_ms: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(_serial(serial))
        .not_valid_before(_moment(now_ms - BACKDATED_MS))
        .not_valid_after(_moment(now_ms + life_ms))
    )


def _serial(chance: bytes) -> int:
    # Positive and never zero; 16 random bytes are as many as RFC 5280 lets anybody need.
    return int.from_bytes(chance[:SERIAL_BYTES], "big") >> 1 | 1


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _requested(csr: str) -> ec.EllipticCurvePublicKey:
    if len(csr) > CSR_CHARS_MAX:
        raise BadCertificateError("the certificate request is too long")
    try:
        held = x509.load_pem_x509_csr(csr.encode())
        public = held.public_key()
        sound = held.is_signature_valid
    except Exception as error:  # the parser has an exception for each way of being wrong
        raise BadCertificateError("not a certificate request") from error
    if not sound or not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name != "secp256r1":
        raise BadCertificateError("a certificate request is signed by its own P-256 key")
    return public


def _certificate(pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise BadCertificateError("not a certificate") from error


def _private(pem: str) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError) as error:
        raise BadCertificateError("not a private key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BadCertificateError("not a P-256 key")
    return key


def _public_bytes(public: object) -> bytes:
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise BadCertificateError("not a P-256 key")
    return public.public_bytes(Encoding.X962, serialization.PublicFormat.CompressedPoint)


def _key_pem(key: ec.EllipticCurvePrivateKey, password: bytes | None) -> str:
    sealing = NoEncryption() if password is None else serialization.BestAvailableEncryption(password)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealing).decode("ascii")


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _domain_or_network(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_network(name))
    except ValueError:
        return x509.DNSName(name)


def _moment(at_ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(max(0, at_ms) // 1_000, dt.UTC)


def _ms(moment: dt.datetime) -> int:
    return int(moment.timestamp()) * 1_000
