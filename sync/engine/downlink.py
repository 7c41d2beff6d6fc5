"""The store's side of the down streams, as a pure state machine: what to pull, and when (protocol §5.7)."""

from dataclasses import dataclass, field

PULL_TIMEOUT_MS = 3_000


@dataclass(frozen=True)
class SendPull:
    """Publish PULL for a stream from after a version."""

    stream: str
    after: int


@dataclass
class _Stream:
    version: int = 0
    wanted: int = 0
    asked_ms: int | None = None


@dataclass
class Downlink:
    """Follows streams by name. Only names it was built with are pulled; a doorbell for others is no news."""

    names: tuple[str, ...]
    _streams: dict[str, _Stream] = field(init=False)

    def __post_init__(self) -> None:
        """Start with nothing held."""
        self._streams = {name: _Stream() for name in self.names}

    def held(self, stream: str, version: int) -> None:
        """Note the version that the store holds (at start, and after it applied or dropped something)."""
        state = self._streams[stream]
        state.version = version
        state.asked_ms = None

    def heard(self, heads: dict[str, int], now_ms: int) -> list[SendPull]:
        """WELCOME, doorbell or a batch named newer versions."""
        for name, version in heads.items():
            if name in self._streams:
                self._streams[name].wanted = max(self._streams[name].wanted, version)
        return self.tick(now_ms)

    def link_down(self) -> None:
        """The link is gone: whatever was asked will not be answered."""
        for state in self._streams.values():
            state.asked_ms = None

    def tick(self, now_ms: int) -> list[SendPull]:
        """Ask for what is wanted and not asked for, or was asked for too long ago."""
        pulls: list[SendPull] = []
        for name, state in self._streams.items():
            if state.version >= state.wanted:
                continue
            if state.asked_ms is None or now_ms - state.asked_ms >= PULL_TIMEOUT_MS:
                state.asked_ms = now_ms
                pulls.append(SendPull(name, state.version))
        return pulls
