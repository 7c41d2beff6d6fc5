"""Which store has which version of what HQ sends down, and what waits for its day. Reads only."""

import msgspec

from cloud.db import publications as published
from cloud.db import stores
from cloud.db import streams as table
from cloud.db.engine import HubDatabase, Reader
from cloud.services.publish import Publisher
from sync.contract import streams as contract

NEWEST_SHOWN = 30


class StreamVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A stream at a store: the hub's version, the store's (None: it never said), and since when it has that."""

    stream: str
    head: int
    held: int | None
    since_ms: int | None

    @property
    def behind(self) -> bool:
        """Whether the store lacks steps, as far as it said."""
        return self.held is not None and self.held < self.head


class StoreVersions(msgspec.Struct, frozen=True, kw_only=True):
    """Every stream that a store follows."""

    store: str
    streams: tuple[StreamVersion, ...]

    def of(self, name: str) -> tuple[StreamVersion, ...]:
        """Give a stream by its name: the tenant-wide one and the store's own, where there are steps."""
        wanted = (name, contract.own(name, self.store))
        return tuple(one for one in self.streams if one.stream in wanted and (one.head or one.held))


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A publication for the page; `state` is `pending`, `in_force` or `past`, by the hub's business day."""

    stream: str
    number: int
    effective_from: str
    at_once: bool
    state: str
    published_ms: int
    published_by: str


class Versions:
    """Answers what the page of versions asks. Any thread may use it."""

    def __init__(self, database: HubDatabase, publisher: Publisher) -> None:
        self._database = database
        self._publisher = publisher

    def of_stores(self) -> list[StoreVersions]:
        """List every store with its streams."""
        with self._database.read() as reader:
            heads = {head.stream: head.version for head in table.all_heads(reader)}
            held = {(row.store, row.stream): row for row in table.holdings(reader)}
            names = [row.store for row in stores.all_stores(reader)]
        return [self._of(name, heads, held) for name in names]

    def of_store(self, store: str) -> StoreVersions:
        """Give one store's streams."""
        with self._database.read() as reader:
            own = [contract.own(name, store) for name in contract.OF_ONE_STORE]
            heads = {head.stream: head.version for head in table.heads_for(reader, own)}
            held = {(row.store, row.stream): row for row in table.holdings(reader, store)}
        return self._of(store, heads, held)

    def publications(self, store: str = "") -> list[Published]:
        """List the newest publications; of one store: the tenant-wide ones and its own."""
        today = self._publisher.today()
        with self._database.read() as reader:
            rows = published.newest(reader, NEWEST_SHOWN * (4 if store else 1))
            wanted = [row for row in rows if not store or contract.store_of(row.stream) in {"", store}]
            force = {stream: self._in_force(reader, stream, today) for stream in {row.stream for row in wanted}}
        found: list[Published] = []
        for row in wanted[:NEWEST_SHOWN]:
            waits = not row.at_once and row.effective_from > today
            state = "pending" if waits else "in_force" if force[row.stream] == row.number else "past"
            found.append(
                Published(
                    stream=row.stream,
                    number=row.number,
                    effective_from=row.effective_from,
                    at_once=bool(row.at_once),
                    state=state,
                    published_ms=row.published_ms,
                    published_by=row.published_by,
                )
            )
        return found

    def _in_force(self, reader: Reader, stream: str, today: str) -> int | None:
        what, _, store = stream.partition(".")
        row = self._publisher.in_force(reader, what, store, today)
        return row.number if row is not None and row.stream == stream else None

    @staticmethod
    def _of(store: str, heads: dict[str, int], held: dict[tuple[str, str], table.HoldingRow]) -> StoreVersions:
        found: list[StreamVersion] = []
        for stream in contract.followed_by(store):
            row = held.get((store, stream))
            found.append(
                StreamVersion(
                    stream=stream,
                    head=heads.get(stream, 0),
                    held=None if row is None else row.version,
                    since_ms=None if row is None else row.at_ms,
                )
            )
        return StoreVersions(store=store, streams=tuple(found))
