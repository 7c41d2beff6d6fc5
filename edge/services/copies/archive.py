"""Facts that lie in archive files, read as if they were still in the table. One file at a time is kept unpacked."""

import threading
from collections.abc import Callable, Iterator

from edge.db import archives, journal
from edge.db.archives import ArchiveLane, ArchiveRow
from edge.db.journal import Stored
from sync.contract import limits
from sync.engine.store_link import Batch
from sync.node.archives import ArchivedFact, ArchiveFiles, ArchiveLost, unpack
from sync.node.database import Reader

OnLost = Callable[[ArchiveRow, list[ArchiveLane], str], None]


class Archives:
    """The node's archive files. Any thread may use it."""

    def __init__(self, files: ArchiveFiles) -> None:
        self.files = files
        self._lock = threading.Lock()
        self._held = b""
        self._facts: list[ArchivedFact] = []

    def facts_of(self, row: ArchiveRow) -> list[ArchivedFact]:
        """Give what a file holds, in commit order.

        Raises:
            ArchiveLost: it is missing, or is not what was archived.
        """
        with self._lock:
            if self._held != row.sha256:
                self._facts = unpack(row.name, self.files.read(row.name), row.sha256)
                self._held = row.sha256
            return self._facts

    def lane_facts(self, reader: Reader, epoch: int, lane: int, first: int) -> list[ArchivedFact]:
        """Give facts of a lane from a seq on, as far as the file that holds it reaches.

        Raises:
            LookupError: no archive holds it.
            ArchiveLost: the file that does is lost.
        """
        row = archives.holding(reader, epoch, lane, first)
        if row is None:
            raise LookupError(f"lane {lane} of epoch {epoch} has no fact {first}, here or in an archive")
        return [fact for fact in self.facts_of(row) if (fact.epoch, fact.lane) == (epoch, lane) and fact.seq >= first]

    def read_batch(self, reader: Reader, place: tuple[str, int, int], first: int, last: int) -> Batch:
        """Read facts for sending, from the table or, where the hub asks for what left it, from an archive.

        Raises:
            LookupError: there is no fact `first`.
            ArchiveLost: it lies in a file that is lost.
        """
        store, epoch, lane = place
        if (
            first > 1
            and journal.has_fact(reader, epoch, lane, first)
            and journal.has_fact(reader, epoch, lane, first - 1)
        ):
            return journal.read_batch(reader, place, first, last)
        if first == 1 and journal.has_fact(reader, epoch, lane, 1):
            return journal.read_batch(reader, place, first, last)
        if journal.has_fact(reader, epoch, lane, first):
            # The table begins here: the chain before it is the end of the last archive.
            return journal.read_batch(reader, place, first, last, self.chain_at(reader, place, first - 1))
        raws: list[bytes] = []
        size, after = 0, b""
        for fact in self.lane_facts(reader, epoch, lane, first):
            if fact.seq > last or (raws and size + len(fact.raw) > limits.BATCH_PLAIN_BYTES_TARGET):
                break
            raws.append(fact.raw)
            size += len(fact.raw)
            after = fact.chain
        return Batch(raws, self.chain_at(reader, (store, epoch, lane), first - 1), after)

    def chain_at(self, reader: Reader, place: tuple[str, int, int], seq: int) -> bytes:
        """Give the chain value behind a seq, wherever its fact lies."""
        store, epoch, lane = place
        held = journal.chain_at(reader, store, epoch, lane, seq)
        return self.lane_facts(reader, epoch, lane, seq)[0].chain if held is None else held

    def trade_fact(self, reader: Reader, epoch: int, seq: int) -> bytes:
        """Give the bytes of a lane 0 fact, wherever it lies.

        Raises:
            LookupError: there is no such fact.
            ArchiveLost: it lies in a file that is lost.
        """
        try:
            return journal.fact_of_sale(reader, epoch, seq)
        except LookupError:
            return self.lane_facts(reader, epoch, 0, seq)[0].raw

    def walk(self, reader: Reader, on_lost: OnLost) -> Iterator[tuple[int, Stored]]:
        """Walk every fact in commit order, first through the archives, then through the table.

        A row that stands is the one that counts, for an archive whose rows are not all deleted yet; its file is read all
        the same. A file that is lost is told of, and the walk goes on behind it.
        """
        reached = 0
        for row in archives.all_archives(reader):
            standing = {fact.n: fact for fact in archives.rows_between(reader, row.first_n, row.last_n)}
            # What the table has between two archives was never archived: it comes in its place.
            yield from _stored(archives.rows_between(reader, reached + 1, row.first_n - 1))
            reached = row.last_n
            try:
                held = self.facts_of(row)
            except ArchiveLost as lost:
                if len(standing) == row.facts:
                    yield from _stored(list(standing.values()))
                on_lost(row, archives.lanes_of(reader, row.name), str(lost))
                continue
            yield from _stored([standing.get(fact.n, fact) for fact in held])
        yield from journal.by_number(reader, after=reached)


def _stored(rows: list[ArchivedFact]) -> Iterator[tuple[int, Stored]]:
    for row in rows:
        yield (
            row.epoch,
            Stored(row.lane, row.seq, row.n, row.fact_id, row.kind, row.at_ms, row.raw, row.chain, row.seal),
        )
