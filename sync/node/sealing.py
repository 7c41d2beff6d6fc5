"""Seals and opens messages between one store and the hub: zstd, AES-256-GCM, Ed25519 (protocol §5.3)."""

from dataclasses import dataclass

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sync.contract import envelope, limits, messages
from sync.contract.envelope import Header, MessageKind
from sync.contract.facts import ContractError
from sync.contract.messages import Doorbell
from sync.node import keys
from sync.node.ports import Chance

NONCE_BYTES = 12
GENERATION_BYTES = 4
GENERATION_MAX = 2**32 - 1
ZSTD_LEVEL = 3
DOORBELL_PREFIX = b"rs1 doorbell"


@dataclass(frozen=True)
class LinkKeys:
    """The two session-less keys of a (store, epoch): one for each direction."""

    up: bytes
    down: bytes


def link_keys(
    own: keys.Identity, other_agreement: bytes, *, tenant: str, store: str, epoch: int, generation: int = 0
) -> LinkKeys:
    """Derive the keys of a (store, epoch); both ends come to the same ones. A new epoch never reuses a key.

    Nor does a new generation inside the epoch, which begins before random nonces could meet (protocol §5.11).
    """
    salt = f"{tenant}|{store}|{epoch}".encode() + (f"|{generation}".encode() if generation else b"")
    return LinkKeys(
        up=keys.agree(own, other_agreement, salt=salt, info=b"rs1 up"),
        down=keys.agree(own, other_agreement, salt=salt, info=b"rs1 down"),
    )


def key_name(key_id: bytes, generation: int) -> bytes:
    """Name the keys of a generation in a header: the signer's key id, and behind it the number unless it is 0."""
    return key_id + generation.to_bytes(GENERATION_BYTES, "big") if generation else key_id


def read_key_name(name: bytes) -> tuple[bytes, int]:
    """Take a header's key name apart into the signer's key id and the generation.

    Raises:
        ContractError: `unknown_key`: no name that `key_name` gives.
    """
    key_id, tail = name[: keys.KEY_ID_BYTES], name[keys.KEY_ID_BYTES :]
    generation = int.from_bytes(tail, "big")
    if len(key_id) != keys.KEY_ID_BYTES or len(tail) not in {0, GENERATION_BYTES} or (tail and not generation):
        raise ContractError("unknown_key")
    return key_id, generation


@dataclass(frozen=True)
class Party:
    """The addressing that every header of a link carries."""

    tenant: str
    store: str
    node: str
    epoch: int


class Sealer:
    """Seals messages of one direction of one link."""

    def __init__(self, own: keys.Identity, key: bytes, party: Party, chance: Chance, *, generation: int = 0) -> None:
        self._own = own
        self._party = party
        self._chance = chance
        self._turn(key, generation)
        self._zstd = zstandard.ZstdCompressor(level=ZSTD_LEVEL)

    def _turn(self, key: bytes, generation: int) -> None:
        """Seal with the key of a generation from now on."""
        self._aead = AESGCM(key)
        self._key_id = key_name(self._own.public.key_id, generation)

    def seal(
        self,
        kind: MessageKind,
        plain: bytes,
        *,
        lane: int = 0,
        first_seq: int = 0,
        count: int = 0,
        chain_before: bytes = b"",
        chain_after: bytes = b"",
    ) -> bytes:
        """Give the wire bytes of a message."""
        nonce = self._chance.token(NONCE_BYTES)
        header = Header(
            kind=kind,
            tenant=self._party.tenant,
            store=self._party.store,
            node=self._party.node,
            epoch=self._party.epoch,
            key_id=self._key_id,
            nonce=nonce,
            lane=lane,
            first_seq=first_seq,
            count=count,
            chain_before=chain_before,
            chain_after=chain_after,
        )
        head = envelope.encode_header(header)
        body = head + self._aead.encrypt(nonce, self._zstd.compress(plain), head)
        return body + self._own.sign(body)


class Opener:
    """Opens messages of one direction of one link; what does not open is refused with its reason."""

    def __init__(self, other_signing: bytes, key: bytes, party: Party, *, generation: int = 0) -> None:
        self._other_signing = other_signing
        self._aeads = {generation: AESGCM(key)}
        self._party = party
        self._zstd = zstandard.ZstdDecompressor()

    def add(self, key: bytes, generation: int, *, besides: int) -> None:
        """Open messages of a new generation, and of one other still, for what is under way."""
        self._aeads = {besides: self._aeads[besides], generation: AESGCM(key)}

    def open(self, opened: envelope.Opened) -> bytes:
        """Check signature and seal and give the plain body.

        Raises:
            ContractError: `foreign`, `unknown_key`, `bad_signature`, `bad_seal`, `bad_suite`, `zip_bomb` or
                `bad_compression`.
        """
        header = opened.header
        party = self._party
        if (header.tenant, header.store, header.epoch) != (party.tenant, party.store, party.epoch):
            raise ContractError("foreign")
        if header.suite != 1 or header.comp != 1 or len(header.nonce) != NONCE_BYTES:
            raise ContractError("bad_suite")
        _, generation = read_key_name(header.key_id)
        aead = self._aead_of(generation)
        if aead is None:
            raise ContractError("unknown_key")
        if not keys.verified(self._other_signing, opened.signed, opened.signature):
            raise ContractError("bad_signature")
        try:
            packed = aead.decrypt(header.nonce, opened.sealed, opened.header_bytes)
        except InvalidTag as error:
            raise ContractError("bad_seal") from error
        return self._inflate(packed)

    def _aead_of(self, generation: int) -> AESGCM | None:
        return self._aeads.get(generation)

    def _inflate(self, packed: bytes) -> bytes:
        try:
            size = zstandard.get_frame_parameters(packed).content_size
            # An unknown size would have to be trusted to the end of the stream: our own sender always states it.
            if size in (zstandard.CONTENTSIZE_UNKNOWN, zstandard.CONTENTSIZE_ERROR):
                raise ContractError("bad_compression")
            if size > limits.BODY_PLAIN_BYTES_MAX:
                raise ContractError("zip_bomb")
            return self._zstd.decompress(packed, max_output_size=limits.BODY_PLAIN_BYTES_MAX)
        except zstandard.ZstdError as error:
            raise ContractError("bad_compression") from error


def seal_doorbell(own: keys.Identity, doorbell: Doorbell) -> bytes:
    """Give the retained doorbell: the hint in clear, signed by the hub."""
    body = messages.encode(doorbell)
    return own.sign(DOORBELL_PREFIX + body) + body


def open_doorbell(hub_signing: bytes, payload: bytes) -> Doorbell:
    """Read a doorbell; it only ever says "pull now".

    Raises:
        ContractError: `garbage` or `bad_signature`.
    """
    signature, body = payload[: envelope.SIGNATURE_BYTES], payload[envelope.SIGNATURE_BYTES :]
    if not body:
        raise ContractError("garbage")
    if not keys.verified(hub_signing, DOORBELL_PREFIX + body, signature):
        raise ContractError("bad_signature")
    return messages.decode(body, Doorbell)
