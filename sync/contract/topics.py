"""Every MQTT topic, built and parsed in this one place (protocol §5.2).

The partition is part of the topic so that hub workers can share the load on any broker.
"""

import zlib
from collections.abc import Collection
from typing import NamedTuple

from sync.contract import ids

ROOT = "rs1"
PARTITIONS = 256

UP_KINDS = ("hi", "u", "hb", "st", "get", "rq")
DOWN_KINDS = ("wel", "a", "d", "rs")


class StoreTopics(NamedTuple):
    """The topics of one store, all below one prefix (which is what the broker's rights are cut along)."""

    prefix: str

    @property
    def hello(self) -> str:
        """Store → hub: open a session."""
        return f"{self.prefix}/hi"

    @property
    def welcome(self) -> str:
        """Hub → store: the answer to a hello."""
        return f"{self.prefix}/wel"

    @property
    def ack(self) -> str:
        """Hub → store: what is stored."""
        return f"{self.prefix}/a"

    @property
    def heartbeat(self) -> str:
        """Store → hub: how it is."""
        return f"{self.prefix}/hb"

    @property
    def state(self) -> str:
        """The broker's last will for the store."""
        return f"{self.prefix}/st"

    @property
    def pull(self) -> str:
        """Store → hub: ask for a stream."""
        return f"{self.prefix}/get"

    @property
    def data(self) -> str:
        """Hub → store: steps of a stream, pieces of a snapshot."""
        return f"{self.prefix}/d"

    @property
    def question(self) -> str:
        """Store → hub: an online question."""
        return f"{self.prefix}/rq"

    @property
    def answer(self) -> str:
        """Hub → store: the answer to an online question."""
        return f"{self.prefix}/rs"

    def facts(self, lane: int) -> str:
        """Store → hub: a batch of facts of a lane."""
        return f"{self.prefix}/u/{lane}"


class UpTopic(NamedTuple):
    """A store's topic taken apart at the hub."""

    tenant: str
    store: str
    kind: str


def partition(store: str) -> int:
    """Give the partition of a store, 0 to 255."""
    return zlib.crc32(store.encode()) % PARTITIONS


def of_store(tenant: str, store: str) -> StoreTopics:
    """Give the topics of a store."""
    return StoreTopics(f"{ROOT}/{partition(store)}/{tenant}/{store}")


def doorbell(tenant: str) -> str:
    """Give the retained topic that hints at new stream versions."""
    return f"{ROOT}/{tenant}/head"


def hub_subscriptions(tenant: str, partitions: Collection[int] | None = None) -> list[str]:
    """Give what a hub listens to: every up topic of every store of the tenant, or of those in some partitions only."""
    every = partitions is None or len(set(partitions)) == PARTITIONS
    numbers = ["+"] if every or partitions is None else [str(number) for number in sorted(set(partitions))]
    ends = ("hi", "u/+", "hb", "st", "get", "rq")
    return [f"{ROOT}/{number}/{tenant}/+/{end}" for number in numbers for end in ends]


def partition_in(topic: str) -> int | None:
    """Give the partition that a topic names, whatever else it says; None where there is no such number."""
    parts = topic.split("/", 2)
    named = parts[1] if len(parts) > 1 and parts[0] == ROOT else ""
    return int(named) if named.isascii() and named.isdigit() and int(named) < PARTITIONS else None


def parse_up(topic: str) -> UpTopic | None:
    """Take an up topic apart; None for anything that is not one of ours in the right partition."""
    parts = topic.split("/")
    if len(parts) not in {5, 6} or parts[0] != ROOT or parts[4] not in UP_KINDS:
        return None
    store = parts[3]
    if ids.STORE_ID.fullmatch(store) is None or parts[1] != str(partition(store)):
        return None
    return UpTopic(tenant=parts[2], store=store, kind=parts[4])
