"""What every use case of the node is given: its file, clock, ids, keys, who it is, and the menu in force."""

import threading
from dataclasses import dataclass, field
from datetime import tzinfo

from edge.db import journal
from edge.domain.device_rows import DeviceRows
from edge.domain.pricing import Catalogue
from edge.services.enrolment import Enrolment
from edge.settings import EdgeSettings
from sync.contract.times import business_day
from sync.node.database import Storage
from sync.node.keys import Identity
from sync.node.passwords import Vault
from sync.node.ports import Chance, Clock, IdSource

VERSION = "0.1.0"


class MenuShelf:
    """The menu in force; swapped as a whole, so a basket is priced by one version."""

    def __init__(self, catalogue: Catalogue | None = None) -> None:
        self._catalogue = catalogue

    @property
    def catalogue(self) -> Catalogue | None:
        """The menu in force; None before the first import."""
        return self._catalogue

    def put(self, catalogue: Catalogue) -> None:
        """Bring a menu into force."""
        self._catalogue = catalogue


class Signal:
    """Something changed that a waiting thread or a screen wants to know of; setting it never blocks."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    def notify(self) -> None:
        """Say that something changed."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait(self, seen: int, timeout_s: float) -> int:
        """Wait until the count has passed `seen`, at most so long; gives the count."""
        with self._condition:
            self._condition.wait_for(lambda: self._count > seen, timeout_s)
            return self._count


@dataclass(frozen=True)
class Node:
    """The node as the use cases see it. Built once in `edge.wiring`."""

    settings: EdgeSettings
    db: Storage
    clock: Clock
    chance: Chance
    ids: IdSource
    identity: Identity
    enrolment: Enrolment | None
    vault: Vault
    zone: tzinfo
    devices: DeviceRows = field(default_factory=DeviceRows)
    """The devices of the settings, and the rows that cannot be used."""
    shelf: MenuShelf = field(default_factory=MenuShelf)
    printing: Signal = field(default_factory=Signal)
    """A slip was queued, or a person mended something."""
    committed: Signal = field(default_factory=Signal)
    """Facts were committed that the hub does not have yet."""
    changed: Signal = field(default_factory=Signal)
    """Something that the state bar shows may have changed."""

    @property
    def training(self) -> bool:
        """Without an epoch from the hub nothing that is sold here counts (DESIGN §4)."""
        return self.enrolment is None

    def place(self) -> journal.Place:
        """Where facts of this instant belong.

        Raises:
            AssertionError: the node is not enrolled; callers ask `training` first.
        """
        assert self.enrolment is not None
        now_ms = self.clock.now_ms()
        return journal.Place(
            store=self.enrolment.store,
            epoch=self.enrolment.epoch,
            at_ms=now_ms,
            day=business_day(now_ms, self.zone, self.settings.store.cutoff_minutes),
        )
