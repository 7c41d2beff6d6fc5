"""Down streams: versions without a hole, a running checksum that a store can follow, a doorbell that is signed."""

import threading

import pytest

from cloud.services import streams
from sync.contract import messages
from sync.contract import streams as arithmetic
from sync.contract.facts import ContractError
from sync.node import keys, sealing
from tests.kit.hub_store import HubKit


@pytest.fixture
def hub(tmp_path, hub_database):
    return HubKit(hub_database, tmp_path)


def put(hub, count: int, stream: str = "menu") -> None:
    for number in range(count):
        with hub.database.write() as tx:
            streams.append(tx, stream, op="put", key=f"k{number}", value=b"{}")


class Undone(Exception):
    """The transaction ends here."""


def put_and_fail(hub) -> None:
    with hub.database.write() as tx:
        streams.append(tx, "menu", op="put", key="lost", value=b"{}")
        raise Undone


def read(hub, after: int, limit: int = 200, stream: str = "menu"):
    with hub.database.read() as reader:
        return streams.read(reader, stream, after, limit)


def test_versions_have_no_hole_even_from_many_threads(hub):
    threads = [threading.Thread(target=put, args=(hub, 10)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    batch = read(hub, 0)
    assert [one.version for one in batch.operations] == list(range(1, 41))
    assert arithmetic.checksum_after(arithmetic.checksum_start("menu"), batch) == batch.checksum


def test_a_step_that_is_undone_leaves_no_hole(hub):
    put(hub, 1)
    with pytest.raises(Undone):
        put_and_fail(hub)
    put(hub, 1)
    assert [one.version for one in read(hub, 0).operations] == [1, 2]


def test_a_store_follows_stretch_by_stretch(hub):
    put(hub, 5)
    checksum: bytes | None = arithmetic.checksum_start("menu")
    version = 0
    while True:
        batch = read(hub, version, limit=2)
        assert checksum is not None
        checksum = arithmetic.checksum_after(checksum, batch)
        assert checksum == batch.checksum
        version += len(batch.operations)
        if version == batch.head:
            break
    assert version == 5


def test_a_store_that_is_ahead_sees_that_the_checksums_differ(hub):
    put(hub, 2)
    batch = read(hub, 9)
    assert (batch.operations, batch.head) == ((), 2)
    assert arithmetic.checksum_after(b"something else", batch) is None


def test_a_limit_is_kept_within_the_wires_bound(hub):
    put(hub, 3)
    assert len(read(hub, 0, limit=-5).operations) == 1
    assert len(read(hub, -7, limit=2).operations) == 2


def test_a_stream_that_is_none_is_not_read(hub):
    assert read(hub, 0, stream="nothing") is None


def test_the_doorbell_names_the_versions_and_only_the_hub_can_ring_it(hub):
    put(hub, 3)
    with hub.database.read() as reader:
        payload = streams.doorbell(reader, hub.identity, 5)
    assert sealing.open_doorbell(hub.identity.public.signing, payload) == messages.Doorbell(
        streams={"menu": 3}, hub_ms=5
    )
    with pytest.raises(ContractError):
        sealing.open_doorbell(keys.make_identity(b"x" * 32).public.signing, payload)
