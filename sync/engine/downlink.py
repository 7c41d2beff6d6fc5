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
    checked: bool = True


@dataclass
class Downlink:
    """Follows streams by name. Only names it was built with are pulled; a doorbell for others is no news."""

    names: tuple[str, ...]
    _streams: dict[str, _Stream] = field(init=False)

    def __post_init__(self) -> None:
        """Start with nothing held."""
        self._streams = {name: _Stream() for name in self.names}

    def held(self, stream: str, version: int, *, checked: bool = False) -> None:
        """Note the version that the store holds (at start, and after it applied or dropped something).

        Args:
            checked: the hub's checksum at this very version was found to be ours.
        """
        state = self._streams[stream]
        if version != state.version:
            # What brought nothing new leaves the pause as it is, or two sides would ask and answer without end.
            state.asked_ms = None
        state.version = version
        state.checked = state.checked or checked

    def version(self, stream: str) -> int:
        """Give the version of a followed stream that the store holds."""
        return self._streams[stream].version

    def opened(self, heads: dict[str, int], now_ms: int) -> list[SendPull]:
        """WELCOME named the hub's versions: take its word, and pull each stream once even if it names nothing newer.

        A hub that was restored may name less than the store holds, or the same of another past; only the checksum of
        an answer tells.
        """
        for name, version in heads.items():
            if name in self._streams:
                self._streams[name].wanted = version
                self._streams[name].checked = False
        return self.tick(now_ms)

    def heard(self, heads: dict[str, int], now_ms: int) -> list[SendPull]:
        """A doorbell or a batch named newer versions."""
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
            if state.checked and state.version >= state.wanted:
                continue
            if state.asked_ms is None or now_ms - state.asked_ms >= PULL_TIMEOUT_MS:
                state.asked_ms = now_ms
                pulls.append(SendPull(name, state.version))
        return pulls
