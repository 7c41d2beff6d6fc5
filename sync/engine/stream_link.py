"""Drives the down streams of a session: what to pull is decided by `Downlink`, what came is applied by the store."""

import logging
from collections.abc import Callable
from typing import NamedTuple, Protocol

from sync.contract import limits, streams
from sync.contract.messages import Chunk, Pull, Snapshot, StreamBatch, StreamHead
from sync.engine.downlink import Downlink, SendPull, TakeSnapshot
from sync.node.ports import Clock

log = logging.getLogger(__name__)


class Fetch(NamedTuple):
    """A snapshot on its way, and the pieces of it that are kept."""

    snapshot: Snapshot
    held: frozenset[bytes]


class StreamStore(Protocol):
    """What the streams need of the store's database. Every method is durable when it returns."""

    def stream_heads(self) -> dict[str, StreamHead]:
        """Where the down streams stand: those that are held. One at version 0 is a copy in doubt."""
        ...

    def apply_stream(self, batch: StreamBatch) -> int | None:
        """Apply operations and cursor in one transaction, and give the version held now.

        None means that the checksum does not hold: the cursor is at 0, and the stream must be pulled from the start.
        """
        ...

    def fetches(self) -> dict[str, Fetch]:
        """Give the snapshots that are on their way, by stream: what an earlier life left off."""
        ...

    def begin_fetch(self, stream: str, snapshot: Snapshot) -> frozenset[bytes]:
        """Keep that a snapshot is being fetched, instead of any other of the stream; give the pieces that are here."""
        ...

    def keep_piece(self, stream: str, digest: bytes, data: bytes) -> None:
        """Keep a piece that was checked."""
        ...

    def take_snapshot(self, stream: str) -> int | None:
        """Put the pieces together, check the whole, and apply state and cursor in one transaction.

        Returns:
            The version held now; None when the whole is not what was promised: then the pieces are dropped.
        """
        ...


class StreamLink:
    """The store's end of the down streams. Belongs to the thread of its `StoreLink`."""

    def __init__(
        self, store: StreamStore, names: tuple[str, ...], publish: Callable[[Pull], None], clock: Clock
    ) -> None:
        self._store = store
        self._publish = publish
        self._clock = clock
        self._session = b""
        self.downlink = Downlink(names)
        for name, head in store.stream_heads().items():
            if name in names:
                self.downlink.held(name, head.version)
        for name, fetch in store.fetches().items():
            if name in names:
                self._take(self.downlink.fetching(name, fetch.snapshot, fetch.held))

    def opened(self, heads: dict[str, int], session: bytes) -> None:
        """WELCOME named the hub's versions."""
        self._session = session
        self._pull(self.downlink.opened(heads, self._clock.monotonic_ms()))

    def heard(self, heads: dict[str, int]) -> None:
        """The doorbell named versions."""
        self._pull(self.downlink.heard(heads, self._clock.monotonic_ms()))

    def link_down(self) -> None:
        """The link is gone: what was asked will not be answered."""
        self.downlink.link_down()

    def tick(self) -> None:
        """Time passed, and the session is open: ask again for what did not come."""
        self._pull(self.downlink.tick(self._clock.monotonic_ms()))

    def batch(self, batch: StreamBatch) -> None:
        """Steps of a stream came, or the offer of a snapshot."""
        if batch.stream not in self.downlink.names or batch.session != self._session:
            return
        if batch.snapshot is not None:
            self._offered(batch.stream, batch.snapshot)
            return
        follows = batch.after == self.downlink.version(batch.stream)
        if follows:
            self.downlink.abandoned(batch.stream)
        version = self._store.apply_stream(batch)
        if version is None:
            log.warning("link.stream_dropped", extra={"stream": batch.stream, "after": batch.after})
        self.downlink.held(batch.stream, version or 0, checked=follows and version is not None)
        self.heard({batch.stream: batch.head})

    def chunk(self, chunk: Chunk) -> None:
        """A piece of a snapshot came, perhaps: its hash is its name, and only what was asked for is kept."""
        if chunk.stream not in self.downlink.names or chunk.session != self._session:
            return
        if not self.downlink.is_missing(chunk.stream, chunk.digest):
            return
        if not streams.is_piece(chunk.digest, chunk.data):
            log.warning("link.piece_refused", extra={"stream": chunk.stream, "bytes": len(chunk.data)})
            self.downlink.spoilt(chunk.stream, chunk.digest)
            return
        self._store.keep_piece(chunk.stream, chunk.digest, chunk.data)
        self._take(self.downlink.piece(chunk.stream, chunk.digest))
        self.tick()

    def _offered(self, stream: str, snapshot: Snapshot) -> None:
        if not self.downlink.wants(stream, snapshot):
            return
        log.info("link.snapshot_begun", extra={"stream": stream, "version": snapshot.version, "bytes": snapshot.size})
        self._take(self.downlink.fetching(stream, snapshot, self._store.begin_fetch(stream, snapshot)))
        self.tick()

    def _take(self, effects: list[TakeSnapshot]) -> None:
        for effect in effects:
            version = self._store.take_snapshot(effect.stream)
            if version is None:
                log.error("link.snapshot_refused", extra={"stream": effect.stream})
                self.downlink.given_up(effect.stream, self._clock.monotonic_ms())
            else:
                log.info("link.snapshot_taken", extra={"stream": effect.stream, "version": version})
                self.downlink.taken(effect.stream, version)

    def _pull(self, pulls: list[SendPull]) -> None:
        for pull in pulls:
            self._publish(
                Pull(
                    stream=pull.stream,
                    after=pull.after,
                    limit=limits.STREAM_OPERATIONS_MAX,
                    session=self._session,
                    chunk=pull.chunk,
                )
            )
