"""Fresh keys inside an epoch: a store's end changes to a new generation before random nonces could ever meet.

A generation ends after 2^28 messages or 90 days (protocol §5.11; SP 800-38D allows 2^32 random nonces a key). The change
happens with a HELLO, which is signed by the identity key and names the generation in its header; what the hub sent under
the generation before is still opened. The state file says which generation is in use; the number never goes back.
"""

import logging
from collections.abc import Callable
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sync.contract.envelope import MessageKind
from sync.node import keys, sealing
from sync.node.ports import Chance, Clock

MESSAGES_MAX = 2**28
AGE_MAX_MS = 90 * 86_400_000
RESERVED_AT_ONCE = 65_536
"""Messages are counted on disk in blocks this large, ahead of use: a crash only makes a generation a little shorter."""
_HOUR_MS = 3_600_000

log = logging.getLogger(__name__)


class _State(msgspec.Struct, frozen=True):
    generation: int
    since_ms: int
    messages: int


class Ring:
    """The keys of a store's end and their generations. Used by the thread that owns the link.

    Args:
        own: the node's identity.
        hub: the hub's public keys.
        party: whose link it is.
        folder: where the state file lies; without one, generation 0 begins with every start (simulations).
        clock: for the age of a generation.
        chance: for nonces.
        messages_max: after how many messages a generation is over.
        age_max_ms: after how long it is.
    """

    def __init__(
        self,
        own: keys.Identity,
        hub: keys.PublicKeys,
        party: sealing.Party,
        folder: Path | None,
        *,
        clock: Clock,
        chance: Chance,
        messages_max: int = MESSAGES_MAX,
        age_max_ms: int = AGE_MAX_MS,
    ) -> None:
        self._own = own
        self._hub = hub
        self.party = party
        self._path = None if folder is None else folder / f"link-keys-{party.epoch}.json"
        self._clock = clock
        self._messages_max = messages_max
        self._age_max_ms = age_max_ms
        self._state = self._read()
        self._sealed = self._state.messages
        self.opener = sealing.Opener(hub.signing, self.keys_of(self.generation).down, party, generation=self.generation)
        self.sealer = TurningSealer(self, own, party, chance)

    @property
    def generation(self) -> int:
        """The generation in use."""
        return self._state.generation

    @property
    def due(self) -> bool:
        """Whether the generation is over; the next HELLO begins another."""
        age_ms = self._clock.now_ms() - self._state.since_ms
        return self._sealed >= self._messages_max or age_ms >= self._age_max_ms

    def keys_of(self, generation: int) -> sealing.LinkKeys:
        """Derive the keys of a generation."""
        party = self.party
        return sealing.link_keys(
            self._own,
            self._hub.agreement,
            tenant=party.tenant,
            store=party.store,
            epoch=party.epoch,
            generation=generation,
        )

    def count(self) -> None:
        """Count one message that is about to be sealed."""
        self._sealed += 1
        if self._sealed > self._state.messages:
            self._keep(msgspec.structs.replace(self._state, messages=self._sealed + RESERVED_AT_ONCE))

    def turn(self) -> int:
        """Begin the next generation; it is on disk before anything is sealed under it."""
        before = self.generation
        self._keep(_State(max(before + 1, self._first()), self._clock.now_ms(), 0))
        self._sealed = 0
        self.opener.add(self.keys_of(self.generation).down, self.generation, besides=before)
        log.info("link.keys_changed", extra={"generation": self.generation})
        return self.generation

    def _first(self) -> int:
        """A number that no earlier generation of ours can have, for each needs more than an hour."""
        return min(sealing.GENERATION_MAX, self._clock.now_ms() // _HOUR_MS) if self._path is not None else 0

    def _read(self) -> _State:
        fresh = _State(0, self._clock.now_ms(), 0)
        if self._path is None:
            return fresh
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_State)
        except FileNotFoundError:
            pass
        except (msgspec.MsgspecError, UnicodeDecodeError):
            log.warning("link.keys_state_damaged")
        # New or lost: a number from the clock is above any that was used.
        made = msgspec.structs.replace(fresh, generation=self._first())
        keys.write_secret(self._path, msgspec.json.encode(made))
        return made

    def _keep(self, state: _State) -> None:
        self._state = state
        if self._path is not None:
            keys.write_secret(self._path, msgspec.json.encode(state))


class TurningSealer(sealing.Sealer):
    """A sealer that changes to a new generation with the HELLO after the old one is over."""

    def __init__(self, ring: Ring, own: keys.Identity, party: sealing.Party, chance: Chance) -> None:
        super().__init__(own, ring.keys_of(ring.generation).up, party, chance, generation=ring.generation)
        self._ring = ring

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
        if kind is MessageKind.HELLO and self._ring.due:
            generation = self._ring.turn()
            self._turn(self._ring.keys_of(generation).up, generation)
        self._ring.count()
        return super().seal(
            kind,
            plain,
            lane=lane,
            first_seq=first_seq,
            count=count,
            chain_before=chain_before,
            chain_after=chain_after,
        )


class ProofOpener(sealing.Opener):
    """Opens kept messages of any generation: what the hub once signed is checked long after its key was changed."""

    def __init__(self, other_signing: bytes, party: sealing.Party, key_of: Callable[[int], bytes]) -> None:
        super().__init__(other_signing, key_of(0), party)
        self._key_of = key_of

    def _aead_of(self, generation: int) -> AESGCM:
        if generation not in self._aeads:
            self._aeads[generation] = AESGCM(self._key_of(generation))
        return self._aeads[generation]


def proof_opener(own: keys.Identity, hub: keys.PublicKeys, party: sealing.Party) -> ProofOpener:
    """Give what opens the hub's kept words to a node."""

    def key_of(generation: int) -> bytes:
        return sealing.link_keys(
            own, hub.agreement, tenant=party.tenant, store=party.store, epoch=party.epoch, generation=generation
        ).down

    return ProofOpener(hub.signing, party, key_of)
