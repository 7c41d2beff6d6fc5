"""Drives the down streams of a session: what to pull is decided by `Downlink`, what came is applied by the store."""

import logging
from collections.abc import Callable
from typing import Protocol

from sync.contract import limits
from sync.contract.messages import Chunk, Pull, StreamBatch, StreamHead
from sync.engine.downlink import Downlink, SendPull
from sync.node.ports import Clock

log = logging.getLogger(__name__)


class StreamStore(Protocol):
    """What the streams need of the store's database. Every method is durable when it returns."""

    def stream_heads(self) -> dict[str, StreamHead]:
        """Where the down streams stand."""
        ...

    def apply_stream(self, batch: StreamBatch) -> int | None:
        """Apply operations and cursor in one transaction, and give the version held now.

        None means that the checksum does not hold: nothing is kept of the stream, it must be pulled from the start.
        """
        ...


class StreamLink:
    """The store's end of the down streams. Belongs to the thread of its `StoreLink`."""

    def __init__(
        self, store: StreamStore, streams: tuple[str, ...], publish: Callable[[Pull], None], clock: Clock
    ) -> None:
        self._store = store
        self._publish = publish
        self._clock = clock
        self._session = b""
        self.downlink = Downlink(streams)
        for name, head in store.stream_heads().items():
            if name in streams:
                self.downlink.held(name, head.version)

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
        """Steps of a stream came."""
        if batch.stream not in self.downlink.names:
            return
        follows = batch.after == self.downlink.version(batch.stream)
        version = self._store.apply_stream(batch)
        if version is None:
            log.warning("link.stream_dropped", extra={"stream": batch.stream, "after": batch.after})
        self.downlink.held(batch.stream, version or 0, checked=follows and version is not None)
        self.heard({batch.stream: batch.head})

    def chunk(self, chunk: Chunk) -> None:
        """A piece of a snapshot came."""
        log.warning("link.chunk_unasked", extra={"stream": chunk.stream})

    def _pull(self, pulls: list[SendPull]) -> None:
        for pull in pulls:
            self._publish(
                Pull(stream=pull.stream, after=pull.after, limit=limits.STREAM_OPERATIONS_MAX, session=self._session)
            )
