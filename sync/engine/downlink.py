"""The store's side of the down streams, as a pure state machine: what to pull, and when (protocol §5.7).

A stream is followed step by step. Where the hub's log no longer reaches back to the store's version, the hub offers a
snapshot instead; its pieces are asked for by their hashes, a few at a time and in any order, over any number of links and
lives, and the stream goes on behind it.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from sync.contract import streams
from sync.contract.messages import Snapshot

PULL_TIMEOUT_MS = 3_000
PIECES_AT_ONCE = 4
"""Pieces asked for and not yet here: enough to fill a link, little enough for a broker's queue."""


@dataclass(frozen=True)
class SendPull:
    """Publish PULL for a stream from after a version, or for a piece of a snapshot by its hash."""

    stream: str
    after: int
    chunk: bytes = b""


@dataclass(frozen=True)
class TakeSnapshot:
    """Every piece is here: put them together and bring the snapshot into force with its cursor."""

    stream: str


@dataclass
class _Fetch:
    snapshot: Snapshot
    missing: set[bytes]
    asked: dict[bytes, int] = field(default_factory=dict)


@dataclass
class _Stream:
    version: int = 0
    wanted: int = 0
    asked_ms: int | None = None
    checked: bool = True
    doubted: bool = False
    fetch: _Fetch | None = None


@dataclass
class Downlink:
    """Follows streams by name. Only names it was built with are pulled; a doorbell for others is no news."""

    names: tuple[str, ...]
    _streams: dict[str, _Stream] = field(init=False)
    _hints: dict[str, int] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Start with nothing held."""
        self._streams = {name: _Stream() for name in self.names}

    def held(self, stream: str, version: int, *, checked: bool = False) -> None:
        """Note the version that the store holds (at start, and after it applied or dropped something).

        Args:
            stream: a followed stream.
            version: what is held of it.
            checked: the hub's checksum at this very version was found to be ours. What is held at 0 and was not is a copy
                in doubt, which stays in use until the hub was asked once more.
        """
        state = self._streams[stream]
        if version != state.version:
            # What brought nothing new leaves the pause as it is, or two sides would ask and answer without end.
            state.asked_ms = None
        state.version = version
        state.checked = state.checked or checked
        state.doubted = not checked and (version == 0 or state.doubted)

    @property
    def hub_versions(self) -> dict[str, int]:
        """The hub's versions of the followed streams, as far as they were heard of. Any thread may ask."""
        return {name: state.wanted for name, state in self._streams.items()}

    def version(self, stream: str) -> int:
        """Give the version of a followed stream that the store holds."""
        return self._streams[stream].version

    def opened(self, heads: dict[str, int], now_ms: int) -> list[SendPull]:
        """WELCOME named the hub's versions: take its word, and pull each stream once even if it names nothing newer.

        A hub that was restored may name less than the store holds, or the same of another past; only the checksum of
        an answer tells. A stream that neither side has is not asked for; a copy in doubt is had, though its cursor is at 0: a
        hub that was set back to before the stream began says so by an empty answer, and only then is the copy gone, too.
        """
        self._hints.clear()
        for name, state in self._streams.items():
            state.wanted = heads.get(name, 0)
            state.checked = state.wanted == 0 and state.version == 0 and not state.doubted
        return self.tick(now_ms)

    def heard(self, heads: dict[str, int], now_ms: int) -> list[SendPull]:
        """A doorbell or a batch named newer versions.

        A counter of stores' own streams names none: when it moved, each of this store's own streams is asked for once.
        """
        for name, version in heads.items():
            if name in self._streams:
                self._streams[name].wanted = max(self._streams[name].wanted, version)
            elif name.startswith(streams.OWN_HINT):
                self._hint(name, version)
        return self.tick(now_ms)

    def link_down(self) -> None:
        """The link is gone: whatever was asked will not be answered."""
        for state in self._streams.values():
            state.asked_ms = None
            if state.fetch is not None:
                state.fetch.asked.clear()

    def tick(self, now_ms: int) -> list[SendPull]:
        """Ask for what is wanted and not asked for, or was asked for too long ago."""
        pulls: list[SendPull] = []
        for name, state in self._streams.items():
            if state.fetch is not None:
                pulls += _pieces(name, state.version, state.fetch, now_ms)
                continue
            if state.checked and state.version >= state.wanted:
                continue
            if state.asked_ms is None or now_ms - state.asked_ms >= PULL_TIMEOUT_MS:
                state.asked_ms = now_ms
                pulls.append(SendPull(name, state.version))
        return pulls

    # ---------------------------------------------------------------------------------------------------- snapshots

    def wants(self, stream: str, snapshot: Snapshot) -> bool:
        """Say whether an offered snapshot is news: not the one that is being fetched already, and within the bounds."""
        fetch = self._streams[stream].fetch
        return streams.is_sound(snapshot) and (fetch is None or fetch.snapshot != snapshot)

    def fetching(self, stream: str, snapshot: Snapshot, held: Collection[bytes]) -> list[TakeSnapshot]:
        """Fetch a snapshot from now on, but for the pieces that are here already (at start: where an earlier life left off)."""
        missing = set(snapshot.chunks) - set(held)
        self._streams[stream].fetch = _Fetch(snapshot, missing)
        return [] if missing else [TakeSnapshot(stream)]

    def is_missing(self, stream: str, digest: bytes) -> bool:
        """Say whether a piece is one that is wanted."""
        fetch = self._streams[stream].fetch
        return fetch is not None and digest in fetch.missing

    def piece(self, stream: str, digest: bytes) -> list[TakeSnapshot]:
        """A wanted piece is here and kept."""
        fetch = self._streams[stream].fetch
        if fetch is None or digest not in fetch.missing:
            return []
        fetch.missing.discard(digest)
        fetch.asked.pop(digest, None)
        return [] if fetch.missing else [TakeSnapshot(stream)]

    def spoilt(self, stream: str, digest: bytes) -> None:
        """What came under a piece's name is not that piece: it is asked for again at the next tick."""
        fetch = self._streams[stream].fetch
        if fetch is not None:
            fetch.asked.pop(digest, None)

    def taken(self, stream: str, version: int) -> None:
        """The snapshot is in force, with its cursor."""
        self._streams[stream].fetch = None
        self.held(stream, version, checked=True)

    def abandoned(self, stream: str) -> None:
        """The hub gave steps from where the store is: its log reaches here after all, and no snapshot is needed."""
        self._streams[stream].fetch = None

    def given_up(self, stream: str, now_ms: int) -> None:
        """The pieces did not come to what was promised: the stream is asked for again, after a pause."""
        state = self._streams[stream]
        state.fetch = None
        state.checked = False
        state.asked_ms = now_ms

    def _hint(self, name: str, count: int) -> None:
        if self._hints.get(name) == count:
            return
        self._hints[name] = count
        for stream, state in self._streams.items():
            store = streams.store_of(stream)
            if store and streams.own_hint(store) == name:
                state.checked = False


def _pieces(stream: str, version: int, fetch: _Fetch, now_ms: int) -> list[SendPull]:
    late = [digest for digest, asked_ms in fetch.asked.items() if now_ms - asked_ms >= PULL_TIMEOUT_MS]
    for digest in late:
        del fetch.asked[digest]
    wanted = [digest for digest in dict.fromkeys(fetch.snapshot.chunks) if digest in fetch.missing - fetch.asked.keys()]
    # A late piece goes to the end of the line: one that the hub no longer has must not keep the others waiting.
    wanted.sort(key=lambda digest: digest in late)
    asking = wanted[: PIECES_AT_ONCE - len(fetch.asked)]
    fetch.asked.update(dict.fromkeys(asking, now_ms))
    return [SendPull(stream, version, digest) for digest in asking]
