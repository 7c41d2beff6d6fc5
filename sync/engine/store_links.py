"""Every link of one store over one connection: the epoch of now, and older ones whose facts the hub may not have yet.

Whenever the session of now opens, each older epoch that this file wrote greets once. Mostly the hub has everything and the
link is put away at once; after a hub was restored to an earlier point, or a node was enrolled anew before its last facts had
gone up, it stays until the last of them is acknowledged (protocol §5.5, §5.8).
"""

from collections.abc import Callable

from sync.engine.store_link import LinkStatus, StoreLink
from sync.engine.switch import Switch
from sync.engine.transport import Transport
from sync.engine.uplink import Phase
from sync.node.ports import Clock

PATIENCE_MS = 120_000
"""An older epoch with nothing unsent that gets no answer for so long is put away until the next session."""


class StoreLinks:
    """Used by one thread, apart from `status`.

    Args:
        transport: the one connection; its owner starts and stops it.
        epoch: the epoch of now.
        make: builds the link of an epoch over its own end of the connection.
        older: names the older epochs that this file wrote.
        clock: for how long an older epoch is waited for.
    """

    def __init__(
        self,
        transport: Transport,
        epoch: int,
        make: Callable[[int, Transport], StoreLink],
        older: Callable[[], list[int]],
        clock: Clock,
    ) -> None:
        self._switch = Switch(transport, epoch)
        self._make = make
        self._older = older
        self._clock = clock
        self._was_open = False
        self._others: dict[int, tuple[StoreLink, int]] = {}
        self.now = make(epoch, self._switch.port(epoch))

    @property
    def status(self) -> LinkStatus:
        """The session of now, as the screen shows it."""
        return self.now.status

    @property
    def others(self) -> dict[int, StoreLink]:
        """The links of older epochs, while they are needed."""
        return {epoch: link for epoch, (link, _) in self._others.items()}

    def tick(self, timeout_s: float) -> None:
        """Do a bounded amount of work for every link."""
        self._switch.pump(timeout_s)
        self.now.tick(0.0)
        is_open = self.now.status.phase is Phase.OPEN
        if is_open and not self._was_open:
            self._take_up()
        self._was_open = is_open
        for epoch, (link, since_ms) in list(self._others.items()):
            link.tick(0.0)
            phase = link.status.phase
            waited = phase is Phase.OPEN or self._clock.monotonic_ms() - since_ms > PATIENCE_MS
            # What the hub refuses (revoked, rolled back) needs a person; the next session asks again.
            if phase is Phase.REFUSED or (waited and not link.unsent):
                del self._others[epoch]
                self._switch.drop(epoch)

    def _take_up(self) -> None:
        for epoch in self._older():
            if epoch not in self._others:
                made = self._make(epoch, self._switch.port(epoch))
                self._others[epoch] = made, self._clock.monotonic_ms()
