"""The stores of `bench sync` that were cut off: what they sold is written once, and put back to that moment before each drain.

Founding a hub and stores and selling 7,000 orders takes longer than all the drains together, and every drain of the very
same week is the fairer comparison. The hub on PostgreSQL is the one on SQLite, moved.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sqlalchemy import delete, insert, select

from cloud.db import migrate
from cloud.db.engine import open_engine
from cloud.db.schema import metadata
from edge.services.hub.enrolment import GRANT_FILE
from scripts.bench_week import write_week
from scripts.demo_world import World
from scripts.postgres import Cluster

MEMORY = Path("/dev/shm")  # noqa: S108 - only what is thrown away is written there, in a folder of our own
MEMORY_BYTES_MIN = 1_000_000_000
FOUNDED = "founded"


class Backlog:
    """A founded world whose stores sold while nothing else ran.

    Args:
        world: not founded yet; it is on the disk whenever something is measured.
        orders: how many each store sells.
        seed: same seed, same orders.
        say: told how far it is.

    Attributes:
        facts: how many each store wrote.
    """

    def __init__(self, world: World, orders: Sequence[int], seed: int, say: Callable[[str], None]) -> None:
        self.world = world
        self._saved = world.folder.with_name(f"{world.folder.name}-saved")
        self._in_postgresql: Cluster | None = None
        with _quick_folder(world.folder):
            world.found()
            self.facts = [
                write_week(store.config, count, seed + number, say)
                for number, (store, count) in enumerate(zip(world.stores, orders, strict=True))
            ]
            world.hub.stop()
            shutil.copytree(world.folder, self._saved)

    def put_back(self, database_url: str = "") -> None:
        """Stop everything and put hub and store back to before the drain; nothing runs afterwards.

        Args:
            database_url: the hub's database, as `move_to` gave it; empty for the SQLite file of its folder.
        """
        self.stop()
        shutil.rmtree(self.world.folder, ignore_errors=True)
        shutil.copytree(self._saved, self.world.folder)
        if database_url:
            settings = self.world.folder / "hub.toml"
            settings.write_text(
                f'database = "{database_url}"\n{settings.read_text(encoding="utf-8")}', encoding="utf-8"
            )
        # What was copied must not be written out by a commit that is measured.
        os.sync()

    def start_hub(self) -> None:
        """Start the broker and then the hub, so that the hub need not try again."""
        self.world.run_broker()
        self.world.hub.start()

    def stop(self) -> None:
        """Stop the processes, those that feed the others first."""
        for process in (*(store.node for store in self.world.stores), self.world.broker, self.world.hub):
            process.stop()

    def reroute(self, number: int, port: int) -> None:
        """Have a store find the broker at another port, until it is put back."""
        path = self.world.stores[number].folder / "data" / GRANT_FILE
        grant = msgspec.json.decode(path.read_bytes())
        grant["broker"]["port"] = port
        path.write_bytes(msgspec.json.encode(grant))

    def move_to(self, cluster: Cluster) -> str:
        """Give the URL of a new PostgreSQL database that holds what the hub held before the drain."""
        if self._in_postgresql is not cluster:
            _move(f"sqlite:///{self._saved / 'hub' / 'hub.db'}", cluster.url(cluster.make_database(FOUNDED)))
            self._in_postgresql = cluster
        return cluster.url(cluster.make_database(template=FOUNDED))


def _move(from_url: str, to_url: str) -> None:
    """Bring a hub that has no facts yet into another database."""
    before, after = open_engine(from_url), open_engine(to_url)
    try:
        migrate.migrate(after)
        with before.read() as reader, after.write() as tx:
            for table in metadata.sorted_tables:
                rows = [dict(row._mapping) for row in reader.rows(select(table))]  # noqa: SLF001 - its public name
                if tx.row(select(table).limit(1)) is not None:
                    tx.run(delete(table))
                if rows:
                    tx.run(insert(table), rows)
    finally:
        before.close()
        after.close()


@contextmanager
def _quick_folder(folder: Path) -> Iterator[None]:
    """Have a folder in memory while it is filled, where there is enough of it: 14,000 commits, none of them measured."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < MEMORY_BYTES_MIN:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="zhanggui-bench-", dir=MEMORY) as made:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.symlink_to(made, target_is_directory=True)
        try:
            yield
        finally:
            folder.unlink()
